"""The rows of a body as the bytes that they are: found one by one, with nothing made of them.

So a body costs no more than what is read of it, whatever it holds; what is not JSON is found out
where a piece is read.
"""

import re
from collections.abc import Iterator

from headrace.schema.validation_errors import Refused

MOST_BYTES = 1 << 20
"""Of one row."""
LIST = re.compile(rb"[ \t\n\r]*+\[")
EMPTY = re.compile(rb"[ \t\n\r]*+\[[ \t\n\r]*+\][ \t\n\r]*+")
MARK = re.compile(rb'"[^"]*+"?|[\[\]{},]')
"""A text, with its end or without, or what parts one value from another."""
OPEN, CLOSE, COMMA, END = (*b"[{",), (*b"]}",), ord(","), ord("]")


def is_list(body: bytes) -> bool:
    """Return whether a body is a list of rows, if it is JSON at all."""
    return LIST.match(body) is not None


def of(body: bytes) -> Iterator[bytes]:
    """Yield the items of a list, or the body itself where it is none.

    Where a list does not end, or something stands behind it, the last piece is no JSON.

    Errors:
        Refused: a row is too large.
    """
    if not is_list(body):
        yield _small(body, 0, len(body))
    elif not EMPTY.fullmatch(body):
        yield from _items(body)


def _items(body: bytes) -> Iterator[bytes]:
    """Yield the items of a list. Whatever is cut where, all is JSON only if each of them is."""
    depth = begin = mark = 0
    for found in MARK.finditer(_unescaped(body)):
        mark, at = body[found.start()], found.start()
        if mark in OPEN:
            depth += 1
            begin = begin or found.end()
        elif mark in CLOSE:
            depth -= 1
        if depth == 0 or (depth == 1 and mark == COMMA):
            yield _small(body, begin, at)
            begin = found.end()
        if depth == 0:
            break
        if at - begin > MOST_BYTES:
            _small(body, begin, at)
    if mark != END or depth or body[begin:].strip(b" \t\n\r"):
        yield b""


def _unescaped(body: bytes) -> bytes:
    """Return a body of the same length in which every quote begins or ends a text."""
    return body.replace(rb"\\", b"..").replace(rb"\"", b"..")


def _small(body: bytes, begin: int, end: int) -> bytes:
    if end - begin > MOST_BYTES:
        raise Refused.whole("row_too_large", f"A row has at most {MOST_BYTES:,} bytes")
    return body[begin:end]
