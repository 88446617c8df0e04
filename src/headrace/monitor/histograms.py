"""Histograms of a batch over the baseline's values, counted part by part, and binned for drift."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from headrace.bundle.baseline import Baseline, Category, Column, Number
from headrace.errors import DataError
from headrace.stats.histogram import CATEGORIES, DISTINCT, decile_edges
from headrace.stats.scores import Array

EXAMPLES = 3
"""Unseen values that are named."""
MAX_LENGTH = 40
"""Characters of a value in a sentence."""
MIN_EXPECTED = 5
"""Rows of a batch that a category must expect to have a bin of its own: with fewer, the chi-square
statistic does not follow its distribution. Source: Cochran, Biometrics 10 (1954)."""


class NumberHistogram:
    """Counts numbers: those that the baseline has, and those between two of them.

    Cells alternate: below the first value, the first value itself, between it and the second …
    So the Kolmogorov-Smirnov distance is exact. What is not finite counts as missing.
    """

    def __init__(self, column: Number) -> None:
        self.column = column
        cells = 2 * len(column.levels) + 1
        self.counts, self._sums = np.zeros(cells), np.zeros(cells)
        self.missing = 0.0

    def add(self, rows: npt.NDArray[np.float64] | pd.Series) -> None:
        """Count some rows."""
        numbers = pd.to_numeric(pd.Series(rows), errors="coerce")
        values = numbers.to_numpy("float64", na_value=np.nan)
        finite = values[np.isfinite(values)]
        self.missing += len(values) - len(finite)
        levels, size = self.column.levels, len(self.counts)
        # A value of the baseline has one more level on its right than on its left: an odd cell.
        cells = np.searchsorted(levels, finite, "left") + np.searchsorted(levels, finite, "right")
        self.counts += np.bincount(cells, minlength=size)
        self._sums += np.bincount(cells, weights=finite, minlength=size)

    def sample(self) -> tuple[Array, Array]:
        """Return values and their rows; values between two of the baseline's are at their mean."""
        cells = np.flatnonzero(self.counts)
        edges = np.concatenate([[-np.inf], self.column.levels, [np.inf]])
        low, high = edges[(cells + 1) // 2], edges[cells // 2 + 1]
        mean = self._sums[cells] / self.counts[cells]
        # A mean of equal numbers may be off in its last bit; a value of the baseline is itself.
        return np.clip(mean, low, high), self.counts[cells]


class CategoryHistogram:
    """Counts texts: those that the baseline lists, and all others together."""

    def __init__(self, column: Category) -> None:
        self.column = column
        self._index = pd.Index(column.names, dtype=object)
        self.counts = np.zeros(len(column.names))
        self.missing, self.unlisted = 0.0, 0.0
        self._unlisted_values: Counter[str] = Counter()

    def add(self, rows: pd.Series) -> npt.NDArray[np.bool_]:
        """Count some rows; return which of them hold a value that the model has not seen."""
        codes, values = pd.factorize(rows)
        counts = np.bincount(codes[codes >= 0], minlength=len(values))
        names = [str(value) for value in values]
        places = self._index.get_indexer(pd.Index(names, dtype=object))
        np.add.at(self.counts, places[places >= 0], counts[places >= 0])
        self.unlisted += float(counts[places < 0].sum())
        self.missing += float((codes < 0).sum())
        self._remember({names[i]: int(counts[i]) for i in np.flatnonzero(places < 0)})
        unseen = np.append((places < 0) & (self.column.unlisted == 0), False)  # -1 is missing
        return np.asarray(unseen[codes])

    @property
    def unseen(self) -> float:
        """Rows with a value that the model has not seen; NaN where the baseline lists not all."""
        return np.nan if self.column.unlisted else self.unlisted

    @property
    def examples(self) -> list[str]:
        """The most common values that the baseline does not list, as text for a sentence."""
        return [printable(name) for name, _ in _most_common(self._unlisted_values, EXAMPLES)]

    def _remember(self, counts: Mapping[str, int]) -> None:
        self._unlisted_values.update(counts)
        if len(self._unlisted_values) > 1000:  # of a column of keys, memory would grow with rows
            self._unlisted_values = Counter(dict(_most_common(self._unlisted_values, 100)))


Histogram = NumberHistogram | CategoryHistogram


def printable(text: str) -> str:
    """Return a value as text for a sentence."""
    line = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return line if len(line) <= MAX_LENGTH else f"{line[: MAX_LENGTH - 1]}…"


def _most_common(counts: Mapping[str, int], most: int) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:most]


def histogram(column: Column) -> Histogram:
    """Return an empty histogram over the values of a column."""
    if isinstance(column, Category):
        return CategoryHistogram(column)
    assert isinstance(column, Number)
    return NumberHistogram(column)


class Histograms:
    """The histograms of a batch, counted a part at a time: every input, and the predictions."""

    def __init__(self, baseline: Baseline) -> None:
        self.columns = {name: histogram(column) for name, column in baseline.columns.items()}
        self.prediction = NumberHistogram(baseline.prediction)
        self.rows = 0
        self.has_predictions = False

    def add(self, inputs: pd.DataFrame, predictions: npt.ArrayLike | None) -> None:
        """Count some rows; `inputs` are in their types, as `quality` returns them.

        `predictions` are None where another model made them.

        Errors:
            DataError: an input is missing, or there is not one prediction for each row.
        """
        missing = [name for name in self.columns if name not in inputs]
        if missing:
            raise DataError(f"The batch has no column {missing[0]}. Next: headrace bundle")
        for name, counts in self.columns.items():
            counts.add(inputs[name])
        if predictions is not None:
            y_score = np.asarray(predictions, dtype="float64")
            if len(y_score) != len(inputs):
                raise DataError(
                    f"The batch has {len(inputs):,} rows and {len(y_score):,} predictions."
                    " Next: give one for each row"
                )
            self.prediction.add(y_score)
            self.has_predictions |= len(inputs) > 0
        self.rows += len(inputs)


@dataclass(frozen=True)
class Bins:
    """Rows per bin before and after; the last two bins are the rest and the missing values.

    The ordered bins come first. A range of them is named by its ends, so neighbours can be joined.
    """

    before: Array
    after: Array
    name: Callable[[int, int], str]
    """Of the bins from one place to another."""
    ordered: int
    """How many bins can be joined with their neighbours; 0 of categories."""

    def pool(self) -> tuple[Array, Array]:
        """Return the rows before and after, without bins that are too thin to be tested.

        Categories with an expectation under MIN_EXPECTED are one bin, with the rest. Bins that are
        empty on both sides are left out.
        """
        before, after = self.before, self.after
        if not self.ordered:
            thin = before * after.sum() < MIN_EXPECTED * before.sum()
            thin[-2] = True
            before, after = (np.append(side[~thin], side[thin].sum()) for side in (before, after))
        filled = before + after > 0
        return before[filled], after[filled]


def bin_counts(counts: Histogram) -> Bins:
    """Return the bins of a column.

    Of numbers these are deciles, or the values where they are few; of texts the most common ones.
    """
    return _bin_texts(counts) if isinstance(counts, CategoryHistogram) else _bin_numbers(counts)


def _bin_numbers(counts: NumberHistogram) -> Bins:
    column = counts.column
    binned = _value_bins if len(column.levels) <= DISTINCT else _decile_bins
    places, lows, highs = binned(column)
    ordered = len(lows)
    cells = np.zeros(len(counts.counts))
    cells[1::2] = column.counts
    before, after = (
        np.append(np.bincount(places, weights=side, minlength=ordered + 1), missing)
        for side, missing in ((cells, column.missing), (counts.counts, counts.missing))
    )
    tails = ["another value", "missing"]

    def name(first: int, last: int) -> str:
        if first >= ordered:
            return tails[first - ordered]
        return _range_name(lows[first], highs[last], f" {column.unit}".rstrip())

    return Bins(before, after, name, ordered)


def _value_bins(column: Number) -> tuple[npt.NDArray[np.int64], Array, Array]:
    """Return the bin of each cell, each value its own, and the ends of the bins."""
    size = len(column.levels)
    places = np.full(2 * size + 1, size)
    places[1::2] = np.arange(size)
    return places, column.levels, column.levels


def _decile_bins(column: Number) -> tuple[npt.NDArray[np.int64], Array, Array]:
    """Return the bin of each cell, and the ends of the bins."""
    edges = decile_edges(column.levels, column.counts)
    levels = np.searchsorted(edges, column.levels, side="left")
    places = np.append(np.repeat(levels, 2), len(edges))
    # A bin begins with the least value that it holds, and what is beyond the last is in the last.
    begins = np.searchsorted(column.levels, edges, side="right")
    lows = np.concatenate([[-np.inf], column.levels, [np.inf]])[np.append(0, begins + 1)]
    return places, lows, np.append(edges, np.inf)


def _range_name(low: float, high: float, unit: str) -> str:
    if low == np.inf:
        return "above all known values"
    if low == high:
        return _format_number(low) + unit
    if np.isinf(low):
        return f"up to {_format_number(high)}{unit}"
    if np.isinf(high):
        return f"{_format_number(low)}{unit} and more"
    return f"{_format_number(low)} to {_format_number(high)}{unit}"


def _format_number(value: float) -> str:
    without_decimals = float(value).is_integer() or abs(value) >= 1000
    return f"{value:,.0f}" if without_decimals else f"{value:.3g}"


def _bin_texts(counts: CategoryHistogram) -> Bins:
    column = counts.column
    size = min(len(column.names), CATEGORIES)
    rare = [column.counts[size:].sum(), counts.counts[size:].sum()]
    before = [*column.counts[:size], rare[0] + column.unlisted, column.missing]
    after = [*counts.counts[:size], rare[1] + counts.unlisted, counts.missing]
    names = [*map(printable, column.names[:size]), _rest_name(counts, size), "missing"]
    return Bins(np.array(before), np.array(after), lambda first, _: names[first], 0)


def _rest_name(counts: CategoryHistogram, size: int) -> str:
    """Return the name of the bin of all values beyond the `size` most common ones."""
    examples = ", ".join(counts.examples)
    if size == len(counts.column.names) and not counts.column.unlisted:
        return f"never seen before ({examples})" if examples else "never seen before"
    return f"any other ({examples} among them)" if examples else "any other"
