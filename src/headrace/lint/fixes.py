"""What `headrace fix` does about a finding, in the text of a file: every other byte stays."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from headrace.core import pipeline, yaml
from headrace.core.yaml import Key


@dataclass(frozen=True)
class Strip:
    """Take outputs and volatile metadata out of a notebook."""

    notebook: str


@dataclass(frozen=True)
class AddDep:
    """List a file among a stage's deps; `keys` is where those stand in its pipeline file."""

    stage: str
    keys: tuple[Key, ...]
    path: str
    file: str = pipeline.MAIN

    def __str__(self) -> str:
        """Say what was done."""
        return f"{self.file}: stage {self.stage}: {self.path} added to the deps"

    def apply(self, text: str) -> str:
        """Return the file with the dep after the last one; unchanged where that is not plain."""
        key, deps = yaml.find_node(yaml.compose(text), self.keys)
        if not _is_block_list(key, deps):
            return text
        lines = text.splitlines(keepends=True)
        item = deps.value[-1]
        start = lines[item.start_mark.line][: item.start_mark.column]
        if start.strip() != "-":
            return text
        _insert(lines, _last_line(item), f"{start}{_quoted(self.path)}")
        return _checked(text, "".join(lines), self)

    def means(self, deps: list[Any]) -> list[Any]:
        """Return what the stage's deps are to be."""
        return [*deps, self.path]


@dataclass(frozen=True)
class Uncache:
    """Keep a metric in git, not in DVC's cache; `keys` is where it stands in its pipeline file."""

    stage: str
    keys: tuple[Key, ...]
    path: str
    file: str = pipeline.MAIN

    def __str__(self) -> str:
        """Say what was done."""
        return f"{self.file}: stage {self.stage}: cache: false set for {self.path}"

    def apply(self, text: str) -> str:
        """Return the file with `cache: false`; unchanged where that is not plain."""
        root = yaml.compose(text)
        key, listed = yaml.find_node(root, self.keys[:-1])
        if not _is_block_list(key, listed):
            return text
        _, item = yaml.find_node(root, self.keys)
        lines = text.splitlines(keepends=True)
        if item.id == "scalar":
            _nest(lines, item)
        else:
            _settle(lines, item)
        return _checked(text, "".join(lines), self)

    def means(self, item: Any) -> dict[str, Any]:
        """Return what the metric's entry is to be."""
        path, settings = next(iter(item.items())) if isinstance(item, dict) else (item, None)
        return {path: {**(settings or {}), "cache": False}}


Mend = Strip | AddDep | Uncache


def apply(text: str, mends: Iterable[Mend]) -> tuple[str, list[AddDep | Uncache]]:
    """Return a pipeline file with what can be mended in it, and what was."""
    done = []
    for mend in dict.fromkeys(mends):
        if not isinstance(mend, Strip) and (mended := mend.apply(text)) != text:
            text = mended
            done.append(mend)
    return text, done


def _is_block_list(key: Any, node: Any) -> bool:
    """Tell whether a list has an item to a line, and stands where its key does: no alias."""
    if node is None or node.id != "sequence" or not node.value:
        return False
    here = node.start_mark.line >= key.start_mark.line
    return here and not node.flow_style and node.anchor is None


def _last_line(node: Any) -> int:
    """Return the line in which what a node holds ends."""
    if not (inside := yaml.children(node)):
        return int(node.end_mark.line)
    _, key, value = inside[-1]
    is_nothing = value.id == "scalar" and not value.value and not value.style
    return _last_line(key if is_nothing else value)  # nothing stands where the next key does


def _nest(lines: list[str], item: Any) -> None:
    """Turn `- path` into `- path:` with its setting below."""
    line, column = item.end_mark.line, item.end_mark.column
    lines[line] = f"{lines[line][:column]}:{lines[line][column:]}"
    _insert(lines, line, f"{' ' * (item.start_mark.column + 2)}cache: false")


def _settle(lines: list[str], item: Any) -> None:
    """Give `- path:` its setting, or turn `cache: true` into `cache: false`."""
    _, name, settings = yaml.children(item)[0]
    cache = next((v for key, _, v in yaml.children(settings) if key == "cache"), None)
    if cache is not None:
        start, end = cache.start_mark, cache.end_mark
        line = lines[start.line]
        lines[start.line] = f"{line[: start.column]}false{line[end.column :]}"
    elif not getattr(settings, "flow_style", None):
        inside = yaml.children(settings)
        column = inside[0][1].start_mark.column if inside else item.start_mark.column + 2
        _insert(lines, name.end_mark.line, f"{' ' * column}cache: false")


def _insert(lines: list[str], after: int, line: str) -> None:
    """Put a line after another, with the same end."""
    ending = re.search(r"\r?\n?$", lines[after])
    if not (end := ending[0] if ending else ""):
        end, lines[after] = "", f"{lines[after]}\n"
    lines.insert(after + 1, f"{line}{end}")


def _quoted(path: str) -> str:
    """Return a path as YAML reads it."""
    plain = re.fullmatch(r"[A-Za-z][\w./+-]*[\w]", path)
    return path if plain else "'" + path.replace("'", "''") + "'"


def _checked(old: str, new: str, edit: AddDep | Uncache) -> str:
    """Return the new text if it says the old and this one thing more, else the old."""
    try:
        before, after = (YAML(typ="safe", pure=True).load(text) for text in (old, new))
    except (YAMLError, ValueError):
        return old
    *way, last = edit.keys
    holder = before
    for key in way:
        holder = holder[key]
    holder[last] = edit.means(holder[last])
    return new if before == after else old
