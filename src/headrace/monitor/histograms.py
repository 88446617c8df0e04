"""Both sides of a column over the same bins, the baseline's rows and a batch's."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headrace.monitor.baseline import Array, Number
from headrace.monitor.counts import Categories, Counted, Numbers, printable
from headrace.stats.histogram import CATEGORIES, DECILES, DISTINCT

EXPECTED = 5
"""Rows of a batch that a category must expect to have a bin of its own: with fewer, the chi-square
statistic does not follow its distribution. Source: Cochran, Biometrics 10 (1954)."""


@dataclass(frozen=True)
class Bins:
    """Rows per bin before and after; the first ones are in order, then a rest, then the missing.

    A range of the ordered bins is named by its ends, so neighbours can be told together; of
    categories each is a range of its own.
    """

    before: Array
    after: Array
    name: Callable[[int, int], str]
    """Of the bins from one place to another."""
    ordered: int
    """How many bins can be joined with their neighbours; 0 of categories."""


def of(counted: Counted) -> Bins:
    """Return a column's bins: of a number deciles, or values where they are few; of a text values.

    Of a text's values the commonest have a bin of their own.
    """
    return _categories(counted) if isinstance(counted, Categories) else _numbers(counted)


def _numbers(counted: Numbers) -> Bins:
    column = counted.column
    places, lows, highs = _few(column) if len(column.levels) <= DISTINCT else _deciles(column)
    ordered = len(lows)
    cells = np.zeros(len(counted.counts))
    cells[1::2] = column.counts
    before, after = (
        np.append(np.bincount(places, weights=side, minlength=ordered + 1), missing)
        for side, missing in ((cells, column.missing), (counted.counts, counted.missing))
    )
    tails = ["another value", "missing"]

    def name(first: int, last: int) -> str:
        if first >= ordered:
            return tails[first - ordered]
        return _range(lows[first], highs[last], f" {column.unit}".rstrip())

    return Bins(before, after, name, ordered)


def _few(column: Number) -> tuple[npt.NDArray[np.int64], Array, Array]:
    """Return the bin of each cell, each value its own, and the ends of the bins."""
    known = len(column.levels)
    places = np.full(2 * known + 1, known)
    places[1::2] = np.arange(known)
    return places, column.levels, column.levels


def _deciles(column: Number) -> tuple[npt.NDArray[np.int64], Array, Array]:
    weights = column.counts
    found = np.quantile(column.levels, DECILES, method="inverted_cdf", weights=weights)
    edges = np.unique(found)
    mine = np.searchsorted(edges, column.levels, side="left")
    places = np.append(np.repeat(mine, 2), len(edges))
    # A bin begins with the least value that it holds, and what is beyond the last is in the last.
    begins = np.searchsorted(column.levels, edges, side="right")
    lows = np.concatenate([[-np.inf], column.levels, [np.inf]])[np.append(0, begins + 1)]
    return places, lows, np.append(edges, np.inf)


def _range(low: float, high: float, unit: str) -> str:
    if low == np.inf:
        return "above all known values"
    if low == high:
        return _shown(low) + unit
    if np.isinf(low):
        return f"up to {_shown(high)}{unit}"
    if np.isinf(high):
        return f"{_shown(low)}{unit} and more"
    return f"{_shown(low)} to {_shown(high)}{unit}"


def _shown(value: float) -> str:
    whole = float(value).is_integer() or abs(value) >= 1000
    return f"{value:,.0f}" if whole else f"{value:.3g}"


def _categories(counted: Categories) -> Bins:
    column = counted.column
    shown = min(len(column.names), CATEGORIES)
    rare = [column.counts[shown:].sum(), counted.counts[shown:].sum()]
    before = [*column.counts[:shown], rare[0] + column.others, column.missing]
    after = [*counted.counts[:shown], rare[1] + counted.others, counted.missing]
    names = [*map(printable, column.names[:shown]), _rest(counted, shown), "missing"]
    return Bins(np.array(before), np.array(after), lambda first, _: names[first], 0)


def _rest(counted: Categories, shown: int) -> str:
    seen = ", ".join(counted.examples)
    if shown == len(counted.column.names) and not counted.column.others:
        return f"never seen before ({seen})" if seen else "never seen before"
    return f"any other ({seen} among them)" if seen else "any other"


def pooled(bins: Bins) -> tuple[Array, Array]:
    """Return the rows before and after, without bins that are too thin to be judged.

    Of categories those with an expectation under EXPECTED are one bin, with all that is not listed
    or missing. Bins that are empty on both sides are left out.
    """
    before, after = bins.before, bins.after
    if not bins.ordered:
        thin = before * after.sum() < EXPECTED * before.sum()
        thin[-2] = True
        before, after = (np.append(side[~thin], side[thin].sum()) for side in (before, after))
    there = before + after > 0
    return before[there], after[there]
