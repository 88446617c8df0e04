"""Live rules: bounds on the figures of metrics/monitor.json, evaluated batch by batch."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Any

from headrace.core.metrics import is_number, leaves

BATCH_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
"""A batch's name: files are called after it."""
CHECKS = ("quality", "drift", "performance", "estimate", "groups")
"""The monitor's checks: the first part of a figure's name."""
PROBABILITY_SCORES = ("roc_auc", "average_precision", "brier_score", "calibration_in_the_large")
WARNING_SCORES = ("precision", "recall")
"""The monitor's scores of a batch, of probabilities and of warnings; with prices also a cost."""
ROWS = "rows"
POSITIVE_SHARE = "late_share"
"""The share of positive rows. The key is a word of the flights: files of studies hold it, and their
bytes stay. A later issue renames it with the file's format."""
Figures = Mapping[str, Mapping[str, Any]]
"""The content of metrics/monitor.json: nested figures by batch."""


class Level(StrEnum):
    """The severity of a rule."""

    NOTICE = "notice"
    ACT = "act"


class RuleState(StrEnum):
    """The state of a rule in a batch."""

    FIRES = "fires"
    QUIET = "quiet"
    UNKNOWN = "not known"


class Light(StrEnum):
    """The traffic light of a check in a batch."""

    OK = "ok"
    NOTICE = "notice"
    ACT = "act"
    UNKNOWN = "not known"


@dataclass(frozen=True)
class Rule:
    """A bound on one figure: it fires when `violations` of the last `of_batches` violate it."""

    name: str
    figure: str
    bound: float
    above: bool
    level: Level
    do: str
    violations: int = 1
    of_batches: int = 1
    min_rows: int = 0
    """A batch with fewer rows is not evaluated."""

    @property
    def check(self) -> str:
        """The check it belongs to: the first part of its figure's name."""
        return self.figure.partition(".")[0]

    def is_violated(self, value: float) -> bool:
        """Tell whether a value is beyond the bound; the bound itself is not."""
        return value > self.bound if self.above else value < self.bound

    @property
    def limit(self) -> str:
        """The bound in words, such as "above 0.25"."""
        return f"{'above' if self.above else 'below'} {self.bound:.10g}"

    @property
    def window(self) -> str:
        """How many violations make it fire, such as "2 of 3"."""
        return f"{self.violations} of {self.of_batches}"


@dataclass(frozen=True)
class Verdict:
    """A rule's state in a batch: `violations` of the last `batches` batches violate its bound."""

    batch: str
    rule: Rule
    state: RuleState
    value: float | None = None
    violations: int = 0
    batches: int = 0


def finite_values(figures: Mapping[str, Any]) -> dict[str, float]:
    """Return the finite numbers among a batch's figures, by dotted names.

    Errors:
        OverflowError: an integer is larger than any float; the monitor writes none.
    """
    # `type`, since in Python true and false are instances of int.
    numbers = (
        (name, value) for name, value in leaves(figures) if is_number(value) or type(value) is int
    )
    return {name: float(value) for name, value in numbers}


def evaluate(rules: Sequence[Rule], figures: Figures) -> list[Verdict]:
    """Return a verdict for each batch and rule; batches in the order of their names, which is time.

    Where a batch lacks the rule's figure, the state is unknown, and the batch does not count among
    the last n batches of the rule.
    """
    values = {batch: finite_values(figures[batch]) for batch in sorted(figures)}
    by_rule = [_evaluate(rule, values) for rule in rules]
    return [*chain.from_iterable(zip(*by_rule, strict=True))]


def _evaluate(rule: Rule, batches: Mapping[str, Mapping[str, float]]) -> Iterator[Verdict]:
    window: list[float] = []
    for batch, figures in batches.items():
        value = figures.get(rule.figure)
        if value is None or figures.get(ROWS, rule.min_rows) < rule.min_rows:
            yield Verdict(batch, rule, RuleState.UNKNOWN)
            continue
        # A batch without the figure leaves the window as it was.
        window = [*window, value][-rule.of_batches :]
        violations = sum(map(rule.is_violated, window))
        state = RuleState.FIRES if violations >= rule.violations else RuleState.QUIET
        yield Verdict(batch, rule, state, value, violations, len(window))


def lights(verdicts: Iterable[Verdict]) -> dict[str, dict[str, Light]]:
    """Return a traffic light per batch and check, for each check that has a rule.

    The most severe rule that fires decides. Where none fires, one quiet rule is enough for "ok".
    """
    batches: dict[str, dict[str, Light]] = {}
    ordered = sorted(verdicts, key=lambda verdict: (verdict.batch, _rank(verdict.rule.check)))
    for verdict in ordered:
        row, check = batches.setdefault(verdict.batch, {}), verdict.rule.check
        row[check] = max(row.get(check, Light.UNKNOWN), _light(verdict), key=SEVERITY)
    return batches


# An unknown figure is less than a quiet one: it must not hide what is known.
SEVERITY = [Light.UNKNOWN, Light.OK, Light.NOTICE, Light.ACT].index


def _light(verdict: Verdict) -> Light:
    if verdict.state is RuleState.FIRES:
        return Light(verdict.rule.level)
    return Light.OK if verdict.state is RuleState.QUIET else Light.UNKNOWN


def _rank(check: str) -> tuple[int, str]:
    return (CHECKS.index(check) if check in CHECKS else len(CHECKS), check)
