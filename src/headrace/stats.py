"""What is asked of the statistics and what they answer, as plain values: quick to import."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """How a score comes out of the predictions: its name, and the column it judges."""

    score: str
    column: str


@dataclass(frozen=True)
class Interval:
    """A 95 % confidence interval of a change (new less old), from so many rows and resamples."""

    low: float
    high: float
    rows: int
    resamples: int
