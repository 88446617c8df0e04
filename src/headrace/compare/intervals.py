"""Confidence intervals of the changes, and the rates of groups, from both states' predictions."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from headrace.compare import gates
from headrace.compare.metrics import MetricName, MetricsPair, Number
from headrace.compare.model import Evidence
from headrace.compare.predictions import Table, common_rows, read
from headrace.core.states import State
from headrace.errors import DataError, join_names
from headrace.gates.model import Gates, GroupGate, Predictions, matching
from headrace.stats import Interval, Recipe, bootstrap
from headrace.stats.scores import COST, SCORES, Score, score_function, unweighted

TOLERANCE = 1e-6
"""How near a computed score must be to the recorded one."""
MAX_NAMES = 3
"""Metrics that a note names before it counts the others."""


class Rate(NamedTuple):
    """The rate of a group, and the rows that it is a share of."""

    group: str
    rate: float
    rows: int


@dataclass(frozen=True)
class RecordedChange:
    """A metric that has a recipe, and its recorded values."""

    recipe: Recipe
    old: Number
    new: Number


def add_evidence(
    evidence: Evidence, rules: Gates, pairs: Iterable[MetricsPair], old: State, new: State
) -> None:
    """Add intervals and results of gates on groups, computed from the states' predictions.

    A metric that has an interval keeps it. Missing predictions become notes, and break the gates on
    groups: what cannot be judged must not pass for kept.
    """
    changes, spec = _recorded_changes(rules, pairs, evidence.intervals), rules.predictions
    if spec is None or not (changes or rules.groups):
        return
    columns = _columns(spec, [change.recipe for change in changes.values()], rules.groups)
    try:
        table = read(new, spec.file, columns)
        evidence.group_results += [
            gates.evaluate_group_gate(gate, *group_rates(table, spec, gate))
            for gate in rules.groups
        ]
    except DataError as error:
        evidence.group_results += [
            gates.unjudged_group_gate(gate, str(error)) for gate in rules.groups
        ]
    try:
        if changes:
            tables = read(old, spec.file, columns), read(new, spec.file, columns)
            _add_intervals(evidence, spec, changes, tables, (old, new))
    except DataError as error:
        evidence.notes.append(f"No intervals of {_names(changes)}: {error}")


def _recorded_changes(
    rules: Gates, pairs: Iterable[MetricsPair], intervals: Mapping[MetricName, Interval]
) -> dict[MetricName, RecordedChange]:
    """Return the changed metrics that have a recipe and, as yet, no interval."""
    return {
        (pair.file, name): RecordedChange(
            recipes[0], pair.old.numbers[name], pair.new.numbers[name]
        )
        for pair in pairs
        for name in pair.changed
        if name in pair.old.numbers and name in pair.new.numbers
        if (pair.file, name) not in intervals
        if (recipes := [g.recipe for g in matching(rules.metrics, pair.file, name) if g.recipe])
    }


def _names(changes: Iterable[MetricName]) -> str:
    """Name the metrics that a note is about: others may have intervals of a retrain report."""
    return join_names((name for _, name in changes), MAX_NAMES)


def _columns(
    spec: Predictions, recipes: Iterable[Recipe], groups: Iterable[GroupGate]
) -> dict[str, None]:
    names = [*spec.key, spec.label, *([spec.cluster] if spec.cluster else [])]
    names += [recipe.column for recipe in recipes]
    names += [name for gate in groups for name in (gate.column, gate.recipe.column)]
    return dict.fromkeys(names)


def _add_intervals(
    evidence: Evidence,
    spec: Predictions,
    changes: Mapping[MetricName, RecordedChange],
    tables: tuple[Table, Table],
    states: tuple[State, State],
) -> None:
    common = common_rows(*tables, spec.key)
    rows = common[0].rows
    if rows == 0:
        evidence.notes.append(
            f"No intervals of {_names(changes)}: the states have no row of {spec.file} in common"
        )
        return
    if not rows == tables[0].rows == tables[1].rows:
        evidence.shared_rows = (rows, tables[0].rows, tables[1].rows)
    pairs: dict[str, tuple[Score, Score]] = {}
    # The bootstrap takes names that are text, and a metric's is its file and its name.
    names = dict(zip(map(str, range(len(changes))), changes, strict=True))
    for key, name in names.items():
        mismatch = _mismatch(changes[name], spec, tables, states)
        if mismatch:
            evidence.notes.append(mismatch)
            continue
        recipe = changes[name].recipe
        pairs[key] = (
            _score(common[0], spec, recipe, states[0]),
            _score(common[1], spec, recipe, states[1]),
        )
    clusters = common[0].groups(spec.cluster)[0] if spec.cluster else None
    intervals = bootstrap.intervals(pairs, rows=rows, clusters=clusters)
    evidence.intervals |= {names[key]: interval for key, interval in intervals.items()}


def _mismatch(
    change: RecordedChange,
    spec: Predictions,
    tables: tuple[Table, Table],
    states: tuple[State, State],
) -> str:
    """Say where a recipe does not give the recorded value; "" where it gives both."""
    recipe = change.recipe
    for table, state, recorded in zip(tables, states, (change.old, change.new), strict=True):
        value = unweighted(_score(table, spec, recipe, state), table.rows)
        if not math.isclose(value, recorded, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            return (
                f"No interval: {recipe.score} of {recipe.column} is {value:.6g} by {table.name},"
                f" and {recorded:.6g} by the metrics. Next: dvc repro, or fix `is` in gates.yaml"
            )
    return ""


def _score(table: Table, spec: Predictions, recipe: Recipe, state: State) -> Score:
    prices = _prices(spec, state) if recipe.score == COST else {}
    label, predicted = table.label_and_prediction(spec.label, recipe)
    return score_function(recipe, label, predicted, prices)


def _prices(spec: Predictions, state: State) -> dict[str, float]:
    prices = spec.price_values(state.params)
    for name in ("missed", "false_alarm"):
        if name not in prices:
            raise DataError(
                f"params.yaml of {state.name} has no price for {name}."
                " Next: name its parameter in gates.yaml, predictions.prices"
            )
    return prices


ROWS_BEHIND = {
    "false_negative_rate": lambda label, predicted: label,
    "recall": lambda label, predicted: label,
    "false_positive_rate": lambda label, predicted: 1 - label,
    "precision": lambda label, predicted: predicted,
    "accuracy": lambda label, predicted: label * 0 + 1,  # all rows, in the label's shape
}
"""For each rate the rows that it is a share of, as 0 and 1."""


def group_rates(table: Table, spec: Predictions, gate: GroupGate) -> tuple[float, list[Rate]]:
    """Return the rate of all rows, and that of each group with enough rows behind it."""
    label, predicted = table.label_and_prediction(spec.label, gate.recipe)
    codes, names = table.groups(gate.column)
    score = SCORES[gate.recipe.score]
    behind = ROWS_BEHIND[gate.recipe.score](label, predicted)
    rates = []
    for code, name in sorted(enumerate(names), key=lambda item: item[1]):
        members = codes == code
        rows = int(behind[members].sum())
        if rows >= gate.min_rows:
            rate = unweighted(score(label[members], predicted[members]), int(members.sum()))
            rates.append(Rate(name, rate, rows))
    return unweighted(score(label, predicted), table.rows), rates
