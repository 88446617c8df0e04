"""Change a value in the text of a YAML file: comments, quotes, order and gaps stay.

Each change is checked: the new text must hold what the old one held, and this one change.
"""

import json
import re
from bisect import bisect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from headrace.core import yaml
from headrace.core.yaml import Key
from headrace.errors import ProjectError

PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./@#-]*(?: [A-Za-z0-9_./@-]+)*")
COMMA = re.compile(r"[ \t]*,")
COMMENT = re.compile(r"[ \t]*#.*\n")
SEPARATORS = {ord(char): f"\\u{ord(char):04x}" for char in "\x85\u2028\u2029\ufeff"}


def add_item(path: Path, keys: Sequence[str], value: str, *, ordered: bool = False) -> str:
    """Return a file's text with a string in the list at these keys: at its end, or in its order.

    Errors:
        ProjectError: there is no such list, or it cannot be changed line by line.
    """
    text = path.read_text("utf-8")
    items = [str(item.value) for item in _list_at(text, path.name, keys).value]
    if value in items:
        return text
    place = bisect(items, value) if ordered else len(items)
    changed = _insert(text, keys, place, value)
    return _checked(path.name, text, changed, keys, [*items[:place], value, *items[place:]])


def append_line(text: str, name: str, keys: Sequence[Key], value: str) -> str:
    """Return a text with a string as the last line of the list at these keys.

    `name` is what messages call the file.

    Errors:
        ProjectError: there is no list with an item to a line, or it cannot be changed.
    """
    node = _list_at(text, name, keys)
    if node.flow_style or not node.value:
        raise ProjectError(
            f"{name}: {_dotted(keys)} has no line of its own for each item. Next: write it so"
        )
    changed = _insert(text, keys, len(node.value), value)
    old = yaml.parse(text.encode(), name)
    return _checked(name, text, changed, keys, [*_value_at(old, keys), value])


def set_values(path: Path, values: Mapping[str, Any]) -> str:
    """Return a file's text with other values at these dotted names, which must exist.

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
        changed = _with_more_items(text, keys, value) if isinstance(value, list) else None
        if changed is None:
            changed = f"{text[: key.end_mark.index]}: {to_yaml(value)}{text[_end(node) :]}"
        text = _checked(path.name, text, changed, keys, value)
    return text


def set_option(text: str, name: str, keys: Sequence[Key], option: str, value: Any) -> str:
    """Return a text in which an item of a list, `- path` or `- path:`, has an option below it.

    Errors:
        ProjectError: it is written in a way that cannot be changed.
    """
    _list_at(text, name, keys[:-1])
    _, item = yaml.find_node(yaml.compose(text), keys)
    old = _value_at(yaml.parse(text.encode(), name), keys)
    entry, options = next(iter(old.items())) if isinstance(old, dict) else (old, None)
    options = options or {}
    if item is None or not isinstance(options, dict):
        raise ProjectError(
            f"{name}: {_dotted(keys)} can have no option {option}. Next: add it by hand"
        )
    changed = _with_option(text, item, option, to_yaml(value))
    first = {} if option in options else {option: value}  # it is written above the others
    return _checked(name, text, changed, keys, {entry: {**first, **options, option: value}})


def _with_option(text: str, item: Any, option: str, value: str) -> str:
    below = " " * (item.start_mark.column + 2)
    if item.id == "scalar":
        end = item.end_mark.index
        return _line_after(f"{text[:end]}:{text[end:]}", end, f"{below}{option}: {value}")
    _, key, options = yaml.children(item)[0]
    existing = next((node for name, _, node in yaml.children(options) if name == option), None)
    if existing is not None:
        return f"{text[: existing.start_mark.index]}{value}{text[existing.end_mark.index :]}"
    if getattr(options, "flow_style", False):
        return text
    for _, first, _ in yaml.children(options)[:1]:
        below = " " * first.start_mark.column
    return _line_after(text, key.end_mark.index, f"{below}{option}: {value}")


def _list_at(text: str, name: str, keys: Sequence[Key]) -> Any:
    _, node = yaml.find_node(yaml.compose(text), keys)
    if node is None or node.id != "sequence":
        raise ProjectError(
            f"{name} has no list {_dotted(keys)}. Next: add it as the template has it"
        )
    return node


def _with_more_items(text: str, keys: Sequence[Key], value: list[Any]) -> str | None:
    """Return a text with a longer list at these keys; None where an item must go or change."""
    old = _value_at(yaml.parse(text.encode(), "the file"), keys)
    if not isinstance(old, list):
        return None
    items = [json.dumps(item) for item in old]  # as text: 1 is not true here
    for place, item in enumerate(value):
        if items[place : place + 1] != [json.dumps(item)]:
            text = _insert(text, keys, place, item)
            items.insert(place, json.dumps(item))
    return text if len(items) == len(value) else None


def _insert(text: str, keys: Sequence[Key], place: int, value: Any) -> str:
    """Return a text with an item before that place of a list, or at its end."""
    _, node = yaml.find_node(yaml.compose(text), keys)
    if not node.flow_style:
        return _insert_line(text, node, place, to_yaml(value))
    if node.value and place:
        return _insert_after(text, node, place, to_yaml(value))
    return _insert_first(text, node, to_yaml(value))


def _insert_line(text: str, node: Any, place: int, item: str) -> str:
    """Insert a line after the item before it and that one's comment, written as that one is."""
    before = node.value[max(place - 1, 0)].start_mark.index
    start = text[text.rfind("\n", 0, before) + 1 : before]
    start = start if start.strip() == "-" else f"{' ' * node.start_mark.column}- "
    if place:
        return _line_after(text, _end(node.value[place - 1]), f"{start}{item}")
    return _splice(text, _above(text, before, 0), f"{start}{item}\n")


def _insert_first(text: str, node: Any, item: str) -> str:
    """Insert an item first in brackets."""
    begin = node.start_mark.index + 1
    if not node.value:
        return _splice(text, begin, item)
    at = node.value[0].start_mark.index
    indent = _indent(text, at)
    if indent is None:
        return _splice(text, at, f"{item}, ")
    return _splice(text, _above(text, at, begin), f"{indent}{item},\n")


def _insert_after(text: str, node: Any, place: int, item: str) -> str:
    """Insert an item after another one in brackets: on its own line if that one has its own."""
    end = _end(node.value[place - 1])
    indent = _indent(text, node.value[place - 1].start_mark.index)
    last, comma, at = place == len(node.value), COMMA.match(text, end), _line_end(text, end)
    following = node.end_mark.index - 1 if last else node.value[place].start_mark.index
    if indent is None or following < at or not (last or comma):
        return _splice(text, end, f", {item}")
    if comma:
        return _splice(text, at, f"{indent}{item},\n")
    return _splice(_splice(text, at, f"{indent}{item}\n"), end, ",")


def _end(node: Any) -> int:
    """Return where a value ends; the parser's mark of a block is where the next thing begins."""
    entries = yaml.children(node) if not getattr(node, "flow_style", True) else []
    if not entries:
        return int(node.end_mark.index)
    _, key, value = entries[-1]
    is_empty = value.id == "scalar" and not value.value and not value.style
    return int(key.end_mark.index) + 1 if is_empty else _end(value)


def _splice(text: str, at: int, addition: str) -> str:
    return f"{text[:at]}{addition}{text[at:]}"


def _line_after(text: str, at: int, line: str) -> str:
    """Put a line below the one at a place, with the same line end, or none as at a file's end."""
    end = _line_end(text, at)
    newline = "\r\n" if text[:end].endswith("\r\n") else "\n"
    # A file without a last line end keeps it so: git would show two lines as changed.
    lines = f"{line}{newline}" if text[:end].endswith("\n") else f"{newline}{line}"
    return _splice(text, end, lines)


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


def to_yaml(value: Any) -> str:
    """Return a value as one line of YAML."""
    if isinstance(value, list):
        return f"[{', '.join(map(to_yaml, value))}]"
    if isinstance(value, str) and PLAIN.fullmatch(value) and _is_plain(value):
        return value
    return json.dumps(value, ensure_ascii=False).translate(SEPARATORS)


def _is_plain(text: str) -> bool:
    try:
        return bool(yaml.parse(f"a: {text}\n".encode(), "a value")["a"] == text)
    except ProjectError:  # a date
        return False


def _value_at(content: Any, keys: Sequence[Key]) -> Any:
    """Return the value at a path of keys; None where there is none."""
    for key in keys:
        try:
            content = content[key]
        except (KeyError, IndexError, TypeError):
            return None
    return content


def _checked(name: str, old: str, new: str, keys: Sequence[Key], value: Any) -> str:
    """Return a changed text that holds this value at these keys, and all else as before.

    Errors:
        ProjectError: the file is written in a way that cannot be changed line by line.
    """
    expected = yaml.parse(old.encode(), name)
    _value_at(expected, keys[:-1])[keys[-1]] = value
    # By repr: 1 equals 1.0 and true, and dictionaries of another order are equal too.
    if repr(yaml.parse(new.encode(), name)) != repr(expected):
        raise ProjectError(
            f"{name}: {_dotted(keys)} cannot be changed here. Next: write {value!r} there"
        )
    return new


def _dotted(keys: Sequence[Key]) -> str:
    return ".".join(map(str, keys))
