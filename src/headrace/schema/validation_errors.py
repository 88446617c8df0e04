"""What is wrong with the body of a request: the first errors in words, the others as a number."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

MOST_NAMED = 20
"""Errors that are reported for one request; after so many no further row is read."""


class Refused(Exception):
    """A request's body that is not answered, with its errors."""

    def __init__(
        self, errors: Iterable[Mapping[str, str]], rows: Mapping[str, int] | None = None
    ) -> None:
        """Take the errors, and for each reason the number of rows that have it."""
        self.errors = [dict(error) for error in errors]
        self.rows = dict(rows or {})
        super().__init__(self.errors[0]["says"])

    def reasons(self) -> set[str]:
        """Return each reason once: those of rows, or those of the whole body."""
        return {*self.rows} or {error["reason"] for error in self.errors}

    @classmethod
    def body(cls, reason: str, message: str) -> "Refused":
        """Return the refusal of a body for a reason that concerns no single field."""
        return cls([{"field": "", "reason": reason, "says": message}])


class ErrorList:
    """Collects errors, row by row, up to a limit."""

    def __init__(self) -> None:
        self._named: list[dict[str, str]] = []
        self._count = 0
        self._rows: Counter[str] = Counter()

    def add(self, details: Sequence[Mapping[str, Any]], hidden: int, place: Sequence[int]) -> None:
        """Add pydantic's errors of a row, and the number of those that it was not shown.

        `place` is the row's number, or empty where the body is a single row.
        """
        self._count += len(details) + hidden
        self._rows.update({detail["type"] for detail in details})
        room = MOST_NAMED - len(self._named)
        self._named += [_error(detail, place) for detail in details[:room]]

    def is_full(self) -> bool:
        """Return whether no further error would be reported."""
        return self._count >= MOST_NAMED

    def refuse(self, *, unread: bool) -> None:
        """Refuse the body if there is an error; `unread`: some rows were not read.

        Errors:
            Refused: there is one.
        """
        if self._count:
            raise Refused([*self._named, *self._rest(unread)], self._rows)

    def _rest(self, unread: bool) -> Iterator[dict[str, str]]:
        count = self._count - len(self._named)
        messages = [f"and {count} more error{'s' if count > 1 else ''}"] if count else []
        messages += ["the following rows were not read"] if unread else []
        if messages:
            yield {"field": "", "reason": "more", "says": "; ".join(messages)}


def _error(detail: Mapping[str, Any], place: Sequence[int]) -> dict[str, str]:
    """Return field and reason of one of pydantic's errors; never a value that was sent."""
    # A value may be personal, and an answer lies in logs and proxies.
    if detail["type"] == "json_invalid":
        return {"field": "", "reason": detail["type"], "says": "is not JSON"}
    message = detail["msg"]
    if detail["type"] == "finite_number":  # NaN is how pandas writes a missing value
        message += "; NaN and Infinity are none, and a missing value is null"
    field = ".".join(_printable(part) for part in (*place, *detail["loc"]))
    return {"field": field, "reason": detail["type"], "says": message}


def _printable(part: int | str) -> str:
    """Return a part of a field's name; an unknown name may hold anything and be of any length."""
    text = str(part)[:64]
    return "".join(letter if letter.isprintable() else "?" for letter in text)
