"""Which batches champion and challenger may have seen."""

import pytest

from headrace.errors import DataError
from headrace.retrain import split


def months(first: int, last: int) -> set[str]:
    """Return the names of some months in a row."""
    return {f"2013-{month:02}" for month in range(first, last + 1)}


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("2013-05", (6, 8), (1, 4), "have seen 2013-01 to 2013-04, and the champion, m@v1, has"),
        ("2013-10", (1, 9), (5, 9), "its window would shrink"),
        ("2013-10", (1, 9), (1, 9), "there is nothing to train"),
        ("2013-10", (1, 8), (1, 10), "would learn 2013-10 itself"),
        ("2013-10", (1, 10), (1, 9), "has learned 2013-10, or took its threshold from it"),
    ],
)
def test_a_challenger_must_learn_newer_batches_and_not_its_own(
    name: str, old: tuple[int, int], new: tuple[int, int], message: str
) -> None:
    with pytest.raises(DataError, match=f"{message}.*Next: "):
        split.require_unseen(name, "m@v1", months(*old), months(*new))


@pytest.mark.parametrize("new", [(1, 9), (6, 9)])  # all that came before, and the last few of it
def test_a_later_window_is_accepted(new: tuple[int, int]) -> None:
    split.require_unseen("2013-10", "m@v1", months(1, 8), months(*new))
    with pytest.raises(DataError, match="shrink"):
        split.require_unseen("2013-10", "m@v1", months(1, 9), months(*new) - {"2013-08"})
