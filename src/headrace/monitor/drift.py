"""How far each input, and the prediction, has moved from where the model learned."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from headrace.bundle.golden import PREDICTION
from headrace.errors import DataError
from headrace.monitor import explain, histograms
from headrace.monitor.baseline import Array, Baseline
from headrace.monitor.counts import Categories, Counted, Counts, Numbers
from headrace.stats.psi import population_stability_index

SURE = 0.001
"""A column has moved only where chance would move one so far in fewer tables than this …"""
FAR = 0.1
"""… and where its population stability index is this or more: of many rows any change is sure."""
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


def of(inputs: pd.DataFrame, predictions: npt.ArrayLike, baseline: Baseline) -> pd.DataFrame:
    """Return what moved, one row for each input and a last one for the prediction; see `table`.

    Errors:
        DataError: there are no rows, an input is not there, or not one prediction for each row.
    """
    counts = Counts(baseline)
    counts.add(inputs, predictions)
    return table(counts)


def table(counts: Counts) -> pd.DataFrame:
    """Return what moved in a batch that was counted, with the columns COLUMNS.

    `psi` is the population stability index over the baseline's deciles, or its values where they
    are few, or a text's commonest values; what is missing is a bin of its own. A number is tested
    by Kolmogorov and Smirnov's distance (`ks`), with what is missing below all values; a text by
    chi-square over its bins (`chi2`). `p_adjusted` holds the share of false discoveries down over
    all rows (Benjamini and Hochberg, JRSS B 57 (1995)). `distance` is Wasserstein's, in the
    column's unit; NaN of texts. Missing and unseen are shares of rows. `moved` where `p_adjusted` <
    SURE and `psi` >= FAR, and `says` tells the part that moved most.

    Errors:
        DataError: the batch has no rows.
    """
    if not counts.rows:
        raise DataError("The batch has no rows. Next: see what wrote it")
    answers = [counts.prediction] if counts.predicted else []
    rows = [_row(one) for one in (*counts.columns.values(), *answers)]
    found = pd.DataFrame(rows)
    found["p_adjusted"] = stats.false_discovery_control(found["p_value"])
    found["moved"] = (found["p_adjusted"] < SURE) & (found["psi"] >= FAR)
    return found[list(COLUMNS)]


def figures(table: pd.DataFrame) -> dict[str, float]:
    """Return the block `drift` of metrics/monitor.json: the inputs' worst, and the prediction's.

    Where another model answered, there is no figure of the prediction.
    """
    mine = table["feature"] == PREDICTION
    inputs, answers = table[~mine], table.loc[mine, "psi"]
    found = {"psi_max": float(inputs["psi"].max())}
    if len(answers):
        found["psi_prediction"] = float(answers.iloc[0])
    return {**found, "moved": int(inputs["moved"].sum()), "tested": len(inputs)}


def _row(counted: Counted) -> dict[str, Any]:
    column, binned = counted.column, histograms.of(counted)
    pooled, after = histograms.pooled(binned), binned.after.sum()
    tested = _number(counted) if isinstance(counted, Numbers) else _category(counted, pooled)
    return {
        "feature": column.name,
        "unit": column.unit,
        "psi": population_stability_index(*pooled),
        "missing_before": column.missing_share,
        "missing_after": counted.missing / after,
        "says": explain.says(column.name, binned),
        **tested,
    }


def _number(counted: Numbers) -> dict[str, Any]:
    statistic, p_value = _kolmogorov_smirnov(counted)
    found = {"kind": "number", "test": "ks", "statistic": statistic, "p_value": p_value}
    return {**found, "distance": _wasserstein(counted), "unseen_share": np.nan}


def _category(counted: Categories, pooled: tuple[Array, Array]) -> dict[str, Any]:
    statistic, p_value = chi_square(*pooled)
    found = {"kind": "category", "test": "chi2", "statistic": statistic, "p_value": p_value}
    unseen = counted.unseen / pooled[1].sum()
    return {**found, "distance": np.nan, "unseen_share": unseen}


def chi_square(before: npt.ArrayLike, after: npt.ArrayLike) -> tuple[float, float]:
    """Return Pearson's chi-square of two counts over the same bins, and its p-value."""
    both = np.array([before, after])
    if both.shape[1] < 2:
        return 0.0, 1.0
    found = stats.chi2_contingency(both, correction=False)
    return float(found.statistic), float(found.pvalue)


def _kolmogorov_smirnov(counted: Numbers) -> tuple[float, float]:
    """Return the largest distance of both distributions, and how often chance makes a larger one.

    scipy's `ks_2samp` with `method="asymp"` on the samples; it takes no counts, so the distance is
    taken from the sums of the counts here, and the p-value is scipy's.
    """
    learned = np.zeros(len(counted.counts))
    learned[1::2] = counted.column.counts
    before = np.cumsum([counted.column.missing, *learned])
    after = np.cumsum([counted.missing, *counted.counts])
    statistic = float(np.abs(before / before[-1] - after / after[-1]).max())
    rows = before[-1] * after[-1] / (before[-1] + after[-1])
    return statistic, float(stats.kstwo.sf(statistic, max(1, round(rows))))


def _wasserstein(counted: Numbers) -> float:
    """Return how far the values must be moved on average; NaN where a side has none."""
    values, rows = counted.sample()
    known = counted.column
    if not len(values) or not len(known.levels):
        return np.nan
    return float(stats.wasserstein_distance(known.levels, values, known.counts, rows))
