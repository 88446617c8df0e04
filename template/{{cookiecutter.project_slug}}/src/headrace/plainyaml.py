"""The plain part of YAML, read fast: what DVC writes into dvc.lock, and most of what people write.

Anything else (an anchor, an escape, a text of many lines, a date, a name twice) is left to
`headrace.yamlfile`, which is strict and takes fifty times as long.
"""

import re
from typing import Any, NamedTuple

from headrace import yamlfile

LINE = re.compile(r"( *)((?:- )?)(?:([A-Za-z_][\w./@-]*):(?: +|$))?(.*?)(?: +#[^\n]*| *)", re.ASCII)
SKIPPED = re.compile(r" *(?:#.*)?")
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


class Line(NamedTuple):
    """A line: how far it is indented, whether it begins an item, its name, and what follows."""

    indent: int
    item: str
    key: str | None
    value: str


class NotPlain(Exception):
    """What is read is YAML of another kind, or none."""


def load(text: bytes, name: str) -> dict[str, Any]:
    """Read YAML that holds one mapping, by the plain reader where that can; see `yamlfile.parse`.

    Errors:
        ProjectError: it is no YAML, or holds what JSON does not know; the place is named.
    """
    found = parse(text)
    return yamlfile.parse(text, name) if found is None else found


def parse(text: bytes) -> dict[str, Any] | None:
    """Return what a plain YAML text holds; None where it is not plain."""
    try:
        listed = text.decode("ascii").split("\n")
        lines = [_line(one) for one in listed if not SKIPPED.fullmatch(one)]
        if not lines:
            return None
        found, at = _mapping(lines, 0, 0)
    except (NotPlain, UnicodeDecodeError, RecursionError):
        return None
    return found if at == len(lines) else None


def _line(text: str) -> Line:
    found = LINE.fullmatch(text)
    if found is None or "\t" in text or "\r" in text:
        raise NotPlain
    return Line(len(found[1]), found[2], found[3], found[4])


def _mapping(lines: list[Line], at: int, indent: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    while at < len(lines) and lines[at].indent == indent and not lines[at].item:
        key, value = lines[at].key, lines[at].value
        if key is None or key in found or key in CONSTANTS:
            raise NotPlain
        if value:
            found[key], at = _scalar(value), at + 1
        else:
            found[key], at = _below(lines, at + 1, indent)
    if at < len(lines) and lines[at].indent > indent:
        raise NotPlain
    return found, at


def _below(lines: list[Line], at: int, indent: int) -> tuple[Any, int]:
    """Read what stands below a name: a mapping or a list, or nothing."""
    if at == len(lines) or lines[at].indent < indent:
        return None, at
    if lines[at].item:
        return _items(lines, at, lines[at].indent)
    if lines[at].indent > indent:
        return _mapping(lines, at, lines[at].indent)
    return None, at


def _items(lines: list[Line], at: int, indent: int) -> tuple[list[Any], int]:
    found: list[Any] = []
    while at < len(lines) and lines[at].indent == indent and lines[at].item:
        if lines[at].key is None:
            found.append(_scalar(lines[at].value))
            at += 1
        else:  # the item is a mapping, which begins in the item's own line
            lines[at] = lines[at]._replace(indent=indent + 2, item="")
            one, at = _mapping(lines, at, indent + 2)
            found.append(one)
    if at < len(lines) and lines[at].indent > indent:
        raise NotPlain
    return found, at


def _scalar(text: str) -> Any:
    if text[:1] == "[" and text[-1:] == "]" and len(text) > 2:
        return [_flowing(one.strip(" ")) for one in text[1:-1].split(",")]
    if text in CONSTANTS:
        value = CONSTANTS[text]
        return value.copy() if isinstance(value, list | dict) else value
    if WORD.fullmatch(text) or HASH.fullmatch(text):
        return text
    if INTEGER.fullmatch(text):
        return int(text)
    if REAL.fullmatch(text):
        return float(text)
    if quoted := QUOTED.fullmatch(text):
        return quoted[1] if quoted[1] is not None else quoted[2]
    raise NotPlain


def _flowing(text: str) -> Any:
    """Read an item of a list in brackets: a number or a bare word."""
    if not re.fullmatch(r"[\w.+-]+", text, re.ASCII):
        raise NotPlain
    return _scalar(text)
