"""The numbers of every metrics file in two states."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from headrace.compare.changed_outputs import not_cached
from headrace.core import metrics
from headrace.core.metrics import is_number, is_same, leaves
from headrace.core.states import State
from headrace.errors import ProjectError

MAX_CHANGES = 5
"""Changes that a note lists before it counts the others."""

Number = int | float
MetricName = tuple[str, str]
"""A metrics file, and a dotted name in it."""


@dataclass(frozen=True)
class MetricsContent:
    """A metrics file of one state, by dotted names: its numbers, and its other values."""

    numbers: dict[str, Number] = field(default_factory=dict)
    non_numbers: dict[str, object] = field(default_factory=dict)
    problem: str = ""
    """Why it cannot be read."""


@dataclass(frozen=True)
class MetricsPair:
    """A metrics file in both states, and notes on what is not a number."""

    file: str
    old: MetricsContent
    new: MetricsContent
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
    files = {*old.metrics_files, *new.metrics_files}
    return [_read_pair(file, old, new) for file in sorted(files)]


def _read_pair(file: str, old: State, new: State) -> MetricsPair:
    before, after = _read(old, file), _read(new, file)
    problems = [content.problem for content in (before, after) if content.problem]
    return MetricsPair(file, before, after, (*problems, *_non_number_changes(file, before, after)))


def _read(state: State, file: str) -> MetricsContent:
    text = state.read_output(file)
    if text is None:
        return MetricsContent(problem=_missing(state, file))
    return parse(text, file, f"{file} of {state.name}")


def _missing(state: State, file: str) -> str:
    with suppress(ProjectError):  # others report a broken dvc.lock
        records = state.lock.values() if state.commit is not None else ()
        if any(out.path == file for record in records for out in record.outs):
            return not_cached(state, file)
    step = " Next: dvc repro" if state.commit is None else ""
    return f"{file} is not in {state.name}.{step}"


def parse(text: bytes, file: str, label: str = "") -> MetricsContent:
    """Return the content of a metrics file; an item of a list has its index as a name: `a.3`.

    `label` is what messages call it.
    """
    try:
        values = dict(leaves(metrics.named(metrics.parse(text, file)), lists=True))
    except (ValueError, RecursionError) as error:
        step = "Next: write it by headrace.core.metrics.write, and dvc repro"
        return MetricsContent(problem=f"{label or file} {error}. {step}")
    numbers = {name: value for name, value in values.items() if is_number(value)}
    non_numbers = {name: value for name, value in values.items() if name not in numbers}
    return MetricsContent(numbers, non_numbers)


def _non_number_changes(file: str, old: MetricsContent, new: MetricsContent) -> Iterator[str]:
    """Yield a note on values that are not numbers and changed, and on NaN."""
    changes = []
    before, after = ({**content.non_numbers, **content.numbers} for content in (old, new))
    for name in dict.fromkeys([*old.non_numbers, *new.non_numbers]):
        if name in before and name in after and not is_same(before[name], after[name]):
            changes.append(f"{name} is {_as_json(after[name])}, it was {_as_json(before[name])}")
        elif isinstance(after.get(name), float):
            changes.append(f"{name} is {_as_json(after[name])}")
    omitted = len(changes) - MAX_CHANGES
    listed = changes[:MAX_CHANGES] + ([f"and {omitted:,} more"] if omitted > 0 else [])
    if listed:
        yield f"{file}, what is no number there and cannot be compared: {'; '.join(listed)}"


def _as_json(value: object) -> str:
    text = "NaN" if value != value else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 40 else f"{text[:39]}…"
