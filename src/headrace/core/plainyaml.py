"""The plain part of YAML, read fast: what DVC writes into dvc.lock, and most of what people write.

Anything else (an anchor, an escape, a text of many lines, a date, a name twice) is left to
`headrace.core.yaml`, which is strict and takes fifty times as long.
"""

import re
from typing import Any

from headrace.core import yaml

LINE = re.compile(
    r"^( *)((?:- )?)(?:([A-Za-z_][\w./@-]*):(?= |$))? *((?:(?![# ]).*?)?)(?:(?:^| +)#.*| *)$",
    re.ASCII | re.MULTILINE,
)
"""How far a line is indented, whether it begins an item, its name, what follows; a comment."""
WORD = re.compile(r"[A-Za-z_/](?:[\w ./@=()+,-]|:(?=\S))*", re.ASCII)
QUOTED = re.compile(r"'([^'\\]*)'|\"([^\"\\]*)\"")
INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
REAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:e[-+]?[0-9]{1,2})?|e[-+]?[0-9]{1,2})")
HASH = re.compile(r"(?![0-9]+e[0-9]+$)(?=[0-9]*[a-f])[0-9a-f]{32}(?:\.dir)?")
CONSTANTS: dict[str, Any] = {
    **{
        word: value
        for name, value in (("true", True), ("false", False), ("null", None))
        for word in (name, name.capitalize(), name.upper())
    },
    "~": None,
    "[]": [],
    "{}": {},
}


Line = tuple[int, str, str, str]


class NotPlain(Exception):
    """What is read is YAML of another kind, or none."""


def load(text: bytes, name: str) -> dict[str, Any]:
    """Read YAML that holds one mapping, by the plain reader where that can; see `yamlfile.parse`.

    Errors:
        ProjectError: it is no YAML, or holds what JSON does not know; the place is named.
    """
    found = parse(text)
    return yaml.parse(text, name) if found is None else found


def parse(text: bytes) -> dict[str, Any] | None:
    """Return what a plain YAML text holds; None where it is not plain."""
    try:
        lines = _lines(text.decode("ascii"))
        found, at = _mapping(lines, 0, 0)
    except (NotPlain, UnicodeDecodeError, RecursionError):
        return None
    return found if lines and at == len(lines) else None


def _lines(text: str) -> list[Line]:
    found = LINE.findall(text)
    if len(found) != text.count("\n") + 1 or not text.replace("\n", "").isprintable():
        raise NotPlain
    return [
        (len(indent), item, key, value)
        for indent, item, key, value in found
        if item or key or value
    ]


def _mapping(lines: list[Line], at: int, indent: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    while at < len(lines):
        depth, item, key, value = lines[at]
        if depth != indent or item:
            break
        if not key or key in found or key in CONSTANTS:
            raise NotPlain
        if value:
            found[key], at = _scalar(value), at + 1
        else:
            found[key], at = _below(lines, at + 1, indent)
    if at < len(lines) and lines[at][0] > indent:
        raise NotPlain
    return found, at


def _below(lines: list[Line], at: int, indent: int) -> tuple[Any, int]:
    """Read what stands below a name: a mapping or a list, or nothing."""
    if at == len(lines) or lines[at][0] < indent:
        return None, at
    depth, item, _, _ = lines[at]
    if item:
        return _items(lines, at, depth)
    return _mapping(lines, at, depth) if depth > indent else (None, at)


def _items(lines: list[Line], at: int, indent: int) -> tuple[list[Any], int]:
    found: list[Any] = []
    while at < len(lines):
        depth, item, key, value = lines[at]
        if depth != indent or not item:
            break
        if key:  # the item is a mapping, which begins in the item's own line
            lines[at] = (indent + 2, "", key, value)
            one, at = _mapping(lines, at, indent + 2)
            found.append(one)
        else:
            found.append(_scalar(value))
            at += 1
    if at < len(lines) and lines[at][0] > indent:
        raise NotPlain
    return found, at


def _scalar(text: str) -> Any:
    if text in CONSTANTS:
        value = CONSTANTS[text]
        return value.copy() if isinstance(value, list | dict) else value
    if WORD.fullmatch(text) or HASH.fullmatch(text):
        return text
    if INTEGER.fullmatch(text):
        return int(text)
    if REAL.fullmatch(text):
        return float(text)
    if text[:1] == "[" and text[-1:] == "]":
        return [_flowing(one.strip(" ")) for one in text[1:-1].split(",")]
    if quoted := QUOTED.fullmatch(text):
        return quoted[1] if quoted[1] is not None else quoted[2]
    raise NotPlain


def _flowing(text: str) -> Any:
    """Read an item of a list in brackets: a number or a bare word."""
    if not re.fullmatch(r"[\w.+-]+", text, re.ASCII):
        raise NotPlain
    return _scalar(text)
