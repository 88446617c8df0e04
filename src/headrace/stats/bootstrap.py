"""Confidence intervals of changes: paired bootstrap, seeded, with percentile intervals."""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from headrace.stats import Interval
from headrace.stats.scores import Array, Score

RESAMPLES = 1000
SEED = 0
"""Fixed: the study's own seed does not change the interval of the same predictions."""
BLOCK = 500_000
"""Weights in memory at a time: 4 MB, which fits into a cache, whatever the number of rows."""
MIN_DEFINED = 0.9
"""Share of the resamples that must define a score: with few positive rows, some have none."""

Codes = npt.NDArray[np.int64]


def intervals(
    pairs: Mapping[str, tuple[Score, Score]],
    *,
    rows: int,
    clusters: Codes | None = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> dict[str, Interval]:
    """Return 95 % intervals of the changes, new less old, of scores of the same rows.

    Each resample draws the same rows for both sides, so what makes a row hard for both does not
    count. `clusters` numbers each row's cluster, shape (rows,); then whole clusters are drawn,
    since rows that share something hold less information than independent ones.
    Percentile intervals: the jackknife of BCa would score the table once for each row.
    Source: Davison and Hinkley, Bootstrap Methods and their Application (1997), 3.8 and 5.3.

    A score that too few resamples define is left out.
    """
    if rows == 0:
        return {}
    drawn: dict[str, list[Array]] = {name: [] for name in pairs}
    for weights in _weights(rows, clusters, resamples, np.random.default_rng(seed)):
        for name, (old, new) in pairs.items():
            drawn[name].append(new(weights) - old(weights))
    changes = {name: np.concatenate(parts) for name, parts in drawn.items()}
    defined = {name: values[np.isfinite(values)] for name, values in changes.items()}
    return {
        name: _interval(values, rows)
        for name, values in defined.items()
        if len(values) >= MIN_DEFINED * resamples
    }


def score_intervals(
    functions: Mapping[str, Score], *, rows: int, clusters: Codes | None = None
) -> dict[str, Interval]:
    """Return 95 % intervals of scores, each of its change from zero; see `intervals`."""
    pairs = {name: (_zero, function) for name, function in functions.items()}
    return intervals(pairs, rows=rows, clusters=clusters)


def _zero(weights: Array) -> Array:
    return np.zeros(len(weights))


def _interval(changes: Array, rows: int) -> Interval:
    low, high = np.percentile(changes, [2.5, 97.5])
    return Interval(float(low), float(high), rows, len(changes))


def _weights(
    rows: int, clusters: Codes | None, resamples: int, rng: np.random.Generator
) -> Iterator[Array]:
    """Yield how often each row is drawn, resamples by rows, a block at a time.

    The size of a block does not change what is drawn.
    """
    units = rows if clusters is None else int(clusters.max()) + 1
    step = max(1, BLOCK // rows)
    for first in range(0, resamples, step):
        number = min(step, resamples - first)
        # One draw for all scores: their intervals are of the same resamples.
        drawn = rng.integers(0, units, size=(number, units))
        counts = np.stack([np.bincount(row, minlength=units) for row in drawn]).astype(float)
        yield counts if clusters is None else counts[:, clusters]
