"""The numbers of every metrics file in two states."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from headrace.core.metrics import is_number
from headrace.core.pipeline import metrics_of
from headrace.core.states import State
from headrace.execution import resource_usage

NAMED = 5
"""Names that a note lists before it counts the others."""

Number = int | float
Name = tuple[str, str]
"""A metrics file, and a dotted name in it."""


@dataclass(frozen=True)
class Content:
    """A metrics file of one state, by dotted names: its numbers, and its other values."""

    numbers: dict[str, Number] = field(default_factory=dict)
    others: dict[str, object] = field(default_factory=dict)
    problem: str = ""
    """Why it cannot be read."""


@dataclass(frozen=True)
class MetricsPair:
    """A metrics file in both states, and notes on what is not a number."""

    file: str
    old: Content
    new: Content
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """The names of all numbers, in the order of the files; new ones last."""
        return [*dict.fromkeys([*self.old.numbers, *self.new.numbers])]

    @property
    def changed(self) -> list[str]:
        """The names of the numbers that differ between the states."""
        old, new = self.old.numbers, self.new.numbers
        return [name for name in self.names if old.get(name) != new.get(name)]


def read_pairs(old: State, new: State) -> list[MetricsPair]:
    """Return the metrics files of both states, by their paths."""
    files = {*metrics_files(old), *metrics_files(new)}
    return [_read_pair(file, old, new) for file in sorted(files)]


def metrics_files(state: State) -> list[str]:
    """Return the metrics files in a state's dvc.yaml, without those of costs.

    A path with `${…}`, as in a matrix, stands for all files that match it.
    """
    paths = []
    for metric in metrics_of(state.pipeline):
        paths += _matching_files(state, metric.path) if "*" in metric.path else [metric.path]
    return [
        path for path in dict.fromkeys(paths) if not path.startswith(f"{resource_usage.FOLDER}/")
    ]


def _matching_files(state: State, pattern: str) -> list[str]:
    if state.commit is None:  # an untracked file is a result too
        return [path.relative_to(state.root).as_posix() for path in state.root.glob(pattern)]
    return [path for path in state.files if fnmatchcase(path, pattern)]


def _read_pair(file: str, old: State, new: State) -> MetricsPair:
    before, after = _read(old, file), _read(new, file)
    problems = [content.problem for content in (before, after) if content.problem]
    return MetricsPair(file, before, after, (*problems, *_other_changes(file, before, after)))


def _read(state: State, file: str) -> Content:
    text = state.read(file)
    if text is None:
        step = " Next: dvc repro" if state.commit is None else ""
        return Content(problem=f"{file} is not in {state.name}.{step}")
    return parse(text, f"{file} of {state.name}")


def parse(text: bytes, label: str) -> Content:
    """Return the content of a metrics file; an item of a list has its index as a name: `a.3`."""
    try:
        values = dict(_leaves(json.loads(text), ""))
    except (ValueError, RecursionError) as error:
        step = "Next: write it by headrace.core.metrics.write, and dvc repro"
        return Content(problem=f"{label} is not JSON that can be read ({error}). {step}")
    numbers = {name: value for name, value in values.items() if is_number(value)}
    others = {name: value for name, value in values.items() if name not in numbers}
    return Content(numbers, others)


def _leaves(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    items: Iterable[tuple[Any, Any]]
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    else:
        yield name, value
        return
    for key, child in items:
        yield from _leaves(child, f"{name}.{key}" if name else str(key))


def _other_changes(file: str, old: Content, new: Content) -> Iterator[str]:
    """Yield a note on values that are not numbers and changed, and on NaN."""
    changes = []
    before, after = ({**content.others, **content.numbers} for content in (old, new))
    for name in dict.fromkeys([*old.others, *new.others]):
        if name in before and name in after and not is_same(before[name], after[name]):
            changes.append(f"{name} is {_shown(after[name])}, it was {_shown(before[name])}")
        elif isinstance(after.get(name), float):
            changes.append(f"{name} is {_shown(after[name])}")
    more = len(changes) - NAMED
    shown = changes[:NAMED] + ([f"and {more:,} more"] if more > 0 else [])
    if shown:
        yield f"{file}, what is no number there and cannot be compared: {'; '.join(shown)}"


def is_same(old: object, new: object) -> bool:
    """Tell whether two values have one type and value: NaN is NaN, 1 is neither 1.0 nor true."""
    return repr(old) == repr(new)


def _shown(value: object) -> str:
    text = "NaN" if value != value else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:39]}…"
