"""Gather the history of metrics: the commits, the values, and what could not be told."""

from collections.abc import Iterator, Sequence

from headrace.core import git
from headrace.core.project import Project
from headrace.errors import ProjectError
from headrace.gates import model
from headrace.history import commits, select, series
from headrace.history.commits import Commit
from headrace.history.read import Read, read
from headrace.history.series import Bounds, History, Metric, Series


def gather(
    project: Project,
    words: Sequence[str],
    *,
    since: str | None = None,
    max_count: int | None = None,
    everywhere: bool = False,
) -> History:
    """Return the history of the metrics that the words name; of a few, where there are no words.

    Errors:
        ProjectError: there is no commit, no such metric, no such date or revision.
    """
    if not git.is_repository(project.root):
        raise ProjectError("The study is in no git repository. Next: git init -b main")
    found = commits.log(project.root, since=since, max_count=max_count, everywhere=everywhere)
    known = read(project, found, words)
    metrics = _chosen(words, known)
    drawn = [*_series(metrics, known, _bounds(project, metrics))]
    cut = since is not None or max_count is not None
    notes = [*known.notes, *_notes(metrics, known, drawn), *_end(project, found, cut=cut)]
    if not words:
        notes += _more(metrics, known)
    title = f"{project.root.name}, {'all branches' if everywhere else _branch(found[-1])}"
    return History(title, tuple(found), tuple(drawn), tuple(notes), everywhere)


def _chosen(words: Sequence[str], known: Read) -> list[Metric]:
    if words and (known.metrics or ":" in "".join(words)):
        return select.choose(words, known.newest, known.metrics, commits=len(known.commits))
    if not known.newest:
        problems = [*_broken({path for files in known.each for path in files}, known)]
        why = f": {problems[0]}" if problems else ""
        raise ProjectError(
            f"No commit holds a metric that is a number{why}."
            " Next: make repro && git add . && git commit"
        )
    return known.newest[: select.MOST]


def _series(
    metrics: Sequence[Metric], known: Read, bounds: dict[tuple[str, str], Bounds]
) -> Iterator[Series]:
    line = series.parents(known.commits)
    for metric, label in zip(metrics, select.labels(metrics), strict=True):
        held = series.held(metric, known.each, known.known)
        gate = bounds.get((metric.file, metric.name), (None, None))
        yield series.make(metric, label, held, line, gate)


def _bounds(project: Project, metrics: Sequence[Metric]) -> dict[tuple[str, str], Bounds]:
    """Return what gates.yaml demands of each metric: at least, at most."""
    path = project.root / model.NAME
    if not path.is_file():
        return {}
    from headrace.gates import reader

    known = reader.parse(path.read_bytes()).metrics
    found = {}
    for one in metrics:
        fitting = model.matching(known, one.file, one.name)
        low = [gate.at_least for gate in fitting if gate.at_least is not None]
        high = [gate.at_most for gate in fitting if gate.at_most is not None]
        found[one.file, one.name] = (max(low, default=None), min(high, default=None))
    return found


def _notes(metrics: Sequence[Metric], known: Read, drawn: Sequence[Series]) -> Iterator[str]:
    """Say what is a gap and why, and which gate the newest value does not keep."""
    yield from _broken({metric.file for metric in metrics}, known)
    for metric, one in zip(metrics, drawn, strict=True):
        yield from series.odd(metric, series.held(metric, known.each, known.known), known.commits)
        yield from _renamed(metric, one, known)
        low, high = one.bounds
        last = one.known[-1] if one.known else 0.0
        if low is not None and one.known and last < low:
            yield f"{metric} is {last}; its gate asks for at least {low}"
        if high is not None and one.known and last > high:
            yield f"{metric} is {last}; its gate asks for at most {high}"


def _renamed(metric: Metric, one: Series, known: Read) -> Iterator[str]:
    """Say which file had the metric before, where it begins in one of another name."""
    begun = next((place for place, value in enumerate(one.values) if value is not None), 0)
    parent = series.parents(known.commits)[begun]
    if parent is None:
        return
    for path, blob in known.each[parent].items():
        if path not in known.each[begun] and metric.name in known.known[blob].values:
            yield (
                f"{metric} begins at {known.commits[begun].short}; before, {path} had it."
                f" Next: headrace history '*:{metric.name}'"
            )


def _broken(paths: set[str], known: Read) -> Iterator[str]:
    """Name the files that hold no metrics, and the commits where they do not."""
    places: dict[tuple[str, str], list[Commit]] = {}
    for commit, files in zip(known.commits, known.each, strict=True):
        for path in sorted(paths & files.keys()):
            problem = known.known[files[path]].problem
            if problem:
                places.setdefault((path, problem), []).append(commit)
    for (path, problem), where in places.items():
        yield f"{path} {problem} {series.said(where)}: a gap"


def _end(project: Project, found: Sequence[Commit], *, cut: bool) -> Iterator[str]:
    """Say where the history of a shallow clone ends; `cut`: it was asked to end somewhere."""
    ends = [commit for commit in found if commit.parent is None]
    if (ends or not cut) and git.is_shallow(project.root):
        end = (ends or found)[0]
        yield (
            f"The history ends at {end.short} ({end.day}), since this clone is shallow."
            " Next: git fetch --unshallow"
        )


def _more(metrics: Sequence[Metric], known: Read) -> Iterator[str]:
    """Say how to see others than the first few."""
    if len(known.newest) > len(metrics):
        example = f"{known.newest[len(metrics)].name.partition('.')[0]}*"
        yield (
            f"{len(metrics)} of {len(known.newest)} metrics are shown."
            f" Next: headrace history '{example}', or '*' for all"
        )


def _branch(newest: Commit) -> str:
    return newest.branches[0] if newest.branches else newest.short
