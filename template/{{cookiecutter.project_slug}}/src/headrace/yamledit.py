"""Change a value in a YAML file, and nothing else: comments, quotes, order and gaps stay."""

import json
import re
from bisect import bisect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace import yamlfile, yamllines
from headrace.errors import ProjectError

PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./@#-]*(?: [A-Za-z0-9_./@-]+)*")


def added(path: Path, keys: tuple[str, ...], value: str, *, ordered: bool = False) -> str:
    """Return a file's text with a text in the list at these keys: at its end, or in its order.

    Errors:
        ProjectError: no list stands there.
    """
    text = path.read_text("utf-8")
    _, node = yamllines.find(yamllines.compose(text), keys)
    if node is None or node.id != "sequence":
        raise ProjectError(
            f"{path.name} has no list {'.'.join(keys)}. Next: add it as the template has it"
        )
    known = [str(item.value) for item in node.value]
    if value in known:
        return text
    place = bisect(known, value) if ordered else len(known)
    made = (
        _in_flow(text, node, place, value)
        if node.flow_style
        else _in_block(text, node, place, value)
    )
    return _checked(path, made, keys, [*known[:place], value, *known[place:]])


def _in_flow(text: str, node: Any, place: int, value: str) -> str:
    items = [text[one.start_mark.index : one.end_mark.index] for one in node.value]
    listed = ", ".join([*items[:place], _written(value), *items[place:]])
    return f"{text[: node.start_mark.index]}[{listed}]{text[node.end_mark.index :]}"


def _in_block(text: str, node: Any, place: int, value: str) -> str:
    """Put a line before the item at that place, or after the last one."""
    lines = text.splitlines(keepends=True)
    after = place == len(node.value)
    item = node.value[-1] if after else node.value[place]
    at = text.count("\n", 0, _end(item)) + 1 if after else item.start_mark.line
    lines[at - 1] = lines[at - 1] if lines[at - 1].endswith("\n") else f"{lines[at - 1]}\n"
    return "".join(
        [*lines[:at], f"{' ' * node.start_mark.column}- {_written(value)}\n", *lines[at:]]
    )


def replaced(path: Path, values: Mapping[str, Any]) -> str:
    """Return a file's text with other values at these dotted names, which must be there.

    Errors:
        ProjectError: a name is not there.
    """
    text = path.read_text("utf-8")
    for dotted, value in values.items():
        keys = tuple(dotted.split("."))
        key, node = yamllines.find(yamllines.compose(text), keys)
        if key is None:
            raise ProjectError(f"{path.name} has no {dotted}. Next: add it, or name another")
        made = f"{text[: key.end_mark.index]}: {_written(value)}{text[_end(node) :]}"
        text = _checked(path, made, keys, value)
    return text


def _end(node: Any) -> int:
    """Return where a value ends; what the parser says of a block is where the next thing begins."""
    inside = yamllines.children(node) if not getattr(node, "flow_style", True) else []
    return _end(inside[-1][2]) if inside else int(node.end_mark.index)


def _written(value: Any) -> str:
    """Return a value as one would write it on a line."""
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, str) and PLAIN.fullmatch(value) and _read(value) == value:
        return value
    return json.dumps(value, ensure_ascii=False)


def _read(text: str) -> Any:
    return yamlfile.parse(f"a: {text}\n".encode(), "a value")["a"]


def _checked(path: Path, text: str, keys: tuple[str, ...], value: Any) -> str:
    """Return a text that was changed, once it is sure that it says what it should.

    Errors:
        ProjectError: the file is written in a way that cannot be changed line by line.
    """
    dotted = ".".join(keys)
    if yamlfile.lookup(yamlfile.parse(text.encode(), path.name), dotted) != value:
        raise ProjectError(
            f"{path.name}: {dotted} cannot be changed here. Next: write {value!r} there"
        )
    return text
