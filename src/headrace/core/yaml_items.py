"""One more item in a list of a YAML file: its comments, its style and its lines stay."""

import re
from typing import Any

COMMA = re.compile(r"[ \t]*,")
COMMENT = re.compile(r"[ \t]*#.*\n")


def inserted(text: str, node: Any, place: int, written: str, end: int) -> str:
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
