"""What the predictions of both states say of the changes: intervals, and the groups' rates."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from headrace.compare.groups import Rate, rates
from headrace.compare.metrics import Number
from headrace.compare.predictions import Table, pair, read
from headrace.core.states import State
from headrace.errors import DataError
from headrace.gates.model import Gates, GroupGate, Predictions
from headrace.stats import bootstrap
from headrace.stats.recipe import Interval, Recipe
from headrace.stats.scores import COST, Score, of, plain

Name = tuple[str, str]
"""A metrics file, and a dotted name in it."""
CLOSE = 1e-6
"""How near a score must be to the recorded one to be taken for the same."""


@dataclass(frozen=True)
class Wanted:
    """A change whose interval is wanted: how it is reckoned, and what the files say."""

    recipe: Recipe
    old: Number
    new: Number


@dataclass
class Evidence:
    """What came out of it; `notes` say what could not be told, and what to do about it."""

    intervals: dict[Name, Interval] = field(default_factory=dict)
    rates: dict[GroupGate, tuple[float, list[Rate]]] = field(default_factory=dict)
    """For each gate on groups the rate of the whole, and of each group."""
    unread: str = ""
    """Why the gates on groups could not be judged."""
    notes: list[str] = field(default_factory=list)


def weigh(gates: Gates, wanted: Mapping[Name, Wanted], old: State, new: State) -> Evidence:
    """Read the predictions, and reckon intervals and rates; go on without what is not there."""
    found, spec = Evidence(), gates.predictions
    if spec is None or not (wanted or gates.groups):
        return found
    columns = _columns(spec, [one.recipe for one in wanted.values()], gates.groups)
    try:
        after = read(new, spec.file, columns)
        found.rates = {group: rates(after, spec, group) for group in gates.groups}
    except DataError as error:
        found.unread = str(error)
    try:
        if wanted:
            tables = read(old, spec.file, columns), read(new, spec.file, columns)
            _intervals(found, spec, wanted, tables, (old, new))
    except DataError as error:
        found.notes.append(f"No intervals: {error}")
    return found


def _columns(
    spec: Predictions, recipes: Iterable[Recipe], groups: Iterable[GroupGate]
) -> dict[str, None]:
    names = [*spec.key, spec.label, *([spec.cluster] if spec.cluster else [])]
    names += [recipe.column for recipe in recipes]
    names += [name for group in groups for name in (group.column, group.recipe.column)]
    return dict.fromkeys(names)


def _intervals(
    found: Evidence,
    spec: Predictions,
    wanted: Mapping[Name, Wanted],
    tables: tuple[Table, Table],
    states: tuple[State, State],
) -> None:
    common = pair(*tables, spec.key)
    rows = common[0].rows
    if rows == 0:
        found.notes.append(f"No intervals: the states have no row of {spec.file} in common")
        return
    if not rows == tables[0].rows == tables[1].rows:
        found.notes.append(
            f"The intervals are about the {rows:,} rows of {spec.file} that both states have, of"
            f" {tables[0].rows:,} and {tables[1].rows:,}"
        )
    pairs: dict[str, tuple[Score, Score]] = {}
    for index, one in enumerate(wanted.values()):
        doubt = _doubt(one, spec, tables, states)
        if doubt:
            found.notes.append(doubt)
        else:
            first, second = (
                _score(table, spec, one.recipe, state)
                for table, state in zip(common, states, strict=True)
            )
            pairs[str(index)] = first, second
    clusters = common[0].groups(spec.cluster)[0] if spec.cluster else None
    known = bootstrap.intervals(pairs, rows=rows, clusters=clusters)
    names = dict(zip(map(str, range(len(wanted))), wanted, strict=True))
    found.intervals = {names[index]: interval for index, interval in known.items()}


def _doubt(
    one: Wanted, spec: Predictions, tables: tuple[Table, Table], states: tuple[State, State]
) -> str:
    """Say why a recipe is not to be believed: it must give what the metrics files say."""
    for table, state, value in zip(tables, states, (one.old, one.new), strict=True):
        got = plain(_score(table, spec, one.recipe, state), table.rows)
        if not math.isclose(got, value, rel_tol=CLOSE, abs_tol=CLOSE):
            said = f"{one.recipe.score} of {one.recipe.column}"
            return (
                f"No interval: {said} is {got:.6g} by {table.name}, and {value:.6g} by the metrics."
                " Next: dvc repro, or mend `is` in gates.yaml"
            )
    return ""


def _score(table: Table, spec: Predictions, recipe: Recipe, state: State) -> Score:
    prices = _prices(spec, state) if recipe.score == COST else {}
    return of(recipe, table.numbers(spec.label), table.numbers(recipe.column), prices)


def _prices(spec: Predictions, state: State) -> dict[str, float]:
    prices = spec.price_values(state.params)
    for name in ("missed", "false_alarm"):
        if name not in prices:
            raise DataError(
                f"params.yaml of {state.name} has no price for {name}."
                " Next: name its parameter in gates.yaml, predictions.prices"
            )
    return prices
