"""Statistics: histograms, population stability index, bootstrap intervals, scores."""

from dataclasses import dataclass

STEADY, SHIFTED = 0.1, 0.25
"""By a habit of the field, a population stability index below the one is steady, and one above the
other a shift."""


@dataclass(frozen=True)
class Recipe:
    """How a metric is computed from the predictions: the score, and the column it evaluates."""

    score: str
    column: str


@dataclass(frozen=True)
class Interval:
    """A 95 % confidence interval of a change (new less old), with its rows and resamples."""

    low: float
    high: float
    rows: int
    resamples: int
