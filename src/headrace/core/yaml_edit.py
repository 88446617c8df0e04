"""Change a value in a YAML file, and nothing else: comments, quotes, order and gaps stay."""

import json
import re
from bisect import bisect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace.core import yaml
from headrace.errors import ProjectError

PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./@#-]*(?: [A-Za-z0-9_./@-]+)*")


def added(path: Path, keys: tuple[str, ...], value: str, *, ordered: bool = False) -> str:
    """Return a file's text with a text in the list at these keys: at its end, or in its order.

    Errors:
        ProjectError: no list stands there.
    """
    text = path.read_text("utf-8")
    _, node = yaml.find_node(yaml.compose(text), keys)
    if node is None or node.id != "sequence":
        raise ProjectError(
            f"{path.name} has no list {'.'.join(keys)}. Next: add it as the template has it"
        )
    known = [str(item.value) for item in node.value]
    if value in known:
        return text
    place = bisect(known, value) if ordered else len(known)
    made = _inserted(text, keys, place, value)
    return _checked(path, made, keys, [*known[:place], value, *known[place:]])


def _inserted(text: str, keys: tuple[str, ...], place: int, value: Any) -> str:
    _, node = yaml.find_node(yaml.compose(text), keys)
    end = _end(node.value[place - 1]) if place else 0
    return _insert(text, node, place, _written(value), end)


def replaced(path: Path, values: Mapping[str, Any]) -> str:
    """Return a file's text with other values at these dotted names, which must be there.

    A list to which only items were added keeps its lines and their comments.

    Errors:
        ProjectError: a name is not there.
    """
    text = path.read_text("utf-8")
    for dotted, value in values.items():
        keys = tuple(dotted.split("."))
        key, node = yaml.find_node(yaml.compose(text), keys)
        if key is None:
            raise ProjectError(f"{path.name} has no {dotted}. Next: add it, or name another")
        made = _longer(text, keys, value) if isinstance(value, list) else None
        if made is None:
            made = f"{text[: key.end_mark.index]}: {_written(value)}{text[_end(node) :]}"
        text = _checked(path, made, keys, value)
    return text


def _longer(text: str, keys: tuple[str, ...], value: list[Any]) -> str | None:
    """Return a text with a longer list at these keys; None where an item must go or change."""
    there = yaml.lookup(yaml.parse(text.encode(), "the file"), ".".join(keys))
    known = [*map(json.dumps, there)] if isinstance(there, list) else None
    if known is None:
        return None
    for place, one in enumerate(value):
        if known[place : place + 1] != [json.dumps(one)]:
            text = _inserted(text, keys, place, one)
            known.insert(place, json.dumps(one))
    return text if len(known) == len(value) else None


def _end(node: Any) -> int:
    """Return where a value ends; what the parser says of a block is where the next thing begins."""
    inside = yaml.children(node) if not getattr(node, "flow_style", True) else []
    return _end(inside[-1][2]) if inside else int(node.end_mark.index)


def _written(value: Any) -> str:
    """Return a value as one would write it on a line."""
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, str) and PLAIN.fullmatch(value) and _read(value) == value:
        return value
    return json.dumps(value, ensure_ascii=False)


def _read(text: str) -> Any:
    return yaml.parse(f"a: {text}\n".encode(), "a value")["a"]


def _checked(path: Path, text: str, keys: tuple[str, ...], value: Any) -> str:
    """Return a text that was changed, once it is sure that it says what it should.

    Errors:
        ProjectError: the file is written in a way that cannot be changed line by line.
    """
    dotted = ".".join(keys)
    if yaml.lookup(yaml.parse(text.encode(), path.name), dotted) != value:
        raise ProjectError(
            f"{path.name}: {dotted} cannot be changed here. Next: write {value!r} there"
        )
    return text


COMMA = re.compile(r"[ \t]*,")
COMMENT = re.compile(r"[ \t]*#.*\n")


def _insert(text: str, node: Any, place: int, written: str, end: int) -> str:
    """Return a text with an item before that place of a list, or at its end.

    `node` is the list as `yamllines.compose` finds it; `end` is where the item before ends.
    """
    if not node.flow_style:
        return _in_block(text, node, place, written, end)
    if node.value and place:
        return _after(text, node, place, written, end)
    return _first(text, node, written)


def _in_block(text: str, node: Any, place: int, written: str, end: int) -> str:
    """Put a line after the item before it, and after what is said of that one."""
    line = f"{' ' * node.start_mark.column}- {written}\n"
    if not place:
        return _put(text, _above(text, node.value[0].start_mark.index, 0), line)
    at = _line_end(text, end)
    return _put(text, at, line if text[:at].endswith("\n") else f"\n{line}")


def _first(text: str, node: Any, written: str) -> str:
    """Put an item first in brackets."""
    begin = node.start_mark.index + 1
    if not node.value:
        return _put(text, begin, written)
    at = node.value[0].start_mark.index
    indent = _indent(text, at)
    if indent is None:
        return _put(text, at, f"{written}, ")
    return _put(text, _above(text, at, begin), f"{indent}{written},\n")


def _after(text: str, node: Any, place: int, written: str, end: int) -> str:
    """Put an item after another one in brackets: on a line of its own if that one has it."""
    indent = _indent(text, node.value[place - 1].start_mark.index)
    last, comma, at = place == len(node.value), COMMA.match(text, end), _line_end(text, end)
    following = node.end_mark.index - 1 if last else node.value[place].start_mark.index
    if indent is None or following < at or not (last or comma):
        return _put(text, end, f", {written}")
    if comma:
        return _put(text, at, f"{indent}{written},\n")
    return _put(_put(text, at, f"{indent}{written}\n"), end, ",")


def _put(text: str, at: int, more: str) -> str:
    return f"{text[:at]}{more}{text[at:]}"


def _indent(text: str, at: int) -> str | None:
    """Return the spaces before an item; None where it does not begin its line."""
    before = text[text.rfind("\n", 0, at) + 1 : at]
    return before if not before.strip() else None


def _line_end(text: str, at: int) -> int:
    """Return where the next line begins."""
    return text.find("\n", at) + 1 or len(text)


def _above(text: str, at: int, begin: int) -> int:
    """Return where an item's line begins, or the comments above it, but not before `begin`."""
    line = text.rfind("\n", 0, at) + 1
    while line > begin:
        above = text.rfind("\n", 0, line - 1) + 1
        if above < begin or not COMMENT.fullmatch(text, above, line):
            break
        line = above
    return line
