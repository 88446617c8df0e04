"""Live rules: bounds on the figures of metrics/monitor.json, judged batch by batch.

Plain values and plain functions: nothing is read, written or told here.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from headrace.core.metrics import leaves

CHECKS = ("quality", "drift", "performance", "estimate", "groups")
"""What the monitor looks at: the first part of a figure's name."""
ROWS = "rows"
Figures = Mapping[str, Mapping[str, Any]]
"""What metrics/monitor.json holds: by batch, nested figures."""


class Level(StrEnum):
    """How loud a rule is."""

    NOTICE = "notice"
    ACT = "act"


class State(StrEnum):
    """What a rule says of a batch."""

    FIRES = "fires"
    QUIET = "quiet"
    UNKNOWN = "not known"


class Light(StrEnum):
    """What a check of a batch comes to."""

    OK = "ok"
    NOTICE = "notice"
    ACT = "act"
    UNKNOWN = "not known"


@dataclass(frozen=True)
class Rule:
    """A bound on one figure: broken in `least` of the last `of` batches, it fires."""

    name: str
    figure: str
    bound: float
    above: bool
    level: Level
    do: str
    least: int = 1
    of: int = 1
    min_rows: int = 0
    """Of a batch with fewer rows the figure says nothing."""

    @property
    def check(self) -> str:
        """The check that it belongs to: the first part of its figure's name."""
        return self.figure.partition(".")[0]

    def breaks(self, value: float) -> bool:
        """Tell whether a value is beyond the bound; the bound itself is not."""
        return value > self.bound if self.above else value < self.bound

    @property
    def limit(self) -> str:
        """The bound in words, such as "above 0.25"."""
        return f"{'above' if self.above else 'below'} {self.bound:.10g}"

    @property
    def window(self) -> str:
        """How often it must be broken, such as "2 of 3"."""
        return f"{self.least} of {self.of}"


@dataclass(frozen=True)
class Verdict:
    """What a rule says of a batch: `breaking` of the last `seen` batches break its bound."""

    batch: str
    rule: Rule
    state: State
    value: float | None = None
    breaking: int = 0
    seen: int = 0


def numbers(figures: Mapping[str, Any]) -> dict[str, float]:
    """Return a batch's figures by their dotted names: finite numbers alone."""
    return {
        name: float(value)
        for name, value in leaves(figures)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }


def judge(rules: Sequence[Rule], figures: Figures) -> list[Verdict]:
    """Return what each rule says of each batch; batches in the order of their names, which is time.

    A batch without the rule's figure is not known to it: it neither fires there nor is quiet, and
    the k of n batches are the last n of which the figure is known.
    """
    known = {batch: numbers(figures[batch]) for batch in sorted(figures)}
    verdicts = {(one.batch, one.rule): one for rule in rules for one in _judged(rule, known)}
    return [verdicts[batch, rule] for batch in known for rule in rules]


def _judged(rule: Rule, known: Mapping[str, Mapping[str, float]]) -> Iterator[Verdict]:
    values: list[float] = []
    for batch, figures in known.items():
        value = figures.get(rule.figure)
        if value is None or figures.get(ROWS, rule.min_rows) < rule.min_rows:
            yield Verdict(batch, rule, State.UNKNOWN)
            continue
        values = [*values, value][-rule.of :]
        breaking = sum(map(rule.breaks, values))
        state = State.FIRES if breaking >= rule.least else State.QUIET
        yield Verdict(batch, rule, state, value, breaking, len(values))


def lights(verdicts: Iterable[Verdict]) -> dict[str, dict[str, Light]]:
    """Return a traffic light per batch and check, for each check that a rule speaks of.

    The loudest rule that fires decides. Where none does, one quiet rule is enough for "ok"; a
    check of which no rule knows its figure is not known.
    """
    found: dict[str, dict[str, Light]] = {}
    for one in sorted(verdicts, key=lambda one: (one.batch, _place(one.rule.check))):
        row = found.setdefault(one.batch, {})
        row[one.rule.check] = max(row.get(one.rule.check, Light.UNKNOWN), _light(one), key=RANK)
    return found


RANK = [Light.UNKNOWN, Light.OK, Light.NOTICE, Light.ACT].index


def _light(verdict: Verdict) -> Light:
    if verdict.state is State.FIRES:
        return Light(verdict.rule.level)
    return Light.OK if verdict.state is State.QUIET else Light.UNKNOWN


def _place(check: str) -> tuple[int, str]:
    return (CHECKS.index(check) if check in CHECKS else len(CHECKS), check)
