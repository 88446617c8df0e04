"""Change a value in a YAML file, and nothing else: comments, quotes, order and gaps stay."""

import json
import re
from bisect import bisect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace.core import yaml, yaml_items, yaml_nodes
from headrace.errors import ProjectError

PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./@#-]*(?: [A-Za-z0-9_./@-]+)*")


def added(path: Path, keys: tuple[str, ...], value: str, *, ordered: bool = False) -> str:
    """Return a file's text with a text in the list at these keys: at its end, or in its order.

    Errors:
        ProjectError: no list stands there.
    """
    text = path.read_text("utf-8")
    _, node = yaml_nodes.find_node(yaml_nodes.compose(text), keys)
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
    _, node = yaml_nodes.find_node(yaml_nodes.compose(text), keys)
    end = _end(node.value[place - 1]) if place else 0
    return yaml_items.inserted(text, node, place, _written(value), end)


def replaced(path: Path, values: Mapping[str, Any]) -> str:
    """Return a file's text with other values at these dotted names, which must be there.

    A list to which only items were added keeps its lines and their comments.

    Errors:
        ProjectError: a name is not there.
    """
    text = path.read_text("utf-8")
    for dotted, value in values.items():
        keys = tuple(dotted.split("."))
        key, node = yaml_nodes.find_node(yaml_nodes.compose(text), keys)
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
    inside = yaml_nodes.children(node) if not getattr(node, "flow_style", True) else []
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
