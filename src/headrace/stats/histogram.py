"""Both sides of a column counted over the same bins, for its drift."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.stats.column_stats import Column, Kind, top
from headrace.stats.psi import population_stability_index

DISTINCT = 20
"""With so few values or fewer, a number is a category."""
CATEGORIES = 50
"""Texts that have a bin of their own: the commonest; the rest share one."""
LEAST = 100
"""Rows that either side must have: with fewer, what ten bins hold is chance."""
DECILES = np.arange(1, 10) / 10


def drift(old: Column, new: Column) -> float | None:
    """Return the population stability index of a column; None where kinds or rows do not allow.

    Bins are the old side's deciles, or its values where they are few or no numbers (the commonest
    CATEGORIES, the rest together). What is missing is a bin of its own.
    """
    if old.kind is not new.kind or old.sample is None or min(old.sampled, new.sampled) < LEAST:
        return None
    count = _counted_words(old) if old.kind is Kind.WORDS else _counted_numbers(old)
    return population_stability_index(count(old), count(new))


def _counted_words(old: Column) -> Callable[[Column], list[int]]:
    names = [text for text, _ in top(old.sample, CATEGORIES)]
    known = pa.array(names, pa.large_binary())

    def count(side: Column) -> list[int]:
        places = pc.index_in(side.sample, known).drop_null().to_numpy()
        found = np.bincount(places, minlength=len(names)).tolist()
        return _with_rest(found, len(side.sample), side.sampled)

    return count


def _counted_numbers(old: Column) -> Callable[[Column], list[int]]:
    distinct = np.unique(old.sample)

    def categories(side: Column) -> list[int]:
        found = [int((side.sample == value).sum()) for value in distinct]
        return _with_rest(found, len(side.sample), side.sampled)

    def deciles(side: Column) -> list[int]:
        places = np.searchsorted(edges, side.sample, side="left")
        found = np.bincount(places, minlength=len(edges) + 1).tolist()
        return _with_rest(found, len(side.sample), side.sampled)

    if len(distinct) <= DISTINCT:
        return categories
    edges = np.unique(np.quantile(old.sample, DECILES, method="inverted_cdf"))
    return deciles


def _with_rest(found: list[int], present: int, sampled: int) -> list[int]:
    """Add two bins: values that are in no other bin, and values that are missing."""
    return [*found, present - sum(found), sampled - present]
