"""Collect the history of metrics: which metrics are meant, their values, and notes."""

import math
import shlex
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import NoReturn

from headrace.core import git
from headrace.core.entry import glob
from headrace.core.metrics import is_number
from headrace.core.project import Project
from headrace.errors import ProjectError, join_names
from headrace.gates.model import NAME, Gate, matching
from headrace.history import commits, series
from headrace.history.commits import Commit
from headrace.history.metrics_files import Metric, MetricsFiles, read
from headrace.history.series import ABSENT, Bounds, History, Series

MOST = 6
"""Metrics that are shown where none is named."""
LISTED = 8
"""Metrics that a message lists."""


def gather(
    project: Project,
    names: Sequence[str],
    *,
    since: str | None = None,
    max_count: int | None = None,
    everywhere: bool = False,
) -> History:
    """Return the history of the named metrics, or of a few where none is named.

    Errors:
        ProjectError: there is no commit, no such metric, no such date or revision.
    """
    if not git.is_repository(project.root):
        raise ProjectError("The study is in no git repository. Next: git init -b main")
    log = commits.log(project.root, since=since, max_count=max_count, everywhere=everywhere)
    files, gates = read(project, log, names), _gates(project)
    metrics = _select(names, files) or _default(files, gates)
    raw = [files.values(metric, ABSENT) for metric in metrics]
    all_series = [*_series(metrics, raw, log, gates)]
    notes = [*files.notes, *_notes(all_series, raw, files)]
    notes += _shallow_note(project, log, is_limited=since is not None or max_count is not None)
    if not names:
        notes += _more_note(metrics, files)
    branch = log[-1].branches[0] if log[-1].branches else log[-1].short
    title = f"{project.root.name}, {'all branches' if everywhere else branch}"
    return History(title, tuple(log), tuple(all_series), tuple(notes), everywhere)


def _select(names: Sequence[str], files: MetricsFiles) -> list[Metric]:
    """Return the metrics that the names mean, each once; none where none is named.

    Errors:
        ProjectError: a name means no metric (the nearest are shown), or several; or no commit
            holds a metric.
    """
    if names and (files.metrics or ":" in "".join(names)):
        selected = [_matching(name, files) or _refuse(name, files) for name in names]
        return [*dict.fromkeys(metric for metrics in selected for metric in metrics)]
    if not files.newest:
        problems = [*_unreadable({path for paths in files.files for path in paths}, files)]
        reason = f": {problems[0]}" if problems else ""
        raise ProjectError(
            f"No commit holds a metric that is a number{reason}."
            " Next: make repro && git add . && git commit"
        )
    return []


def _default(files: MetricsFiles, gates: Sequence[Gate]) -> list[Metric]:
    """Return the first few metrics of the newest commit that changed, those with gates first."""
    changed = [metric for metric in files.newest if _has_changed(files.values(metric, ABSENT))]
    gated = [metric for metric in changed if any(gate.can_break for gate in _about(gates, metric))]
    return [*dict.fromkeys([*gated, *(changed or files.newest)])][:MOST]


def _has_changed(values: Iterable[object]) -> bool:
    """Tell whether a metric had different values; a constant says nothing in a history."""
    return len({value for value in values if is_number(value)}) > 1


def _matching(name: str, files: MetricsFiles) -> list[Metric]:
    """Return the metrics of a name: exact ones of the newest commit first, then of a pattern."""
    exact = [metric for metric in files.newest if name in (metric.name, str(metric))]
    exact = exact or [metric for metric in files.metrics if name in (metric.name, str(metric))]
    if len(exact) > 1:
        raise ProjectError(
            f"{name} is the name of {len(exact)} metrics: {join_names(map(str, exact), LISTED)}."
            f" Next: headrace history {shlex.quote(str(exact[0]))}"
        )
    return exact or [metric for metric in files.metrics if _covers(name, metric)]


def _covers(name: str, metric: Metric) -> bool:
    """Tell whether a pattern matches a metric, or a group or file holds it."""
    if "*" not in name:
        return metric.name.startswith(f"{name}.") or metric.file == name
    pattern = glob(name)
    return fnmatchcase(metric.name, pattern) or fnmatchcase(str(metric), pattern)


def _refuse(name: str, files: MetricsFiles) -> NoReturn:
    names = {str(metric) if ":" in name else metric.name for metric in files.metrics}
    near = get_close_matches(name, sorted(names), n=3, cutoff=0.5)
    mean = f" Did you mean {' or '.join(near)}?" if near else ""
    count = len(files.commits)
    lack = f"None of {count} commits has" if count > 1 else "The one commit does not have"
    raise ProjectError(f"{lack} a metric {name}.{mean} Next: headrace history '*'")


def _series(
    metrics: Sequence[Metric],
    raw: Sequence[Sequence[object]],
    log: Sequence[Commit],
    gates: Sequence[Gate],
) -> Iterator[Series]:
    names = [metric.name for metric in metrics]
    parent_of = series.parents(log)
    for metric, values in zip(metrics, raw, strict=True):
        label = metric.name if names.count(metric.name) == 1 else ""
        label = label or str(metric)
        yield series.make_series(metric, label, values, parent_of, _bounds(_about(gates, metric)))


def _gates(project: Project) -> Sequence[Gate]:
    """Return the gates on metrics of the working tree's gates.yaml; none without one."""
    path = project.root / NAME
    if not path.is_file():
        return ()
    from headrace.gates import reader

    return reader.parse(path.read_bytes()).metrics


def _about(gates: Sequence[Gate], metric: Metric) -> list[Gate]:
    return matching(gates, metric.file, metric.name)


def _bounds(gates: Sequence[Gate]) -> Bounds:
    """Return the strictest bounds of some gates: at least, at most."""
    low = [gate.at_least for gate in gates if gate.at_least is not None]
    high = [gate.at_most for gate in gates if gate.at_most is not None]
    return max(low, default=None), min(high, default=None)


def _notes(
    all_series: Sequence[Series], raw: Sequence[Sequence[object]], files: MetricsFiles
) -> Iterator[str]:
    """Say what is a gap and why, and which gate the newest value violates."""
    yield from _unreadable({shown.metric.file for shown in all_series}, files)
    for metric_series, values in zip(all_series, raw, strict=True):
        metric = metric_series.metric
        yield from series.invalid_values(metric, values, files.commits)
        yield from _moved(metric_series, files)
        low, high = metric_series.bounds
        last = metric_series.numbers[-1] if metric_series.numbers else math.nan
        if low is not None and last < low:
            yield f"{metric} is {last}; its gate asks for at least {low}"
        if high is not None and last > high:
            yield f"{metric} is {last}; its gate asks for at most {high}"


def _moved(metric_series: Series, files: MetricsFiles) -> Iterator[str]:
    """Say which file had the metric before, where it begins in another file."""
    values, metric = metric_series.values, metric_series.metric
    start = next((place for place, value in enumerate(values) if value is not None), 0)
    parent = series.parents(files.commits)[start]
    if parent is None:
        return
    for path, blob in files.files[parent].items():
        if path not in files.files[start] and metric.name in files.contents[blob].values:
            yield (
                f"{metric} begins at {files.commits[start].short}; before, {path} had it."
                f" Next: headrace history {shlex.quote(f'*:{metric.name}')}"
            )


def _unreadable(paths: set[str], files: MetricsFiles) -> Iterator[str]:
    """Name the files that hold no metrics, and the commits where they do not."""
    places: dict[tuple[str, str], list[Commit]] = {}
    for commit, blobs in zip(files.commits, files.files, strict=True):
        for path in sorted(paths & blobs.keys()):
            problem = files.contents[blobs[path]].problem
            if problem:
                places.setdefault((path, problem), []).append(commit)
    for (path, problem), where in places.items():
        yield f"{path} {problem} {series.commit_range(where)}: a gap"


def _shallow_note(project: Project, log: Sequence[Commit], *, is_limited: bool) -> Iterator[str]:
    """Say where the history of a shallow clone ends, unless a shorter one was asked for."""
    ends = [commit for commit in log if commit.parent is None]
    if (ends or not is_limited) and git.is_shallow(project.root):
        end = (ends or log)[0]
        yield (
            f"The history ends at {end.short} ({end.day}), since this clone is shallow."
            " Next: git fetch --unshallow"
        )


def _more_note(metrics: Sequence[Metric], files: MetricsFiles) -> Iterator[str]:
    """Say how to see the metrics that are not shown: they have no gate, or never changed."""
    omitted = [metric for metric in files.newest if metric not in metrics]
    if omitted:
        example = f"{omitted[0].name.partition('.')[0]}*"
        yield (
            f"{len(metrics)} of {len(files.newest)} metrics are shown."
            f" Next: headrace history {shlex.quote(example)}, or '*' for all"
        )
