"""What looks like a secret, by the patterns that detect-secrets publishes.

Its detectors that guess (by entropy, by a variable's name) and its one for IP addresses are left
out: a finding here is worth stopping for.
"""

import hashlib
import inspect
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module, util
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from headrace.lint.cache import LARGE, Memory

ALLOWED = re.compile(r"pragma: ?(allow|white)list[ -]secret")
ALLOWED_NEXT = re.compile(r"pragma: ?allowlist[ -]nextline[ -]secret")
LEFT_OUT = {"IPPublicDetector"}


def find(root: Path, names: list[str], memory: Memory) -> Iterator[tuple[str, int, str]]:
    """Yield file, line and kind of what looks like a secret.

    Importing the detectors takes a fifth of a second, so it is remembered which texts are clean.
    What is larger than 1 MiB is not looked through: `large-file` tells of it.
    """
    scanner = _scanner()
    for name in names if scanner else []:
        path = root / name
        if path.stat().st_size > LARGE or b"\0" in (content := path.read_bytes())[:8000]:
            continue
        mark = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if memory.is_clean(scanner, mark):
            continue
        places = list(_in_text(content.decode("utf-8", "replace")))
        if not places:
            memory.keep_clean(scanner, mark)
        yield from ((name, line, kind) for line, kind in places)


def _in_text(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and kind of what a detector finds and no comment allows."""
    lines = text.splitlines()
    for detector, pattern in _patterns():
        for match in pattern.finditer(text):
            number = len(text[: match.start() + 1].splitlines())
            line, before = lines[number - 1], lines[number - 2] if number > 1 else ""
            allowed = ALLOWED.search(line) or ALLOWED_NEXT.search(before)
            if not allowed and any(detector.analyze_string(line)):  # it has doubts of its own
                yield number, str(detector.secret_type)


@cache
def _patterns() -> list[tuple[Any, re.Pattern[str]]]:
    """Return each detector that goes by patterns, with each of these."""
    from detect_secrets import plugins
    from detect_secrets.plugins.base import RegexBasedDetector

    names = (f"{plugins.__name__}.{module.name}" for module in iter_modules(plugins.__path__))
    kinds = {
        kind
        for module in map(import_module, names)
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, RegexBasedDetector) and not inspect.isabstract(kind)
    }
    used = sorted((kind for kind in kinds if kind.__name__ not in LEFT_OUT), key=str)
    detectors = [kind() for kind in used]
    return [(detector, pattern) for detector in detectors for pattern in detector.denylist]


def _scanner() -> str:
    """Return what tells one version of the patterns from another; nothing where none is there."""
    found = util.find_spec("detect_secrets")
    return str(Path(found.origin).stat().st_mtime_ns) if found and found.origin else ""
