"""All that changed between two states of a study."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from headrace.compare import costs, gates, metrics, parameters, retrain_report
from headrace.compare.metrics import Pair
from headrace.compare.model import GateResult, MetricChange, Report, Side
from headrace.compare.retrain_report import Proposed
from headrace.core.project import Project
from headrace.core.states import State
from headrace.errors import HeadraceError
from headrace.gates import model as gates_model
from headrace.gates import reader as gatesfile
from headrace.gates.model import NAME, Gate, Gates
from headrace.stats.recipe import Interval, Recipe

Intervals = dict[tuple[str, str], Interval]


def build(project: Project, old: State, new: State, *, deep: bool = True) -> Report:
    """Compare two states; without `deep` by what git has alone: no intervals, no tables.

    The gates are those of the new state, or where it has none those of the working tree.

    Errors:
        ProjectError: dvc.yaml, params.yaml or gates.yaml cannot be read.
    """
    beside = retrain_report.applied(metrics.pairs(old, new), old, new)
    found = beside.pairs
    rules, notes = _gates(project, old, new)
    notes += beside.notes
    notes += [note for pair in found for note in pair.notes]
    notes += gates.refuse_unknown(rules, found)
    if rules.groups and not deep:
        notes.append("The gates on groups are not judged: that takes predictions, and no --shallow")
    intervals, results, more = _weighed(rules, beside, old, new) if deep else ({}, (), [])
    changed = tuple(_changes(found, rules.metrics, intervals))
    report = Report(
        Side(old.name, old.why, old.commit),
        Side(new.name, new.why, new.commit),
        metrics=changed,
        unchanged=sum(len(pair.names) for pair in found) - len(changed),
        gates=(*gates.check(rules.metrics, found, intervals), *results),
        parameters=parameters.changes(old, new),
        costs=costs.changes(old, new),
        notes=(*notes, *more),
    )
    return _deep(project, report, old, new) if deep else report


def _deep(project: Project, report: Report, old: State, new: State) -> Report:
    """Add tables, notebooks, commits and files; what cannot be told becomes a note."""
    from headrace.compare import code, notebooks, tables
    from headrace.core import dvc_cache

    find = dvc_cache.store_of(project.root).find
    sections: dict[str, Callable[[], tuple[object, ...]]] = {
        "tables": lambda: tables.changes(old, new, find),
        "notebooks": lambda: notebooks.changes(old, new, find),
        "commits": lambda: code.commits(old, new),
        "files": lambda: code.files(old, new),
    }
    told: dict[str, Any] = {}
    notes = [*report.notes]
    for name, tell in sections.items():
        try:
            told[name] = tell()
        except HeadraceError as error:
            notes.append(f"{name}: {error}")
    return replace(report, **told, notes=tuple(dict.fromkeys(notes)))


def _gates(project: Project, old: State, new: State) -> tuple[Gates, list[str]]:
    """Return the gates of the new state; of one from before there were gates, today's."""
    text, today = new.read(NAME), project.root / NAME
    if text is None:
        note = f"{new.name} has no {NAME}: the gates are those of the working tree"
        return (gatesfile.parse(today.read_bytes()), [note]) if today.is_file() else (Gates(), [])
    before = old.read(NAME)
    moved = before is not None and before != text
    note = f"{NAME} itself changed: the gates are those of {new.name}"
    return gatesfile.parse(text), [note] if moved else []


def _weighed(
    rules: Gates, beside: Proposed, old: State, new: State
) -> tuple[Intervals, tuple[GateResult, ...], list[str]]:
    """Return intervals and the gates on groups: what needs the predictions, and their libraries."""
    wanted = {
        (pair.file, name): recipe
        for pair in beside.pairs
        for name in pair.changed
        if name in pair.old.numbers and name in pair.new.numbers
        if (pair.file, name) not in beside.intervals
        for recipe in [_recipe(rules.metrics, pair.file, name)]
        if recipe is not None
    }
    if rules.predictions is None or not (wanted or rules.groups):
        return dict(beside.intervals), (), []
    from headrace.compare import intervals as evidence

    numbers = {pair.file: (pair.old.numbers, pair.new.numbers) for pair in beside.pairs}
    asked = {
        (file, name): evidence.Wanted(recipe, numbers[file][0][name], numbers[file][1][name])
        for (file, name), recipe in wanted.items()
    }
    said = evidence.weigh(rules, asked, old, new)
    results = tuple(
        gates.check_group(group, *said.rates[group])
        if group in said.rates
        else gates.not_judged(group, said.unread)
        for group in rules.groups
    )
    return {**said.intervals, **beside.intervals}, results, said.notes


def _recipe(rules: Sequence[Gate], file: str, name: str) -> Recipe | None:
    fitting = gates_model.matching(rules, file, name)
    return next((gate.recipe for gate in fitting if gate.recipe is not None), None)


def _changes(
    found: Sequence[Pair], rules: Sequence[Gate], intervals: Intervals
) -> list[MetricChange]:
    made = []
    for pair in found:
        mine = [gate for gate in rules if gate.file == pair.file]
        for name in pair.changed:
            old, new = pair.old.numbers.get(name), pair.new.numbers.get(name)
            interval = intervals.get((pair.file, name))
            higher = gates_model.higher_is_better(gates_model.matching(mine, pair.file, name))
            word = gates.word(old, new, interval, higher)
            change = MetricChange(pair.file, name, old, new, word, interval, higher)
            made.append(change)
    return made
