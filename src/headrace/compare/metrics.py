"""Every number of every metrics file, old and new."""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from headrace.core.pipeline import metrics_of
from headrace.core.states import State
from headrace.execution import resource_usage

LARGEST = 1e300
"""A whole number above it is no number that one could calculate with."""
NAMED = 5
"""How many names a note gives before it counts the others."""

Number = int | float


@dataclass(frozen=True)
class Content:
    """What a metrics file of one state holds, by dotted names: numbers, and what is none."""

    numbers: dict[str, Number] = field(default_factory=dict)
    others: dict[str, object] = field(default_factory=dict)
    problem: str = ""
    """Why it says nothing, if it does."""


@dataclass(frozen=True)
class Pair:
    """One metrics file on both sides, and what must be said of it beyond its numbers."""

    file: str
    old: Content
    new: Content
    notes: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """All names of numbers, in the order of the files; new ones last."""
        return [*dict.fromkeys([*self.old.numbers, *self.new.numbers])]

    @property
    def changed(self) -> list[str]:
        """The names of the numbers that are not the same on both sides."""
        old, new = self.old.numbers, self.new.numbers
        return [name for name in self.names if old.get(name) != new.get(name)]


def pairs(old: State, new: State) -> list[Pair]:
    """Return the metrics files of both states, by their paths."""
    listed = {*files(old), *files(new)}
    return [_pair(file, old, new) for file in sorted(listed)]


def files(state: State) -> list[str]:
    """Return the metrics files that a state's dvc.yaml names, but for those of costs.

    Where a name holds `${…}`, as in a matrix, all files that fit it.
    """
    found = []
    for metric in metrics_of(state.pipeline):
        found += _fitting(state, metric.path) if "*" in metric.path else [metric.path]
    return [
        path for path in dict.fromkeys(found) if not path.startswith(f"{resource_usage.FOLDER}/")
    ]


def _fitting(state: State, pattern: str) -> list[str]:
    if state.commit is None:  # what is not tracked yet is a result, too
        return [path.relative_to(state.root).as_posix() for path in state.root.glob(pattern)]
    return [path for path in state.files if fnmatchcase(path, pattern)]


def _pair(file: str, old: State, new: State) -> Pair:
    first, second = _content(old, file), _content(new, file)
    says = [side.problem for side in (first, second) if side.problem]
    return Pair(file, first, second, (*says, *_others(file, first, second)))


def _content(state: State, file: str) -> Content:
    text = state.read(file)
    if text is None:
        step = " Next: dvc repro" if state.commit is None else ""
        return Content(problem=f"{file} is not in {state.name}.{step}")
    return parse(text, f"{file} of {state.name}")


def parse(text: bytes, label: str) -> Content:
    """Return what a metrics file holds; a list counts by places, `[3]` of `a` being `a.3`."""
    try:
        found = dict(_leaves(json.loads(text), ""))
    except (ValueError, RecursionError) as error:
        step = "Next: write it by headrace.core.metrics.write, and dvc repro"
        return Content(problem=f"{label} is not JSON that can be read ({error}). {step}")
    numbers = {name: value for name, value in found.items() if is_number(value)}
    return Content(numbers, {name: v for name, v in found.items() if name not in numbers})


def is_number(value: object) -> bool:
    """Tell whether a value can be compared: finite, and neither true nor false."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < LARGEST if isinstance(value, int) else math.isfinite(value)


def _leaves(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    inside: Iterable[tuple[Any, Any]]
    if isinstance(value, dict):
        inside = value.items()
    elif isinstance(value, list):
        inside = enumerate(value)
    else:
        yield name, value
        return
    for key, child in inside:
        yield from _leaves(child, f"{name}.{key}" if name else str(key))


def _others(file: str, old: Content, new: Content) -> Iterator[str]:
    """Say what is no number and changed, as briefly as one can."""
    said = []
    before, after = ({**side.others, **side.numbers} for side in (old, new))
    for name in dict.fromkeys([*old.others, *new.others]):
        if name in before and name in after and not _same(before[name], after[name]):
            said.append(f"{name} is {_shown(after[name])}, it was {_shown(before[name])}")
        elif isinstance(after.get(name), float):
            said.append(f"{name} is {_shown(after[name])}")
    more = len(said) - NAMED
    said = said[:NAMED] + ([f"and {more:,} more"] if more > 0 else [])
    if said:
        yield f"{file}, what is no number there and cannot be compared: {'; '.join(said)}"


def _same(old: object, new: object) -> bool:
    """Tell whether two values are one: NaN is, true and 1 are not."""
    return type(old) is type(new) and (old == new or repr(old) == repr(new))


def _shown(value: object) -> str:
    text = "NaN" if value != value else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:39]}…"
