"""A metric's values over commits, the oldest first; None is a gap."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from headrace.core.metrics import is_number
from headrace.history.commits import Commit
from headrace.history.metrics_files import Metric
from headrace.report.text import signed

Bounds = tuple[float | None, float | None]
"""The bounds of a gate: at least, at most."""
ABSENT = object()
"""The value of a metric at a commit that does not have it."""


@dataclass(frozen=True)
class Series:
    """A metric over the commits: its value at each, and the last known value before it."""

    metric: Metric
    label: str
    values: tuple[float | None, ...]
    before: tuple[float | None, ...]
    bounds: Bounds = (None, None)

    @cached_property
    def numbers(self) -> list[float]:
        """The values without the gaps."""
        return [value for value in self.values if value is not None]

    def change(self, place: int) -> str:
        """Return how much the value changed, with its sign; "" where it did not."""
        new, old = self.values[place], self.before[place]
        return "" if new is None or old is None or new == old else signed(new - old, new)


@dataclass(frozen=True)
class History:
    """Commits, series, and notes on what cannot be shown."""

    title: str
    commits: tuple[Commit, ...]
    series: tuple[Series, ...]
    notes: tuple[str, ...] = ()
    everywhere: bool = False
    """Whether it covers all branches; then a branch's newest commit bears its name."""

    def names(self, place: int) -> list[str]:
        """Return a commit's tags and, where all branches are shown, theirs in brackets."""
        commit = self.commits[place]
        branches = [f"[{name}]" for name in commit.branches] if self.everywhere else []
        return [*commit.tags, *branches]

    @cached_property
    def parents(self) -> list[int | None]:
        """The index of each commit's first parent; None where the history begins."""
        return parents(self.commits)

    def rows(self) -> Iterator[int | list[int]]:
        """Yield commits, the newest first: the index of one, or those that changed nothing."""
        unchanged: list[int] = []
        for place in reversed(range(len(self.commits))):
            if not self._is_shown(place):
                unchanged.append(place)
                continue
            if unchanged:
                yield unchanged
                unchanged = []
            yield place

    def _is_shown(self, place: int) -> bool:
        parent = self.parents[place]
        # The first and the last frame the table; a tag or a branch is what readers look for.
        if place in (0, len(self.commits) - 1) or self.names(place) or parent is None:
            return True
        return any(series.values[place] != series.values[parent] for series in self.series)


def parents(commits: Sequence[Commit]) -> list[int | None]:
    """Return the index of each commit's first parent; None where it is not among them."""
    places = {commit.hash: place for place, commit in enumerate(commits)}
    return [places.get(commit.parent or "") for commit in commits]


def make_series(
    metric: Metric,
    label: str,
    raw: Sequence[object],
    parent_of: Sequence[int | None],
    bounds: Bounds,
) -> Series:
    """Return a metric's series from its raw value at each commit; `parent_of`: see `parents`."""
    values = [value if is_number(value) else None for value in raw]
    before: list[float | None] = []
    for parent in parent_of:
        value = values[parent] if parent is not None else None
        earlier = before[parent] if parent is not None else None
        before.append(earlier if value is None else value)
    return Series(metric, label, tuple(values), tuple(before), bounds)


def invalid_values(
    metric: Metric, raw: Sequence[object], commits: Sequence[Commit]
) -> Iterator[str]:
    """Say where a metric is not a finite number."""
    places: dict[str, list[Commit]] = {}
    for value, commit in zip(raw, commits, strict=True):
        if value is not ABSENT and not is_number(value):
            places.setdefault(kind_of(value), []).append(commit)
    for kind, where in places.items():
        yield f"{metric} is {kind}, no number to draw, {commit_range(where)}"


def kind_of(value: object) -> str:
    """Say what a value is that is not a finite number."""
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else "infinite"
    kinds: tuple[tuple[type, str], ...] = (
        (type(None), "null"),
        (bool, "true or false"),
        (str, "text"),
        (list, "a list"),
        (dict, "a group"),
        (int, "too large a number"),
    )
    names = (name for kind, name in kinds if isinstance(value, kind))
    return next(names, f"a {type(value).__name__}")  # YAML and TOML have dates


def commit_range(where: Sequence[Commit]) -> str:
    """Name the commits that a note is about: one, or the first of many."""
    first = f"{where[0].short} ({where[0].day})"
    return f"in {first}" if len(where) == 1 else f"in {len(where)} commits, the first {first}"
