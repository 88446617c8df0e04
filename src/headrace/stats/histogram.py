"""Histograms of two samples over the same bins, and how far a distribution has moved."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import rel_entr

from headrace.stats.column_stats import Column, Kind, most_common

DISTINCT = 20
"""A number with so many distinct values or fewer has a bin for each of them."""
CATEGORIES = 50
"""The most common texts have a bin each; the others share one."""
MIN_ROWS = 100
"""Rows that both sides must have: with fewer, the counts of ten bins are chance."""
DECILES = np.arange(1, 10) / 10
MIN_SHARE = 1e-4
"""The least share that a bin counts as: an empty bin would make the index infinite."""


def population_stability_index(old: npt.ArrayLike, new: npt.ArrayLike) -> float:
    """Return the population stability index of two counts over the same bins.

    The sum over bins of (new share - old share) * ln(new share / old share): 0 for equal shares,
    and the same in either direction. It is the sum of both relative entropies (Jeffreys).
    Source: Siddiqi, Credit Risk Scorecards (2006), 8.
    """
    before, after = (_shares(counts) for counts in (old, new))
    return float(np.sum(rel_entr(after, before) + rel_entr(before, after)))


def _shares(counts: npt.ArrayLike) -> np.ndarray:
    numbers = np.asarray(counts, dtype=float)
    shares: np.ndarray = np.maximum(numbers / numbers.sum(), MIN_SHARE)
    return shares


def decile_edges(
    values: npt.NDArray[np.float64], counts: npt.NDArray[np.float64] | None = None
) -> npt.NDArray[np.float64]:
    """Return the distinct deciles of the values, each one of them, ascending.

    `values` and `counts`, which weighs them, have the shape (values,); the result at most (9,).
    """
    edges: npt.NDArray[np.float64] = np.unique(
        np.quantile(values, DECILES, method="inverted_cdf", weights=counts)
    )
    return edges


def column_drift(old: Column, new: Column) -> float | None:
    """Return the population stability index of a column; None where kinds differ or rows are few.

    Bins are the old side's deciles, or its values where they are few or texts (the most common
    CATEGORIES, and one for the rest). Missing values are a bin of their own.
    """
    if old.kind is not new.kind or old.sample is None or min(old.sampled, new.sampled) < MIN_ROWS:
        return None
    count = _text_bins(old) if old.kind is Kind.TEXT else _number_bins(old)
    sides = [[*count(side.sample), side.sampled - len(side.sample)] for side in (old, new)]
    return population_stability_index(*sides)


def _text_bins(old: Column) -> Callable[[pa.ChunkedArray], list[int]]:
    """Return what counts texts over the old side's most common ones, the others last."""
    names = pa.array([text for text, _ in most_common(old.sample, CATEGORIES)], pa.large_binary())

    def count(sample: pa.ChunkedArray) -> list[int]:
        places = pc.index_in(sample, names).fill_null(len(names)).to_numpy()
        return [*np.bincount(places, minlength=len(names) + 1)]

    return count


def _number_bins(old: Column) -> Callable[[np.ndarray], list[int]]:
    """Return what counts numbers over the old side's few values or deciles, the others last."""
    # The bins are those of the old side alone, or the index would not be comparable over time.
    distinct = np.unique(old.sample)

    def count_values(sample: np.ndarray) -> list[int]:
        counts = [int((sample == value).sum()) for value in distinct]
        return [*counts, len(sample) - sum(counts)]

    def count_deciles(sample: np.ndarray) -> list[int]:
        places = np.searchsorted(edges, sample, side="left")
        return [*np.bincount(places, minlength=len(edges) + 1), 0]

    if len(distinct) <= DISTINCT:
        return count_values
    edges = decile_edges(old.sample)
    return count_deciles
