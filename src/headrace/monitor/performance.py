"""Performance of a model on a batch: scores with intervals, over the rows whose label is known."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from headrace.errors import DataError
from headrace.gates.live import POSITIVE_SHARE, PROBABILITY_SCORES, WARNING_SCORES
from headrace.report.text import counted
from headrace.stats import bootstrap
from headrace.stats.scores import COST, SCORES, Array, Score, cost_per_1000

MAX_ROWS = 100_000
"""Rows that are kept one by one; of more, rows that are alike are joined."""
LEVELS = 1000
"""Probabilities are then rounded to so many levels, from 0 to 1."""
DIGITS = 9
"""That are kept: the last ones of a sum depend on where in memory its parts happened to lie."""
MIN_CLUSTERS = 5
"""Clusters that an interval needs."""


class LabelledRows:
    """The rows whose label and prediction are known, in memory that does not grow.

    Once there are MAX_ROWS, probabilities are rounded, and rows of one cluster with equal label,
    warning and probability count as one. Rounding moves areas under curves by some 0.0001, far
    below the width of their intervals.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.labelled = 0
        """Rows whose label is known."""
        self._parts: list[pd.DataFrame] = []
        self._stored, self._limit = 0, MAX_ROWS

    def add(
        self,
        y_true: pd.Series | None,
        y_score: npt.ArrayLike,
        y_pred: npt.ArrayLike,
        clusters: pd.Series,
    ) -> None:
        """Add some rows; each argument has the shape (rows,).

        `y_true` is boolean, missing where the label is not known, or None where it is of no row. A
        row without a prediction does not count. A cluster that is a time counts by its day.

        Errors:
            DataError: the columns differ in length, or a label is neither true nor false.
        """
        probability, warned = np.asarray(y_score, "float64"), np.asarray(y_pred).astype("float64")
        label = np.full(len(probability), np.nan) if y_true is None else _label_numbers(y_true)
        if len({len(label), len(probability), len(warned), len(clusters)}) > 1:
            raise DataError(
                f"{len(label):,} labels, {len(probability):,} predictions, {len(warned):,} warnings"
                f" and {len(clusters):,} clusters are not of the same rows. Next: take one table's"
            )
        has_label = ~np.isnan(label)
        part = {"label": label, "warned": warned, "probability": probability, "rows": 1.0}
        # Rows of one day share much of what makes them hard to predict.
        days = clusters.dt.floor("D") if hasattr(clusters, "dt") else clusters
        rows = pd.DataFrame(part).assign(cluster=days.to_numpy())
        self._store(rows[has_label & np.isfinite(probability)])
        self.rows += len(label)
        self.labelled += int(has_label.sum())

    def _store(self, part: pd.DataFrame) -> None:
        self._parts.append(part)
        self._stored += len(part)
        if self._stored > self._limit:
            self._parts = [_join_alike(pd.concat(self._parts))]
            self._stored = len(self._parts[0])
            self._limit = max(MAX_ROWS, 2 * self._stored)  # so joining stays linear in the rows

    def table(self) -> pd.DataFrame:
        """Return label, warned, probability, rows (that it stands for) and cluster (from 0)."""
        table = pd.concat(self._parts, ignore_index=True)
        return table.assign(cluster=pd.factorize(table["cluster"], use_na_sentinel=False)[0])


def _join_alike(table: pd.DataFrame) -> pd.DataFrame:
    """Return rows with probabilities rounded, those that are alike joined."""
    rounded = table.assign(probability=np.round(table["probability"] * LEVELS) / LEVELS)
    columns = ["cluster", "label", "warned", "probability"]
    return rounded.groupby(columns, as_index=False, dropna=False)[["rows"]].sum()


def _label_numbers(y_true: pd.Series) -> Array:
    """Return 1, 0, or NaN where the label is not known."""
    label = pd.to_numeric(y_true, errors="coerce").to_numpy("float64", na_value=np.nan)
    wrong = y_true.notna().to_numpy() & ~np.isin(label, [0, 1])
    if wrong.any():
        example = y_true[wrong].tolist()[0]
        raise DataError(
            f"The label {y_true.name} is {example!r}, neither true nor false, in {wrong.sum():,}"
            " rows. Next: write true, false, or nothing where it is not known"
        )
    return label


@dataclass(frozen=True)
class Performance:
    """The block `performance` of metrics/monitor.json, and notes on what it lacks."""

    figures: dict[str, float]
    notes: list[str]


def score(rows: LabelledRows, prices: Mapping[str, float]) -> Performance:
    """Score predictions over the rows whose label is known.

    Each score has its 95 % interval, `_low` and `_high`: whole clusters are drawn, as `headrace
    diff` draws them. `prices` are of a `missed` positive and of a `false_alarm`; without them there
    is no cost. A score that is not defined is left out, with a note.

    Errors:
        DataError: there are no rows.
    """
    if not rows.rows:
        raise DataError("The batch has no rows. Next: see what wrote it")
    figures, table = {"truth_share": rows.labelled / rows.rows}, rows.table()
    if table.empty:
        missing = "prediction" if rows.labelled else "truth"
        return Performance(figures, [f"No row has a {missing} yet, so nothing is scored"])
    weight = table["rows"].to_numpy("float64")
    functions = _score_functions(table, prices)
    values = {POSITIVE_SHARE: float(np.average(table["label"], weights=weight))}
    values |= {name: float(compute(weight[np.newaxis])[0]) for name, compute in functions.items()}
    ends, notes = _intervals(table, weight, functions)
    for name, value in values.items():
        if np.isfinite(value):
            figures |= {name: value, **ends.get(name, {})}
    figures = {name: float(f"{value:.{DIGITS}g}") for name, value in figures.items()}
    return Performance(figures, [*_notes(table, figures), *notes])


def _score_functions(table: pd.DataFrame, prices: Mapping[str, float]) -> dict[str, Score]:
    label, probability, warned = (
        table[name].to_numpy("float64") for name in ("label", "probability", "warned")
    )
    functions = {name: SCORES[name](label, probability) for name in PROBABILITY_SCORES}
    functions |= {name: SCORES[name](label, warned) for name in WARNING_SCORES}
    if {"missed", "false_alarm"} <= prices.keys():
        functions[COST] = cost_per_1000(label, warned, prices)
    if label.min() == label.max():  # an area under a curve of one class says nothing
        del functions["roc_auc"], functions["average_precision"]
    return functions


def _intervals(
    table: pd.DataFrame, weight: Array, functions: Mapping[str, Score]
) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Return `_low` and `_high` of each score, and a note where there are none."""
    codes = table["cluster"].to_numpy()
    # Resamples of a few clusters repeat each other, and their interval would be too narrow.
    if (clusters := len(np.unique(codes))) < MIN_CLUSTERS:
        few = f"{counted(clusters, 'cluster')}, such as days"
        limit = f"with fewer than {MIN_CLUSTERS} there is no interval"
        return {}, [f"The known rows are of {few}: {limit}"]
    weighted = {name: _weighted(function, weight) for name, function in functions.items()}
    intervals = bootstrap.score_intervals(weighted, rows=len(table), clusters=codes)
    return {
        name: {f"{name}_low": interval.low, f"{name}_high": interval.high}
        for name, interval in intervals.items()
    }, []


def _weighted(function: Score, weight: Array) -> Score:
    return lambda drawn: function(drawn * weight)


def _notes(table: pd.DataFrame, figures: Mapping[str, float]) -> list[str]:
    """Return a note for each score that is left out, and where labels are known in part."""
    notes, share = [], figures["truth_share"]
    if share < 1:
        notes.append(f"The truth is known of {100 * share:.1f} % of the rows, and these are scored")
    if "roc_auc" not in figures:
        which = "positive" if table["label"].min() > 0 else "negative"
        notes.append(f"Every known row is {which}: no area under a curve can be told")
    if "recall" not in figures:
        notes.append("No known row is positive: no recall can be told")
    if "precision" not in figures:
        notes.append("No known row was warned of: no precision can be told")
    return notes
