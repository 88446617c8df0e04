"""Rows of a batch counted beside the baseline's, part by part, in memory that does not grow."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from headrace.errors import DataError
from headrace.monitor.baseline import Array, Baseline, Category, Column, Number

EXAMPLES = 3
"""Unseen values that are kept to be named."""
LONGEST = 40
"""Characters of a value in a sentence."""


class Numbers:
    """Counts the values of a number: those that the baseline has, and those between two of them.

    Cells take turns: below the first value, the first value itself, between it and the second …
    So the distance of Kolmogorov and Smirnov is exact, whatever a batch holds. What is not finite
    counts as missing.
    """

    def __init__(self, column: Number) -> None:
        self.column = column
        cells = 2 * len(column.levels) + 1
        self.counts, self._sums = np.zeros(cells), np.zeros(cells)
        self.missing = 0.0

    def add(self, rows: npt.NDArray[np.float64] | pd.Series) -> None:
        """Count some rows."""
        values = pd.to_numeric(pd.Series(rows), errors="coerce").to_numpy(
            "float64", na_value=np.nan
        )
        known = values[np.isfinite(values)]
        self.missing += len(values) - len(known)
        left = np.searchsorted(self.column.levels, known, side="left")
        right = np.searchsorted(self.column.levels, known, side="right")
        size = len(self.counts)
        self.counts += np.bincount(left + right, minlength=size)
        self._sums += np.bincount(left + right, weights=known, minlength=size)

    def sample(self) -> tuple[Array, Array]:
        """Return values and their rows; values between two of the baseline's are at their mean."""
        places = np.flatnonzero(self.counts)
        edges = np.concatenate([[-np.inf], self.column.levels, [np.inf]])
        low, high = edges[(places + 1) // 2], edges[places // 2 + 1]
        mean = self._sums[places] / self.counts[places]
        # A mean of equal numbers may be off in its last bit; a value of the baseline is itself.
        return np.clip(mean, low, high), self.counts[places]


class Categories:
    """Counts the values of a text: those that the baseline lists, and all others together."""

    def __init__(self, column: Category) -> None:
        self.column = column
        self._known = pd.Index(column.names, dtype=object)
        self.counts = np.zeros(len(column.names))
        self.missing, self.others = 0.0, 0.0
        self._unknown: Counter[str] = Counter()

    def add(self, rows: pd.Series) -> npt.NDArray[np.bool_]:
        """Count some rows; tell which of them hold a value that the model has not seen."""
        codes, found = pd.factorize(rows)
        counts = np.bincount(codes[codes >= 0], minlength=len(found))
        names = [str(name) for name in found]
        places = self._known.get_indexer(pd.Index(names, dtype=object))
        np.add.at(self.counts, places[places >= 0], counts[places >= 0])
        self.others += float(counts[places < 0].sum())
        self.missing += float((codes < 0).sum())
        self._remember({names[i]: int(counts[i]) for i in np.flatnonzero(places < 0)})
        unseen = np.append((places < 0) & (self.column.others == 0), False)  # -1 is missing
        return np.asarray(unseen[codes])

    @property
    def unseen(self) -> float:
        """Rows with a value that the model has not seen; NaN where the baseline lists not all."""
        return np.nan if self.column.others else self.others

    @property
    def examples(self) -> list[str]:
        """The commonest values that the baseline does not list, as they can stand in a line."""
        return [printable(name) for name, _ in _commonest(self._unknown, EXAMPLES)]

    def _remember(self, more: Mapping[str, int]) -> None:
        self._unknown.update(more)
        if len(self._unknown) > 1000:  # of a column of keys, memory would grow with the rows
            self._unknown = Counter(dict(_commonest(self._unknown, 100)))


Counted = Numbers | Categories


def printable(text: str) -> str:
    """Return a value as it can stand in a line."""
    line = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def _commonest(found: Mapping[str, int], most: int) -> list[tuple[str, int]]:
    return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:most]


def begin(column: Column) -> Counted:
    """Return what counts the rows of a column."""
    if isinstance(column, Category):
        return Categories(column)
    assert isinstance(column, Number)
    return Numbers(column)


class Counts:
    """Counts a batch, a part at a time: every input, and the predictions."""

    def __init__(self, baseline: Baseline) -> None:
        self.columns = {name: begin(column) for name, column in baseline.columns.items()}
        self.prediction = Numbers(baseline.prediction)
        self.rows = self.predicted = 0

    def add(self, inputs: pd.DataFrame, predictions: npt.ArrayLike | None) -> None:
        """Count some rows; `inputs` are in their types, as `quality` returns them.

        Predictions of another model are None: they are not held against this one's.

        Errors:
            DataError: an input is not there, or there are more or fewer predictions than rows.
        """
        lacking = [name for name in self.columns if name not in inputs]
        if lacking:
            raise DataError(f"The batch has no column {lacking[0]}. Next: headrace bundle")
        for name, counted in self.columns.items():
            counted.add(inputs[name])
        if predictions is not None:
            self._count(np.asarray(predictions, dtype="float64"), len(inputs))
        self.rows += len(inputs)

    def _count(self, answers: Array, rows: int) -> None:
        if len(answers) != rows:
            raise DataError(
                f"The batch has {rows:,} rows and {len(answers):,} predictions."
                " Next: give one for each row"
            )
        self.prediction.add(answers)
        self.predicted += rows
