"""A metric's values over commits, the oldest first; None is a gap."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from headrace.history.commits import Commit
from headrace.history.parse import Content, Files, kind, number
from headrace.report.text import signed

Bounds = tuple[float | None, float | None]
"""A gate: at least, at most; None where it has no such bound."""


@dataclass(frozen=True)
class Metric:
    """A number of a metrics file, by its dotted name."""

    file: str
    name: str

    def __str__(self) -> str:
        return f"{self.file}:{self.name}"


@dataclass(frozen=True)
class Series:
    """A metric over the commits: at each its value, and the one last known before it."""

    metric: Metric
    label: str
    values: tuple[float | None, ...]
    before: tuple[float | None, ...]
    bounds: Bounds = (None, None)

    @cached_property
    def known(self) -> list[float]:
        """Its values without the gaps."""
        return [value for value in self.values if value is not None]

    def changed(self, place: int) -> bool:
        """Tell whether its value is another than the one before, or begins."""
        value = self.values[place]
        return value is not None and value != self.before[place]


@dataclass(frozen=True)
class History:
    """What is shown: commits, series, and notes on what could not be told."""

    title: str
    commits: tuple[Commit, ...]
    series: tuple[Series, ...]
    notes: tuple[str, ...] = ()
    everywhere: bool = False
    """Whether it is of all branches; then a branch's newest commit bears its name."""

    def names(self, place: int) -> list[str]:
        """Return a commit's tags and, where there are several branches, theirs in brackets."""
        commit = self.commits[place]
        branches = [f"[{name}]" for name in commit.branches] if self.everywhere else []
        return [*commit.tags, *branches]

    @cached_property
    def parents(self) -> list[int | None]:
        """The place of each commit's first parent; None where the history begins."""
        return parents(self.commits)

    def rows(self) -> Iterator[int | list[int]]:
        """Walk the commits, the newest first: the place of one, or those that changed nothing."""
        quiet: list[int] = []
        for place in reversed(range(len(self.commits))):
            if not self._tells(place):
                quiet.append(place)
                continue
            if quiet:
                yield quiet
                quiet = []
            yield place

    def _tells(self, place: int) -> bool:
        if place in (0, len(self.commits) - 1) or self.names(place):
            return True
        return any(self._differs(one.values, place) for one in self.series)

    def _differs(self, values: Sequence[float | None], place: int) -> bool:
        parent = self.parents[place]
        return parent is None or values[place] != values[parent]


def parents(commits: Sequence[Commit]) -> list[int | None]:
    """Return the place of each commit's first parent; None where that is not among them."""
    places = {commit.hash: place for place, commit in enumerate(commits)}
    return [places.get(commit.parent or "") for commit in commits]


def make(
    metric: Metric,
    label: str,
    found: Sequence[object],
    line: Sequence[int | None],
    bounds: Bounds = (None, None),
) -> Series:
    """Return a metric's series from what each commit holds under its name; `line`: see parents."""
    values = [number(value) for value in found]
    before: list[float | None] = []
    for parent in line:
        held = values[parent] if parent is not None else None
        earlier = before[parent] if parent is not None else None
        before.append(earlier if held is None else held)
    return Series(metric, label, tuple(values), tuple(before), bounds)


def change(new: float | None, old: float | None) -> str:
    """Return how much a number changed, with its sign; nothing where it did not."""
    return "" if new is None or old is None or new == old else signed(new - old)


ABSENT = object()
"""What a commit holds of a metric that it does not know."""


def held(metric: Metric, each: Sequence[Files], known: Mapping[str, Content]) -> list[object]:
    """Return what each commit holds under a metric's name."""
    blobs = [files.get(metric.file, "") for files in each]
    value = {
        blob: known[blob].values.get(metric.name, ABSENT) if blob in known else ABSENT
        for blob in set(blobs)
    }
    return [value[blob] for blob in blobs]


def odd(metric: Metric, found: Sequence[object], commits: Sequence[Commit]) -> Iterator[str]:
    """Say where a metric was something else than a finite number."""
    places: dict[str, list[Commit]] = {}
    for value, commit in zip(found, commits, strict=True):
        if value is not ABSENT and number(value) is None:
            places.setdefault(kind(value), []).append(commit)
    for name, where in places.items():
        yield f"{metric} is {name}, no number to draw, {said(where)}"


def said(where: Sequence[Commit]) -> str:
    """Name the commits that a note is about: one, or the first of many."""
    first = f"{where[0].short} ({where[0].day})"
    return f"in {first}" if len(where) == 1 else f"in {len(where)} commits, the first {first}"
