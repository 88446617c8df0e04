"""Champion and challenger compared on the same rows: the report, and the proposal's figures."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from headrace.bundle.load import Bundle
from headrace.compare import gates
from headrace.compare.metrics import MetricsContent, MetricsPair
from headrace.compare.model import Report, Side
from headrace.compare.retrain_report import FOLDER, FORMAT
from headrace.errors import DataError
from headrace.gates.model import Gates, Predictions
from headrace.report.text import counted
from headrace.schema.validate import validate
from headrace.stats import Interval, Recipe, bootstrap
from headrace.stats.scores import Array, score_function, unweighted

Name = tuple[str, str]
"""A metrics file, and a metric's name in it."""


@dataclass(frozen=True)
class Comparison:
    """A metric of both bundles on the same rows, and the interval of its change."""

    old: float
    new: float
    interval: Interval | None


def compare(
    champion: Bundle,
    challenger: Bundle,
    table: pd.DataFrame,
    rules: Gates,
    prices: Mapping[str, float],
) -> dict[Name, Comparison]:
    """Return each metric that gates.yaml computes from predictions, for both bundles.

    `table` is a batch; its labelled rows that keep both contracts count.

    Errors:
        DataError: no row counts, or gates.yaml does not name the columns of predictions.
    """
    spec = rules.predictions
    if spec is None or not spec.answers:
        raise DataError(
            "gates.yaml does not name the columns of a bundle's predictions."
            " Next: add to predictions answers: { prediction: NAME, positive: NAME }"
        )
    rows = _labelled_rows(table, (champion, challenger), spec.label)
    label = rows[spec.label].to_numpy("float64")
    old_side, new_side = (_predictions(bundle, rows, spec) for bundle in (champion, challenger))
    pairs = {
        name: (
            score_function(recipe, label, old_side[recipe.column], prices),
            score_function(recipe, label, new_side[recipe.column], prices),
        )
        for name, recipe in _recipes(rules, old_side)
    }
    # The bootstrap names a score by one text; neither a file nor a metric has a line break.
    named = {"\n".join(name): pair for name, pair in pairs.items()}
    intervals = bootstrap.intervals(named, rows=len(rows), clusters=_days(rows, spec))
    return {
        name: Comparison(
            unweighted(old, len(rows)), unweighted(new, len(rows)), intervals.get("\n".join(name))
        )
        for name, (old, new) in pairs.items()
    }


def _labelled_rows(table: pd.DataFrame, bundles: tuple[Bundle, Bundle], label: str) -> pd.DataFrame:
    """Return the rows that both bundles accept and whose label is known."""
    if label not in table:
        raise DataError(f"The batch has no {label}. Next: headrace ingest FILE --truth BATCH")
    labelled = table[table[label].notna()]
    # By both contracts: what only one of the models can answer compares nothing.
    for bundle in bundles:
        labelled = labelled[(validate(labelled, bundle.schema)[1] == "").to_numpy()]
    if labelled[label].nunique() < 2:
        raise DataError(
            "The known labels are all of one class, or there are none: nothing can be compared."
            " Next: headrace ingest FILE --truth BATCH"
        )
    return labelled.astype({label: "bool"})


def _predictions(bundle: Bundle, table: pd.DataFrame, spec: Predictions) -> dict[str, Array]:
    """Return a bundle's predictions, by the columns that gates.yaml names."""
    inputs, _ = validate(table, bundle.schema)
    y_score = bundle.predict(inputs)
    y_pred = (y_score >= bundle.facts["threshold"]).astype(float)
    predictions = {"prediction": y_score, "positive": y_pred}
    return {column: predictions[kind] for kind, column in spec.answers.items()}


def _recipes(rules: Gates, predictions: Mapping[str, Array]) -> Iterator[tuple[Name, Recipe]]:
    for gate in rules.metrics:
        recipe = gate.recipe
        if recipe is not None and recipe.column in predictions and "*" not in gate.pattern:
            yield (gate.file, gate.pattern), recipe


def _days(table: pd.DataFrame, spec: Predictions) -> bootstrap.Codes | None:
    """Return a number for each row's cluster, by day where it is a time; None without clusters."""
    if not spec.cluster or spec.cluster not in table:
        return None
    column = table[spec.cluster]
    if pd.api.types.is_datetime64_any_dtype(column):
        column = column.dt.floor("D")
    return np.asarray(pd.factorize(column)[0], dtype="int64")


def report(metrics: Mapping[Name, Comparison], rules: Gates, sides: tuple[Side, Side]) -> Report:
    """Return the comparison as a report of `headrace diff`: changes, intervals, gates."""
    pairs = [_pair(file, metrics) for file in dict.fromkeys(file for file, _ in metrics)]
    intervals = {name: metric.interval for name, metric in metrics.items() if metric.interval}
    applied = [gate for gate in rules.metrics if (gate.file, gate.pattern) in metrics]
    not_judged = [gate.pattern for gate in rules.metrics if gate.can_break and gate not in applied]
    not_judged += [f"{gate.recipe.score} of each {gate.column}" for gate in rules.groups]
    changes = (
        gates.metric_change(*name, metric.old, metric.new, metric.interval, applied)
        for name, metric in metrics.items()
    )
    return Report(
        *sides,
        metrics=tuple(changes),
        unchanged=0,
        gates=tuple(gates.evaluate_gates(applied, pairs, intervals)),
        notes=(_not_judged_note(not_judged, sides[1].name),) if not_judged else (),
        not_judged=len(not_judged),
    )


def _not_judged_note(names: list[str], branch: str) -> str:
    return (
        f"{counted(len(names), 'gate')} not judged on this batch ({', '.join(names)}): they need"
        " metrics and predictions of the challenger's own evaluation."
        f" Next: headrace diff HEAD {branch}"
    )


def _pair(file: str, metrics: Mapping[Name, Comparison]) -> MetricsPair:
    rows = {name: metric for (path, name), metric in metrics.items() if path == file}
    old = {name: metric.old for name, metric in rows.items()}
    new = {name: metric.new for name, metric in rows.items()}
    return MetricsPair(file, MetricsContent(old), MetricsContent(new), ())


def proposal_file(batch: str) -> str:
    """Return the file of a proposal about a batch, relative to the study."""
    return f"{FOLDER}/retrain-{batch}.json"


def proposal(
    batch: str, rows: int, bundles: Mapping[str, str], metrics: Mapping[Name, Comparison]
) -> str:
    """Return a proposal as JSON; `bundles` are the MD5 of `champion` and `challenger`."""
    content = {"format": FORMAT, "batch": batch, "rows": rows, **bundles}
    content |= {"metrics": [_metric(*name, metric) for name, metric in metrics.items()]}
    return json.dumps(content, indent=1) + "\n"


def _metric(file: str, name: str, metric: Comparison) -> dict[str, Any]:
    content = {"file": file, "name": name, "old": metric.old, "new": metric.new}
    if interval := metric.interval:
        content |= {"low": interval.low, "high": interval.high, "resamples": interval.resamples}
    return content
