"""Champion against challenger on the same rows, which neither has seen."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from headrace.bundle.load import Bundle
from headrace.compare import gates
from headrace.compare.metrics import Content, MetricsPair
from headrace.compare.model import MetricChange, Report, Side
from headrace.errors import DataError
from headrace.gates.model import Gate, Gates, Predictions
from headrace.schema.validate import validate
from headrace.stats import Interval, Recipe, bootstrap
from headrace.stats.scores import Array, score_function, unweighted

Name = tuple[str, str]
"""A metrics file, and a metric's name in it."""


@dataclass(frozen=True)
class Compared:
    """A metric of both on the same rows, and the interval of its change."""

    old: float
    new: float
    interval: Interval | None


def compare(
    champion: Bundle,
    challenger: Bundle,
    table: pd.DataFrame,
    rules: Gates,
    prices: Mapping[str, float],
) -> dict[Name, Compared]:
    """Return each metric that gates.yaml reckons from what a bundle answers, for both bundles.

    `table` is a batch; its rows that keep both contracts and whose truth is known are judged.

    Errors:
        DataError: no row can be judged, or gates.yaml does not say what a bundle's answers are.
    """
    spec = rules.predictions
    if spec is None or not spec.answers:
        raise DataError(
            "gates.yaml does not say which columns a bundle answers. Next: add to predictions"
            " answers: { prediction: NAME, positive: NAME }"
        )
    known = _judged(table, (champion, challenger), spec.label)
    label = known[spec.label].to_numpy("float64")
    sides = [_answers(bundle, known, spec) for bundle in (champion, challenger)]
    pairs = {
        name: (
            score_function(recipe, label, sides[0][recipe.column], prices),
            score_function(recipe, label, sides[1][recipe.column], prices),
        )
        for name, recipe in _recipes(rules, sides[0])
    }
    days = _days(known, spec)
    found = bootstrap.intervals(
        {"\n".join(name): pair for name, pair in pairs.items()}, rows=len(known), clusters=days
    )
    return {
        name: Compared(
            unweighted(old, len(known)), unweighted(new, len(known)), found.get("\n".join(name))
        )
        for name, (old, new) in pairs.items()
    }


def _judged(table: pd.DataFrame, bundles: tuple[Bundle, Bundle], label: str) -> pd.DataFrame:
    """Return the rows that both may be asked and whose truth is known."""
    if label not in table:
        raise DataError(f"The batch has no {label}. Next: headrace ingest FILE --truth BATCH")
    kept = table[table[label].notna()]
    for bundle in bundles:
        kept = kept[(validate(kept, bundle.schema)[1] == "").to_numpy()]
    if kept[label].nunique() < 2:
        raise DataError(
            "Of one class only, or of none, truth is known: nothing can be compared."
            " Next: headrace ingest FILE --truth BATCH"
        )
    return kept.astype({label: "bool"})


def _answers(bundle: Bundle, table: pd.DataFrame, spec: Predictions) -> dict[str, Array]:
    """Return what a bundle answers, by the names that gates.yaml has for it."""
    inputs, _ = validate(table, bundle.schema)
    chances = bundle.predict(inputs)
    said = {"prediction": chances, "positive": (chances >= bundle.facts["threshold"]).astype(float)}
    return {column: said[kind] for kind, column in spec.answers.items()}


def _recipes(rules: Gates, answers: Mapping[str, Array]) -> Iterator[tuple[Name, Recipe]]:
    for gate in rules.metrics:
        if gate.recipe is not None and gate.recipe.column in answers and "*" not in gate.pattern:
            yield (gate.file, gate.pattern), gate.recipe


def _days(table: pd.DataFrame, spec: Predictions) -> bootstrap.Codes | None:
    """Return a number for each row's cluster, a time's being its day; None where none is known."""
    if not spec.cluster or spec.cluster not in table:
        return None
    column = table[spec.cluster]
    if pd.api.types.is_datetime64_any_dtype(column):
        column = column.dt.floor("D")
    return np.asarray(pd.factorize(column)[0], dtype="int64")


def report(found: Mapping[Name, Compared], rules: Gates, sides: tuple[Side, Side]) -> Report:
    """Return the comparison as `headrace diff` reports one: changes, intervals, gates."""
    pairs = [_pair(file, found) for file in dict.fromkeys(file for file, _ in found)]
    spans = {name: one.interval for name, one in found.items() if one.interval is not None}
    asked = [gate for gate in rules.metrics if (gate.file, gate.pattern) in found]
    return Report(
        *sides,
        metrics=tuple(_change(name, one, asked) for name, one in found.items()),
        unchanged=0,
        gates=tuple(gates.evaluate_gates(asked, pairs, spans)),
    )


def _pair(file: str, found: Mapping[Name, Compared]) -> MetricsPair:
    mine = {name: one for (of, name), one in found.items() if of == file}
    old, new = ({name: getattr(one, end) for name, one in mine.items()} for end in ("old", "new"))
    return MetricsPair(file, Content(old), Content(new), ())


def _change(name: Name, one: Compared, asked: list[Gate]) -> MetricChange:
    return gates.metric_change(*name, one.old, one.new, one.interval, asked)
