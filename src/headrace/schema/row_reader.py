"""The rows in the body of a request: split as bytes, and read as strict types.

A body costs no more than what is read of it: rows are found one by one, before anything is parsed.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from headrace.schema import row_types
from headrace.schema.validation_errors import MOST_NAMED, ErrorList, Refused

MOST_BYTES = 1 << 20
"""Bytes of one row."""
# `*+` never goes back, so that no body of many spaces takes long.
LIST = re.compile(rb"[ \t\n\r]*+\[")
EMPTY_LIST = re.compile(rb"[ \t\n\r]*+\[[ \t\n\r]*+\][ \t\n\r]*+")
TOKEN = re.compile(rb'"[^"]*+"?|[\[\]{},]')
"""A text, complete or not, or a character that separates values."""
OPEN, CLOSE, COMMA, END = (*b"[{",), (*b"]}",), ord(","), ord("]")
EXACT = 2.0**53
"""Every integral float below is exactly one integer."""
Values = tuple[Any, ...]
"""A row's values, in the schema's order."""


class Reader:
    """Reads the body of a request: one row, or a list of rows."""

    def __init__(
        self, schema: Mapping[str, Any], most: int, example: Mapping[str, Any] | None = None
    ) -> None:
        """Make the types of a JSON Schema's rows, of which a body has at most `most`."""
        row: Any = row_types.row_type(schema, example)
        self.adapter: TypeAdapter[dict[str, Any]] = TypeAdapter(row)
        self._names, self._most = [*schema["properties"]], most
        self._decoder = row_types.msgspec_decoder(schema)

    def read(self, body: bytes) -> list[Values]:
        """Return the values of each row of a body, in the schema's order.

        Errors:
            Refused: it is not JSON, or a row violates the schema; fields and reasons are given.
        """
        try:
            rows = self._decoder.read(body) if self._decoder else self.explain(body)
        except row_types.DecodeErrors:  # msgspec names only the first error, pydantic all of them
            rows = self.explain(body)
        if not rows:
            raise Refused.body("no_rows", "The list has no row")
        self._limit(len(rows))
        return rows

    def explain(self, body: bytes) -> list[Values]:
        """Read rows one by one with pydantic, which reports all that is wrong with them.

        Errors:
            Refused: as of `read`; but a list may be empty.
        """
        rows: list[Values] = []
        errors, is_many, unread = ErrorList(), is_list(body), False
        for number, piece in enumerate(split(body)):
            self._limit(number + 1)
            if unread := errors.is_full():  # reading on would cost time, and show nothing more
                break
            shortened, hidden = self._without_unknown_names(piece)
            try:
                row = self._validate(shortened)
                rows.append(tuple(row[name] for name in self._names))
            except ValidationError as error:
                errors.add(_details(error), hidden, [number] if is_many else [])
        errors.refuse(unread=unread)
        return rows

    def _limit(self, count: int) -> None:
        if count > self._most:
            message = f"There are more than {self._most:,} rows; send at most that many at once"
            raise Refused.body("too_many_rows", message)

    def _without_unknown_names(self, piece: bytes) -> tuple[bytes, int]:
        """Return a row without the unknown names that no message would show, and their number.

        pydantic would make an error of each, which takes it long.
        """
        if piece.count(b":") <= len(self._names) + MOST_NAMED:
            return piece, 0
        try:
            row = from_json(piece)
        except ValueError:
            return piece, 0
        unknown = [name for name in row if name not in self._names] if type(row) is dict else []
        hidden = unknown[MOST_NAMED:]
        for name in hidden:
            del row[name]
        return (_to_json(row), len(hidden)) if hidden else (piece, 0)

    def _validate(self, piece: bytes) -> dict[str, Any]:
        """Read a row; once more with 5 for 5.0 where that may be the only error."""
        try:
            return self.adapter.validate_json(piece)
        except ValidationError as error:
            if all(detail["type"] != "int_type" for detail in _details(error)):
                raise
        row = from_json(piece)
        row.update({name: int(value) for name, value in row.items() if _is_integral(value)})
        return self.adapter.validate_json(_to_json(row))


def _is_integral(value: Any) -> bool:
    """Tell whether a float is an integer to JSON Schema, as 5.0 is, though not to Python."""
    return isinstance(value, float) and abs(value) < EXACT and value.is_integer()


def _to_json(row: Any) -> bytes:
    return to_json(row, inf_nan_mode="constants")  # infinity is refused, not written as null


def _details(error: ValidationError) -> Sequence[Mapping[str, Any]]:
    return error.errors(include_url=False, include_context=False, include_input=False)


def is_list(body: bytes) -> bool:
    """Return whether a body is a list of rows, if it is JSON at all."""
    return LIST.match(body) is not None


def split(body: bytes) -> Iterator[bytes]:
    """Yield the items of a list as bytes, or the body itself where it is not a list.

    Where a list does not end, or something follows it, the last piece is not JSON.

    Errors:
        Refused: a row is too large.
    """
    if not is_list(body):
        yield _slice(body, 0, len(body))
    elif not EMPTY_LIST.fullmatch(body):
        yield from _items(body)


def _items(body: bytes) -> Iterator[bytes]:
    """Yield the items of a list: the body is JSON only if each of them is."""
    depth = begin = mark = 0
    for token in TOKEN.finditer(_unescaped(body)):
        mark, at = body[token.start()], token.start()
        if mark in OPEN:
            depth += 1
            begin = begin or token.end()
        elif mark in CLOSE:
            depth -= 1
        if depth == 0 or (depth == 1 and mark == COMMA):
            yield _slice(body, begin, at)
            begin = token.end()
        if depth == 0:
            break
        if at - begin > MOST_BYTES:  # refused here, before the rest of a huge row is looked through
            _slice(body, begin, at)
    if mark != END or depth or body[begin:].strip(b" \t\n\r"):
        yield b""


def _unescaped(body: bytes) -> bytes:
    """Return a body of the same length in which every quote begins or ends a text."""
    return body.replace(rb"\\", b"..").replace(rb"\"", b"..")


def _slice(body: bytes, begin: int, end: int) -> bytes:
    if end - begin > MOST_BYTES:
        raise Refused.body("row_too_large", f"A row has at most {MOST_BYTES:,} bytes")
    return body[begin:end]
