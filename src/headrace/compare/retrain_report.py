"""Champion and challenger as `headrace retrain` compared them: on the same rows.

A retrained model is evaluated on newer rows than the one before it, and scores of different
rows cannot be compared. Where the new state holds a retrain report about just these two bundles,
its scores replace those of both states.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from headrace.compare.metrics import MetricName, MetricsPair
from headrace.core.states import State
from headrace.errors import ProjectError
from headrace.stats import Interval

FOLDER, FORMAT = "reports", 1
FILES = f"{FOLDER}/retrain-*.json"


@dataclass(frozen=True)
class SameRows:
    """The metrics files of both states, with the scores and intervals of a retrain report."""

    pairs: tuple[MetricsPair, ...]
    intervals: dict[MetricName, Interval] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def apply(pairs: Sequence[MetricsPair], old: State, new: State) -> SameRows:
    """Return the metrics of two states, on the same rows where a retrain report has them.

    Errors:
        ProjectError: a retrain report cannot be read.
    """
    if old.commit == new.commit:
        return SameRows(tuple(pairs))
    before, after = _output_hashes(old), _output_hashes(new)
    for file in sorted(name for name in new.files if fnmatchcase(name, FILES)):
        report = _read(new, file)
        # By hash, not by date: only of these two bundles does the report speak.
        if report["champion"] in before and report["challenger"] in after - before:
            return _replace_scores(pairs, report, file)
    return SameRows(tuple(pairs))


def _output_hashes(state: State) -> set[str]:
    try:
        return {out.md5 for record in state.lock.values() for out in record.outs}
    except ProjectError:  # others report a broken dvc.lock
        return set()


def _read(state: State, file: str) -> dict[str, Any]:
    try:
        report: dict[str, Any] = json.loads(state.read(file) or b"")
        rows = [(row["file"], row["name"], row["old"], row["new"]) for row in report["metrics"]]
        are_numbers = all(isinstance(value, int | float) for row in rows for value in row[2:])
        is_known = report["format"] == FORMAT and are_numbers
        if is_known and {"batch", "rows", "champion", "challenger"} <= report.keys():
            return report
    except (ValueError, KeyError, TypeError):
        pass
    raise ProjectError(
        f"{file} of {state.name} is no retrain report. Next: headrace retrain, or delete it"
    )


def _replace_scores(pairs: Sequence[MetricsPair], report: dict[str, Any], file: str) -> SameRows:
    metrics = report["metrics"]
    names = ", ".join(metric["name"] for metric in metrics)
    note = (
        f"Both models on batch {report['batch']}, {report['rows']:,} rows that neither has seen:"
        f" {names} ({file})"
    )
    intervals = {
        (metric["file"], metric["name"]): Interval(
            metric["low"], metric["high"], report["rows"], metric["resamples"]
        )
        for metric in metrics
        if "low" in metric
    }
    return SameRows(tuple(_with_scores(pair, metrics) for pair in pairs), intervals, (note,))


def _with_scores(pair: MetricsPair, metrics: Sequence[dict[str, Any]]) -> MetricsPair:
    scores = [metric for metric in metrics if metric["file"] == pair.file]
    old, new = (
        {**content.numbers, **{metric["name"]: metric[side] for metric in scores}}
        for content, side in ((pair.old, "old"), (pair.new, "new"))
    )
    return replace(pair, old=replace(pair.old, numbers=old), new=replace(pair.new, numbers=new))
