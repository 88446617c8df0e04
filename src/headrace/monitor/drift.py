"""Drift: how far each input, and the prediction, has moved from what the model learned."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from headrace.bundle.golden import PREDICTION
from headrace.errors import DataError
from headrace.monitor.histograms import Bins, Histogram, Histograms, NumberHistogram, bin_counts
from headrace.stats.histogram import population_stability_index

MAX_P_VALUE = 0.001
"""A column has moved where its adjusted p-value is below this …"""
MIN_PSI = 0.1
"""… and its population stability index is this or more: in many rows any change is significant."""
NEARLY = 0.9
"""Of the largest change: a narrower range with so much of it is reported instead."""
COLUMNS = (
    "feature",
    "kind",
    "unit",
    "psi",
    "test",
    "statistic",
    "p_value",
    "p_adjusted",
    "distance",
    "missing_before",
    "missing_after",
    "unseen_share",
    "moved",
    "says",
)


def table(counts: Histograms) -> pd.DataFrame:
    """Return the drift of a batch that was counted, with the columns COLUMNS.

    `psi` is the population stability index over the baseline's deciles, or its values where they
    are few, or a text's most common values; missing values are a bin of their own. A number is
    tested by the Kolmogorov-Smirnov distance (`ks`), missing values below all others; a text by
    chi-square over its bins (`chi2`). `p_adjusted` controls the false discovery rate over all rows
    (Benjamini and Hochberg, JRSS B 57 (1995)). `distance` is Wasserstein's, in the column's unit;
    NaN of texts. Missing and unseen are shares of rows. `moved` is true where `p_adjusted` <
    MAX_P_VALUE and `psi` >= MIN_PSI; `says` names the range that moved most.

    Errors:
        DataError: the batch has no rows.
    """
    if not counts.rows:
        raise DataError("The batch has no rows. Next: see what wrote it")
    predictions = [counts.prediction] if counts.has_predictions else []
    drift = pd.DataFrame([_row(column) for column in (*counts.columns.values(), *predictions)])
    drift["p_adjusted"] = stats.false_discovery_control(drift["p_value"])
    drift["moved"] = (drift["p_adjusted"] < MAX_P_VALUE) & (drift["psi"] >= MIN_PSI)
    return drift[list(COLUMNS)]


def figures(drift: pd.DataFrame) -> dict[str, float]:
    """Return the block `drift` of metrics/monitor.json: the inputs' maximum, and the prediction's.

    Where another model made the predictions, there is no figure of the prediction.
    """
    is_prediction = drift["feature"] == PREDICTION
    inputs, prediction = drift[~is_prediction], drift.loc[is_prediction, "psi"]
    psi = {"psi_max": float(inputs["psi"].max())}
    if len(prediction):
        psi["psi_prediction"] = float(prediction.iloc[0])
    return {**psi, "moved": int(inputs["moved"].sum()), "tested": len(inputs)}


def _row(counts: Histogram) -> dict[str, Any]:
    column, binned = counts.column, bin_counts(counts)
    pooled, after = binned.pool(), binned.after.sum()
    if isinstance(counts, NumberHistogram):
        kind, test, (statistic, p_value) = "number", "ks", _kolmogorov_smirnov(counts)
        distance, unseen_share = _wasserstein(counts), np.nan
    else:
        kind, test, (statistic, p_value) = "category", "chi2", chi_square(*pooled)
        distance, unseen_share = np.nan, counts.unseen / pooled[1].sum()
    return {
        "feature": column.name,
        "kind": kind,
        "unit": column.unit,
        "psi": population_stability_index(*pooled),
        "test": test,
        "statistic": statistic,
        "p_value": p_value,
        "distance": distance,
        "missing_before": column.missing_share,
        "missing_after": counts.missing / after,
        "unseen_share": unseen_share,
        "says": explain(column.name, binned),
    }


def chi_square(before: npt.ArrayLike, after: npt.ArrayLike) -> tuple[float, float]:
    """Return Pearson's chi-square of two counts over the same bins, shape (bins,), and its p-value.

    Without Yates's correction, which is for tables of two by two.
    """
    counts = np.array([before, after])
    if counts.shape[1] < 2:  # one bin on both sides cannot differ in its share
        return 0.0, 1.0
    result = stats.chi2_contingency(counts, correction=False)
    return float(result.statistic), float(result.pvalue)


def _kolmogorov_smirnov(counts: NumberHistogram) -> tuple[float, float]:
    """Return the Kolmogorov-Smirnov distance, and its p-value.

    scipy's `ks_2samp` with `method="asymp"`; that takes samples and no counts, so the distance is
    computed here, and the p-value is scipy's.
    """
    # The odd cells are the values of the baseline; it has no rows in the others.
    learned = np.zeros(len(counts.counts))
    learned[1::2] = counts.column.counts
    before = np.cumsum([counts.column.missing, *learned])
    after = np.cumsum([counts.missing, *counts.counts])
    statistic = float(np.abs(before / before[-1] - after / after[-1]).max())
    # The effective number of rows of two samples, as scipy takes it.
    rows = before[-1] * after[-1] / (before[-1] + after[-1])
    return statistic, float(stats.kstwo.sf(statistic, max(1, round(rows))))


def _wasserstein(counts: NumberHistogram) -> float:
    """Return how far the values must be moved on average; NaN where a side has none."""
    values, rows = counts.sample()
    learned = counts.column
    if not len(values) or not len(learned.levels):
        return np.nan
    return float(stats.wasserstein_distance(learned.levels, values, learned.counts, rows))


def explain(name: str, bins: Bins) -> str:
    """Return a sentence such as "temp 61 to 77 °F: 20 % → 41 %"; "" where no share changed.

    Of a number it names the range of neighbouring bins that rose or fell most together; of those
    that changed NEARLY as much the narrowest, since chance changes neighbours a little.
    """
    before, after = bins.before / bins.before.sum(), bins.after / bins.after.sum()
    change = after - before
    ranges = _ranges(bins.ordered, len(change))
    # Equal changes may differ in the last digits of their sums.
    sums = {ends: round(float(change[ends[0] : ends[1] + 1].sum()), 9) for ends in ranges}
    most = NEARLY * max(map(abs, sums.values()))
    largest = [ends for ends in ranges if abs(sums[ends]) >= most]
    first, last = max(largest, key=lambda ends: (ends[0] - ends[1], abs(sums[ends]), sums[ends]))
    if not sums[first, last]:
        return ""
    old, new = (share(side[first : last + 1].sum()) for side in (before, after))
    return f"{name} {bins.name(first, last)}: {old} → {new}"


def _ranges(ordered: int, bins: int) -> list[tuple[int, int]]:
    pairs = [(first, last) for first in range(ordered) for last in range(first, ordered)]
    return [*pairs, *((place, place) for place in range(ordered, bins))]


def share(value: float) -> str:
    """Return a share in per cent, a small one with one decimal."""
    percent = 100 * float(value)
    if percent >= 9.95 or percent == 0:
        return f"{percent:.0f} %"
    return f"{percent:.1f} %" if percent >= 0.95 else f"{percent:.1g} %"
