"""How good a model is on a batch, where the truth has come in: whole, in part, or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from headrace.errors import DataError
from headrace.monitor.labelled_rows import Cases
from headrace.stats import bootstrap
from headrace.stats.scores import SCORES, Array, Score, cost_per_1000

CHANCE = ("roc_auc", "average_precision", "brier_score", "calibration_in_the_large")
"""Scores of probabilities, as notebook 04 has them."""
SAID = ("precision", "recall")
"""Scores of warnings."""
DIGITS = 9
"""That are kept: the last ones of a sum depend on where in memory its parts happened to lie."""
LEAST = 5
"""Clusters that an interval is drawn from: of fewer, none can be told."""


@dataclass(frozen=True)
class Performance:
    """The block `performance` of metrics/monitor.json, and sentences on what it cannot tell."""

    figures: dict[str, float]
    says: list[str]


def of(
    label: pd.Series | None,
    probability: npt.ArrayLike,
    warned: npt.ArrayLike,
    clusters: pd.Series,
    prices: Mapping[str, float],
) -> Performance:
    """Score a batch's predictions over the rows whose truth is known.

    `label` is boolean, with missing values where the truth is not known, or None where it is of no
    row; a row without a prediction does not count either. Each score has its 95 % interval, `_low`
    and `_high`: whole clusters are drawn, as `headrace diff` draws them, and one that is a time
    counts by its day. `prices` are of what was `missed` and of a `false_alarm`; without them there
    is no cost. What cannot be told is left out, and why is said.

    Errors:
        DataError: there are no rows, the columns are not of one length, or a label is neither.
    """
    cases = Cases()
    cases.add(label, probability, warned, clusters)
    return scored(cases, prices)


def scored(cases: Cases, prices: Mapping[str, float]) -> Performance:
    """Score a batch that was gathered part by part; see `of`."""
    if not cases.rows:
        raise DataError("The batch has no rows. Next: see what wrote it")
    figures, table = {"truth_share": cases.known / cases.rows}, cases.table()
    if table.empty:
        lacks = "prediction" if cases.known else "truth"
        return Performance(figures, [f"No row has a {lacks} yet, so nothing is scored"])
    weight = table["rows"].to_numpy("float64")
    scores = _scores(table, prices)
    found = {name: float(score(weight[np.newaxis])[0]) for name, score in scores.items()}
    found = {"late_share": float(np.average(table["label"], weights=weight)), **found}
    ends, says = _intervals(table, weight, scores)
    for name, value in found.items():
        if np.isfinite(value):
            figures |= {name: value, **ends.get(name, {})}
    figures = {name: float(f"{value:.{DIGITS}g}") for name, value in figures.items()}
    return Performance(figures, [*_why(table, figures), *says])


def _scores(table: pd.DataFrame, prices: Mapping[str, float]) -> dict[str, Score]:
    label, chance, said = (
        table[name].to_numpy("float64") for name in ("label", "probability", "warned")
    )
    scores = {name: SCORES[name](label, chance) for name in CHANCE}
    scores |= {name: SCORES[name](label, said) for name in SAID}
    if {"missed", "false_alarm"} <= prices.keys():
        scores["cost_per_1000"] = cost_per_1000(label, said, prices)
    if label.min() == label.max():  # an area under a curve of one class says nothing
        del scores["roc_auc"], scores["average_precision"]
    return scores


def _intervals(
    table: pd.DataFrame, weight: Array, scores: Mapping[str, Score]
) -> tuple[dict[str, dict[str, float]], list[str]]:
    codes = table["cluster"].to_numpy()
    if (clusters := len(np.unique(codes))) < LEAST:
        few = f"{clusters} cluster{'s' if clusters > 1 else ''}, such as days"
        return {}, [f"The known rows are of {few}: with fewer than {LEAST} there is no interval"]
    pairs = {name: (_nothing, _weighted(score, weight)) for name, score in scores.items()}
    found = bootstrap.intervals(pairs, rows=len(table), clusters=codes)
    return {
        name: {f"{name}_low": one.low, f"{name}_high": one.high} for name, one in found.items()
    }, []


def _why(table: pd.DataFrame, figures: Mapping[str, float]) -> list[str]:
    """Say what is left out, and why, and that truth is known in part."""
    says, share = [], figures["truth_share"]
    if share < 1:
        says.append(f"The truth is known of {100 * share:.1f} % of the rows, and these are scored")
    if "roc_auc" not in figures:
        which = "positive" if table["label"].min() > 0 else "negative"
        says.append(f"Every known row is {which}: no area under a curve can be told")
    if "recall" not in figures:
        says.append("No known row is positive: no recall can be told")
    if "precision" not in figures:
        says.append("No known row was warned of: no precision can be told")
    return says


def _weighted(score: Score, weight: Array) -> Score:
    return lambda drawn: score(drawn * weight)


def _nothing(weights: Array) -> Array:
    """Score nothing: the change from it is the score itself."""
    return np.zeros(len(weights))
