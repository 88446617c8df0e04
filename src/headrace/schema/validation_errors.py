"""What is wrong with a body: the first mistakes in words, the others by their number."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

MOST_NAMED = 20
"""Mistakes that are told of one request; where there are as many, no further row is read."""


class Refused(Exception):
    """A body that is not answered, with what is wrong with it."""

    def __init__(
        self, mistakes: Iterable[Mapping[str, str]], rows: Mapping[str, int] | None = None
    ) -> None:
        """Tell mistakes; `rows` says for each reason how many rows it was found in."""
        self.mistakes = [dict(one) for one in mistakes]
        self.rows = dict(rows or {})
        super().__init__(self.mistakes[0]["says"])

    def reasons(self) -> set[str]:
        """Return each reason once: those of rows, or of the whole body."""
        return {*self.rows} or {one["reason"] for one in self.mistakes}

    @classmethod
    def whole(cls, reason: str, says: str) -> "Refused":
        """Return what refuses a body for one reason that no field has."""
        return cls([{"field": "", "reason": reason, "says": says}])


class Mistakes:
    """Gathers mistakes, row by row, until there are enough."""

    def __init__(self) -> None:
        self._told: list[dict[str, str]] = []
        self._count = 0
        self._rows: Counter[str] = Counter()

    def add(self, found: Sequence[Mapping[str, Any]], more: int, place: Sequence[int]) -> None:
        """Add what pydantic found in a row, and how many mistakes it was not shown.

        `place` is the row's number, or nothing where it stands alone.
        """
        self._count += len(found) + more
        self._rows.update({one["type"] for one in found})
        room = MOST_NAMED - len(self._told)
        self._told += [_mistake(one, place) for one in found[:room]]

    def enough(self) -> bool:
        """Return whether no more would be told."""
        return self._count >= MOST_NAMED

    def refuse(self, *, unread: bool) -> None:
        """Refuse the body if there was a mistake; `unread`: it has rows that were not read.

        Errors:
            Refused: there was.
        """
        if self._count:
            raise Refused([*self._told, *self._more(unread)], self._rows)

    def _more(self, unread: bool) -> Iterator[dict[str, str]]:
        count = self._count - len(self._told)
        says = [f"and {count} more mistake{'s' if count > 1 else ''}"] if count else []
        says += ["the rows behind were not read"] if unread else []
        if says:
            yield {"field": "", "reason": "more", "says": "; ".join(says)}


def _mistake(one: Mapping[str, Any], place: Sequence[int]) -> dict[str, str]:
    """Return field and reason of a mistake; never a value that was sent."""
    if one["type"] == "json_invalid":
        return {"field": "", "reason": one["type"], "says": "is not JSON"}
    field = ".".join(_name(part) for part in (*place, *one["loc"]))
    return {"field": field, "reason": one["type"], "says": one["msg"]}


def _name(part: int | str) -> str:
    """Return a part of a field's name; of a stranger's own name only what can be shown."""
    text = str(part)[:64]
    return "".join(letter if letter.isprintable() else "?" for letter in text)
