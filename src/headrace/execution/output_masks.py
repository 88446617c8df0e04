"""What differs in an output's text from run to run: addresses, paths of the clone, random ids.

Each is known by its form, and replaced by something of the same form that does not differ.
"""

import os
import re
import sys
import uuid
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

VOLATILE = (
    r"(?<=\bat )0x[0-9a-fA-F]{6,16}\b",  # <A object at 0x7f…>
    r"(?<=\bstarted )\d{5,}(?=\))",  # <Thread(Thread-1, started 139…)>
    r"(?<=\bstopped )\d{5,}(?=\))",
    r"(?<=\bdaemon )\d{5,}(?=\))",
    r"(?<=\bowner=)[1-9]\d{4,}\b",  # <locked _thread.RLock object owner=139… count=1 at …>
    r"(?<=\bid=')\d{9,}(?=')",  # <Mock id='139…'>
    r"(?<=, handle )[0-9a-f]{6,16}(?= at )",  # <CDLL 'None', handle 7f… at …>
    r"(?<=\bpid=)\d+\b",  # <Process name='Process-1' pid=4711 parent=4710 started>
    r"(?<=\bparent=)\d+\b",
    r"(?<=\bobject at )[0-9a-f]{8,16}\b",  # <ExecutionResult object at 7f…>, of IPython
    r"(?<=\bdisplay_id=)[0-9a-f]{32}\b",  # <DisplayHandle display_id=f79c…>
    r"(?<=' )0x[0-9a-f]{6,16}(?=>)",  # <cdata 'int *' 0x7f…>
    r"(?<=' \()0x[0-9a-f]{6,16}(?=\)>)",  # <cparam 'P' (0x7f…)>
    r"(?<=\bTimerHandle when=)\d+(?:\.\d+)?",
)
VALUE = rf"(?<=[ ='(])(?=[0-9a-f])(?:{'|'.join(VOLATILE)})"  # what most places lack is asked first
GENERATOR = r"\b(?:Generator|RandomState)\(\w+\) at 0x[0-9A-F]{6,16}\b"
"""NumPy shows its generators of random numbers without < and >."""
HINT = re.compile(f"{VALUE}|{GENERATOR}")
LINE = re.compile(rf"^.*(?:{VALUE}|{GENERATOR}).*$", re.MULTILINE)
TOKEN = re.compile(
    rf"(?P<open><|&lt;)|(?P<close>(?<![-=])(?:>|&gt;))|(?P<value>{VALUE})|(?P<generator>{GENERATOR})"
)

MODULE = ("from '", "from file '", "origin='", "renaming '", "' (", ") (")
"""What stands before a module's file in reprs, and in errors of imports."""

UUID = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32}"
QUOTE = r"(?:\\?[\"']|&quot;|&#34;)"
IDS = (
    re.compile(rf"\bid={QUOTE}[\w-]*?({UUID})"),  # altair, matplotlib's jshtml, plotly, xarray
    re.compile(rf"\b(?:docid|elementid){QUOTE}:\s*{QUOTE}({UUID})"),  # bokeh
    re.compile(rf"\bid={QUOTE}(T_[0-9a-f]{{5}})(?:_|{QUOTE})"),  # pandas' Styler
)
"""Where an id that a library draws at random stands in HTML or in the script beside it."""
ID = re.compile(rf"(?=({UUID}|T_[0-9a-f]{{5}}))")
"""What may be an id, wherever it begins: other hexadecimal digits may stand before it."""


def mask_reprs(text: str) -> str:
    """Mask addresses, threads and processes within reprs: between a < and the > that belongs to it.

    So is the address of a NumPy generator. An arrow (->, =>) closes nothing. In HTML a < may be
    written &lt;.
    """
    if not HINT.search(text):
        return text
    return LINE.sub(lambda match: _mask_line(match[0]), text)


def _mask_line(line: str) -> str:
    depth = 0

    def replace(token: re.Match[str]) -> str:
        nonlocal depth
        if token["value"]:
            return _masked(token["value"]) if depth else token["value"]
        if token["generator"]:
            return f"{token['generator'].rpartition('0x')[0]}0x…"
        depth = depth + 1 if token["open"] else max(depth - 1, 0)
        return token[0]

    return TOKEN.sub(replace, line)


def _masked(value: str) -> str:
    return "0x…" if value.startswith("0x") else "…"


def relative_paths(root: Path) -> Callable[[str], str]:
    """Return a function that makes places in source files relative to the clone, `root`.

    A place is a file with a line, as warnings and tracebacks name it, or one that Python names as a
    module's: the study's own modules, and libraries of its environment, which counts as `.venv`
    wherever it lies.
    """
    prefixes = dict(_prefixes(root))
    longest_first = sorted(prefixes, key=len, reverse=True)
    names = "|".join(map(re.escape, longest_first))
    path = (
        rf"({names})/([^\n\"':]{{1,300}}?\.(?:pyx?|so))"  # no longer: it may begin all over a text
    )
    place = re.compile(rf"{path}(?=:\d|[\"']?, line \d|([')]))")

    def make_relative(text: str) -> str:
        def shorten(match: re.Match[str]) -> str:
            if match[3] and not text.endswith(MODULE, 0, match.start()):
                return match[0]
            return f"{prefixes[match[1]]}{match[2]}"

        return place.sub(shorten, text) if ".py" in text or ".so" in text else text

    return make_relative


def _prefixes(root: Path) -> Iterator[tuple[str, str]]:
    """Yield folders and what stands for them; IPython writes the user's home as ~."""
    home = os.path.expanduser("~")  # noqa: PTH111  # pathlib's raises where nobody knows it
    for folder, short in ((root, ""), (Path(sys.prefix), ".venv/")):
        for path in {str(folder), str(folder.resolve())}:
            yield path, short
            if path.startswith(f"{home}/"):
                yield f"~{path[len(home) :]}", short


class StableIds:
    """Gives random ids the number of their first appearance in the notebook, in the same form."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._names: dict[str, str] = {}

    def replace(self, text: str) -> str:
        """Replace the random ids of an HTML text, or of a script, wherever they stand in it."""
        found = dict.fromkeys(match for form in IDS for match in form.findall(text))
        if not found:
            return text
        for name in found:
            if name not in self._names:
                self._names[name] = _numbered(name, next(self._numbers))
        parts, end = [], 0
        for match in ID.finditer(text):
            if match[1] in found and match.start() >= end:
                parts += [text[end : match.start()], self._names[match[1]]]
                end = match.start() + len(match[1])
        return "".join([*parts, text[end:]])


def _numbered(name: str, number: int) -> str:
    """Return an id of the same form that is made of a number."""
    if name.startswith("T_"):
        return f"T_{number:05x}"
    identity = uuid.UUID(int=number)
    return str(identity) if "-" in name else identity.hex
