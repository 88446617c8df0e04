"""Batches evaluated against the bundle: one by one, part by part, and as tables of all."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from headrace.bundle import baseline as baselines
from headrace.bundle.baseline import Baseline
from headrace.bundle.golden import CLOSE, PREDICTION
from headrace.bundle.load import Bundle
from headrace.errors import DataError
from headrace.gates.live import POSITIVE_SHARE
from headrace.gates.model import Predictions
from headrace.ingest import batch
from headrace.ingest.types import POSITIVE
from headrace.monitor import drift, performance
from headrace.monitor.estimate import ProbabilityCounts
from headrace.monitor.histograms import Histograms
from headrace.monitor.performance import LabelledRows
from headrace.monitor.quality import QualityCounts
from headrace.schema.column_types import booleans
from headrace.stats.scores import COST, Array

WARNED = "warned"
STEP = "Next: headrace ingest FILE --replace"
OTHER_MODEL = "Another model answered these rows, so its answers are not held against this one's"
CHECKED = 1000
"""Rows that are predicted again, to know whether this model made the logged predictions."""
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Evaluation:
    """The results of a batch; of one that cannot be evaluated, a note that says why."""

    figures: dict[str, Any] = field(default_factory=lambda: {"rows": 0, "quality": {"judged": 0}})
    """As in metrics/monitor.json: rows, quality, drift, performance, estimate."""
    quality: pd.DataFrame = field(default_factory=pd.DataFrame)
    drift: pd.DataFrame = field(default_factory=pd.DataFrame)
    known: pd.DataFrame = field(default_factory=pd.DataFrame)
    """Rows whose label is known: cluster, texts of the inputs, label, `prediction`, `warned`.

    The notebook of the stage reads it by this name."""
    notes: tuple[str, ...] = ()

    def has(self, column: str) -> bool:
        """Tell whether there are rows whose label is known, and which have this column."""
        return len(self.known) > 0 and column in self.known


class LoggedPredictions:
    """The predictions that came with a batch's rows, completed by those of the bundle."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle, self._threshold = bundle, float(bundle.facts["threshold"])
        self.same_model: bool | None = None
        """Whether the bundle predicts the same; None while no prediction was logged."""

    def complete(self, rows: pd.DataFrame, inputs: pd.DataFrame) -> tuple[Array, Mask]:
        """Return each row's probability, and whether it was a warning.

        Errors:
            DataError: a prediction is not a number, or `positive` is neither true nor false.
        """
        y_score = _logged(rows)
        logged = ~np.isnan(y_score)
        if self.same_model is None and logged.any():
            # Once for a batch: to predict all of its rows again would double the time.
            self.same_model = self._predicts_same(inputs[logged], y_score[logged])
        if not logged.all():
            y_score[~logged] = self._bundle.predict(inputs[~logged])
        y_pred = y_score >= self._threshold
        if POSITIVE in rows:
            # What was answered counts, whatever the threshold is now.
            positive = booleans(rows[POSITIVE])
            decided = logged & positive.notna().to_numpy()
            y_pred[decided] = positive.to_numpy("bool", na_value=False)[decided]
        return y_score, y_pred

    def _predicts_same(self, inputs: pd.DataFrame, y_score: Array) -> bool:
        """Predict rows spread over all: a model that took over on the way made some of them."""
        places = np.unique(np.linspace(0, len(y_score) - 1, CHECKED).astype(int))
        predictions = self._bundle.predict(inputs.iloc[places])
        return bool(np.allclose(predictions, y_score[places], rtol=0, atol=CLOSE))


def _logged(rows: pd.DataFrame) -> Array:
    if PREDICTION not in rows:
        return np.full(len(rows), np.nan)
    try:
        return pd.to_numeric(rows[PREDICTION]).to_numpy("float64", na_value=np.nan, copy=True)
    except (TypeError, ValueError):
        raise DataError(f"The batch has a {PREDICTION} that is not a number. {STEP}") from None


class BatchEvaluator:
    """Evaluates a batch, a part at a time; only rows whose label is known take up memory."""

    def __init__(self, bundle: Bundle, baseline: Baseline, spec: Predictions) -> None:
        self._spec = spec
        self._quality = QualityCounts(bundle.schema, baseline)
        self._histograms = Histograms(baseline)
        self._predictions = LoggedPredictions(bundle)
        self._scored, self._probabilities = LabelledRows(), ProbabilityCounts()
        self._labelled: list[pa.Table] = []
        self._rows = 0

    def add(self, rows: pd.DataFrame) -> None:
        """Add some rows; beyond quality, those that keep the contract count.

        Errors:
            DataError: a column is missing, or a prediction is not valid.
        """
        inputs, valid = self._quality.add(rows)
        self._rows += len(rows)
        inputs, rows = inputs[valid], rows[valid]
        if not len(rows):
            return
        y_score, y_pred = self._predictions.complete(rows, inputs)
        label = rows.get(self._spec.label, pd.Series(pd.NA, index=rows.index))
        y_true = label.astype("boolean")
        self._histograms.add(inputs, None if self._predictions.same_model is False else y_score)
        self._probabilities.add(y_score, y_pred)
        self._scored.add(y_true, y_score, y_pred, self._clusters(rows))
        # Texts, since groups of rows are formed by them.
        labelled: pd.DataFrame = inputs.select_dtypes("str")
        labelled = labelled.assign(**{PREDICTION: y_score, WARNED: y_pred})
        cluster = [name for name in (self._spec.cluster,) if name in rows]
        labelled[[*cluster, self._spec.label]] = rows[cluster].assign(label=y_true)
        labelled = labelled[y_true.notna()].astype({self._spec.label: "bool"})
        # Arrow holds a text once where pandas holds an object for each row.
        self._labelled.append(pa.Table.from_pandas(labelled, preserve_index=False))

    def _clusters(self, rows: pd.DataFrame) -> pd.Series:
        """Return each row's cluster; where there is none, each row is one."""
        numbers = np.arange(self._rows - len(rows), self._rows)
        return rows.get(self._spec.cluster, pd.Series(numbers, index=rows.index))

    def result(self, prices: Mapping[str, float]) -> Evaluation:
        """Return the results of all rows; `prices` are of a `missed` one and of a `false_alarm`.

        Errors:
            DataError: there were no rows.
        """
        if not self._rows:
            raise DataError(f"There are no rows. {STEP}")
        figures = {"rows": self._rows, "quality": {"judged": 1, **self._quality.figures()}}
        if not self._labelled:
            note = f"No row keeps the contract, so nothing else is told. {STEP}"
            return Evaluation(figures, self._quality.table(), notes=(note,))
        moved, scored = drift.table(self._histograms), performance.score(self._scored, prices)
        figures |= {
            "drift": drift.figures(moved),
            "performance": scored.figures,
            "estimate": self._probabilities.figures(prices),
        }
        tables = pa.concat_tables(self._labelled)
        self._labelled.clear()  # so that no row is in memory twice
        labelled = tables.to_pandas(split_blocks=True, self_destruct=True)
        notes = [OTHER_MODEL] if self._predictions.same_model is False else []
        notes += scored.notes
        return Evaluation(figures, self._quality.table(), moved, labelled, tuple(notes))


def batches(
    root: Path, bundle: Bundle, names: Iterable[str], *, prices: Mapping[str, float]
) -> dict[str, Evaluation]:
    """Evaluate batches of data/live; one that cannot be evaluated does not stop the others.

    `prices` are of a `missed` positive and of a `false_alarm`.

    Errors:
        ProjectError: gates.yaml has no key and label.
        DataError: the bundle's baseline has another format.
    """
    baseline = baselines.parse(bundle.baseline, bundle.schema, bundle.name)
    spec = batch.prediction_spec(root)
    evaluations = {}
    for name in names:
        evaluator = BatchEvaluator(bundle, baseline, spec)
        try:
            for part in batch.read_parts(root, name):
                evaluator.add(part)
            evaluations[name] = evaluator.result(prices)
        except DataError as error:
            evaluations[name] = Evaluation(notes=(str(error),))
    return evaluations


def metrics(evaluations: Mapping[str, Evaluation], groups: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of metrics/monitor.json: each batch's figures, and its groups' gaps."""
    return {
        name: evaluation.figures | ({"groups": groups[name]} if groups.get(name) else {})
        for name, evaluation in evaluations.items()
    }


def table(evaluations: Mapping[str, Evaluation], part: str) -> pd.DataFrame:
    """Return the tables `quality` or `drift` of all batches, stacked."""
    return stacked({name: getattr(evaluation, part) for name, evaluation in evaluations.items()})


def stacked(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the tables of batches, one below the other; the column `batch` names them."""
    parts = [table.assign(batch=name) for name, table in tables.items() if len(table)]
    parts = [part[["batch", *part.columns.drop("batch")]] for part in parts]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"batch": []})


def scores(evaluations: Mapping[str, Evaluation], part: str) -> pd.DataFrame:
    """Return a block of figures, such as `performance`, with one row for each batch."""
    rows = {name: evaluation.figures.get(part, {}) for name, evaluation in evaluations.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("batch")


def notes(evaluations: Mapping[str, Evaluation]) -> pd.DataFrame:
    """Return the notes of all batches: batch, says."""
    rows = [(name, note) for name, evaluation in evaluations.items() for note in evaluation.notes]
    return pd.DataFrame(rows, columns=["batch", "says"])


def promised(evaluated: pd.DataFrame, positive_share: float) -> pd.Series:
    """Return the model's cost at its evaluation, with its interval, and the share of positives.

    `evaluated` is as `headrace.bundle.metrics.table` returns it.
    """
    metrics = evaluated.set_index("metric")
    metric = next((name for name in metrics.index if name.endswith(f"model.{COST}")), "")
    row = metrics.reindex([metric]).iloc[0]  # NaN where there is no such metric
    columns = {"": "value", "_low": "low", "_high": "high"}
    cost = {f"{COST}{end}": row[column] for end, column in columns.items()}
    return pd.Series({**cost, POSITIVE_SHARE: positive_share})


def widest(gaps: Mapping[str, Mapping[str, Mapping[str, float]]]) -> pd.DataFrame:
    """Return the gaps between groups as a table: a row for each batch, a column for each rate."""
    rows = {
        name: {(by, rate): gap for by, rates in groups.items() for rate, gap in rates.items()}
        for name, groups in gaps.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("batch")
