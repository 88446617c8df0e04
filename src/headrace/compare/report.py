"""Build the report of all that changed between two states of a study."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from headrace.compare import costs, gates, inputs, metrics, retrain_report
from headrace.compare.metrics import MetricName
from headrace.compare.model import Evidence, MetricChange, Report, Side
from headrace.compare.retrain_report import SameRows
from headrace.core.project import Project
from headrace.core.states import State
from headrace.errors import HeadraceError
from headrace.gates import reader
from headrace.gates.model import NAME, Gates
from headrace.stats import Interval

NOT_JUDGED = (
    "The gates on groups are not judged: they need the predictions."
    " Next: headrace diff, without --shallow"
)


def build(project: Project, old: State, new: State, *, deep: bool = True) -> Report:
    """Compare two states; without `deep` by what git has: no intervals, no tables.

    The gates are those of the new state, or where it has none those of the working tree.

    Errors:
        ProjectError: dvc.yaml, params.yaml or gates.yaml cannot be read.
    """
    metric_files = retrain_report.apply(metrics.read_pairs(old, new), old, new)
    pairs = metric_files.pairs
    rules, notes = _gates(project, old, new)
    notes += metric_files.notes
    notes += [note for pair in pairs for note in pair.notes]
    notes += gates.refuse_unknown(rules, pairs)
    if rules.groups and not deep:
        notes.append(NOT_JUDGED)
    evidence = Evidence()
    if deep:
        from headrace.compare import intervals  # imports numpy and pyarrow

        evidence.intervals |= metric_files.intervals
        intervals.add_evidence(evidence, rules, pairs, old, new)
    changes = _metric_changes(metric_files, rules, evidence.intervals)
    report = Report(
        Side(old.name, old.why, old.commit),
        Side(new.name, new.why, new.commit),
        metrics=changes,
        unchanged=sum(len(pair.names) for pair in pairs) - len(changes),
        gates=(
            *gates.evaluate_gates(rules.metrics, pairs, evidence.intervals),
            *evidence.group_results,
        ),
        parameters=inputs.parameter_changes(old, new),
        costs=costs.changes(old, new),
        notes=(*notes, *evidence.notes),
        not_judged=0 if deep else len(rules.groups),
        shared_rows=evidence.shared_rows,
    )
    return _with_details(project, report, old, new) if deep else report


def _gates(project: Project, old: State, new: State) -> tuple[Gates, list[str]]:
    """Return the gates of the new state, or of the working tree where it has none, and notes."""
    text, current = new.read(NAME), project.root / NAME
    if text is None:
        if not current.is_file():
            return Gates(), []
        note = f"{new.name} has no {NAME}: the gates are those of the working tree"
        return reader.parse(current.read_bytes()), [note]
    note = f"{NAME} itself changed: the gates are those of {new.name}"
    return reader.parse(text), [note] if old.read(NAME) not in (None, text) else []


def _metric_changes(
    metric_files: SameRows, rules: Gates, intervals: dict[MetricName, Interval]
) -> tuple[MetricChange, ...]:
    return tuple(
        gates.metric_change(
            pair.file,
            name,
            pair.old.numbers.get(name),
            pair.new.numbers.get(name),
            intervals.get((pair.file, name)),
            rules.metrics,
        )
        for pair in metric_files.pairs
        for name in pair.changed
    )


def _with_details(project: Project, report: Report, old: State, new: State) -> Report:
    """Add tables, notebooks, commits and files; what cannot be compared becomes a note."""
    from headrace.compare import notebooks, tables
    from headrace.core import dvc_cache

    find = dvc_cache.store_of(project.root).find
    sections: dict[str, Callable[[], tuple[object, ...]]] = {
        "tables": lambda: tables.changes(old, new, find),
        "notebooks": lambda: notebooks.changes(old, new, find),
        "commits": lambda: inputs.commits_between(old, new),
        "files": lambda: inputs.file_changes(old, new),
    }
    details: dict[str, Any] = {}
    notes = [*report.notes]
    for name, compare in sections.items():
        try:
            details[name] = compare()
        except HeadraceError as error:
            notes.append(f"{name}: {error}")
    return replace(report, **details, notes=tuple(dict.fromkeys(notes)))
