"""How far a distribution has moved, as one figure."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import rel_entr

FLOOR = 1e-4
"""The least share that a bin counts as: of an empty bin the figure would be infinite."""


def population_stability_index(old: ArrayLike, new: ArrayLike) -> float:
    """Return the population stability index of two counts over the same bins.

    The sum over bins of (new share - old share) * ln(new share / old share): 0 for equal shares,
    and the same in either direction. It is the sum of both relative entropies (Jeffreys). By a
    habit of the field, below 0.1 is steady and above 0.25 is a shift. Source: Siddiqi, Credit Risk
    Scorecards (2006), 8.
    """
    before, after = (_shares(counts) for counts in (old, new))
    return float(np.sum(rel_entr(after, before) + rel_entr(before, after)))


def _shares(counts: ArrayLike) -> np.ndarray:
    numbers = np.asarray(counts, dtype=float)
    shares: np.ndarray = np.maximum(numbers / numbers.sum(), FLOOR)
    return shares
