"""The content of gates.yaml: gates on metrics and groups, predictions, approvals, live rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from headrace.core import yaml
from headrace.core.entry import glob
from headrace.core.metrics import is_numeric
from headrace.core.yaml import Key
from headrace.gates.live import Rule
from headrace.stats import Recipe

NAME = "gates.yaml"
SCORES = (  # those of stats.scores, which imports numpy; a test compares the two
    *("roc_auc", "average_precision", "brier_score", "log_loss", "calibration_in_the_large"),
    *("accuracy", "precision", "recall", "f1", "false_negative_rate", "false_positive_rate"),
    *("balanced_accuracy", "f1_macro", "mean_absolute_error", "mean_squared_error"),
    *("root_mean_squared_error", "r2", "mean", "cost_per_1000"),
)
RATES = ("false_negative_rate", "false_positive_rate", "accuracy", "precision", "recall")
"""Scores that a gate on groups can use."""


@dataclass(frozen=True)
class Tolerance:
    """How far a metric may get worse: an amount, or a share of its old value."""

    amount: float
    relative: bool

    def absolute(self, old: float) -> float:
        """Return the tolerance in the metric's unit; `old` is the metric's value before."""
        return self.amount * abs(old) if self.relative else self.amount

    def __str__(self) -> str:
        """Write it as gates.yaml does."""
        return f"{self.amount * 100:g} %" if self.relative else f"{self.amount:g}"


@dataclass(frozen=True)
class Gate:
    """Bounds on a metric, or on all metrics that match a pattern."""

    file: str
    pattern: str
    better: str = ""
    tolerance: Tolerance | None = None
    at_least: float | None = None
    at_most: float | None = None
    must_exist: bool = False
    significant: bool = False
    recipe: Recipe | None = None

    @property
    def can_break(self) -> bool:
        """Whether it has a bound; it may only give a direction or a recipe."""
        bounds = (self.tolerance, self.at_least, self.at_most)
        return self.must_exist or self.significant or any(bound is not None for bound in bounds)


@dataclass(frozen=True)
class GroupGate:
    """An upper bound on a rate of each group of rows: a number, or a multiple of the whole's."""

    column: str
    recipe: Recipe
    at_most: float
    is_multiple: bool
    min_rows: int


@dataclass(frozen=True)
class Predictions:
    """The table of predictions: its file, and the columns of the key, the label, the cluster."""

    file: str
    key: tuple[str, ...]
    label: str
    cluster: str
    prices: dict[str, str]
    """The parameters that hold the prices of `missed` and `false_alarm`."""
    answers: dict[str, str]
    """The columns that hold a bundle's `prediction` and `positive`."""

    def price_values(self, params: Mapping[str, Any]) -> dict[str, float]:
        """Return the prices that parameters hold as numbers, by their names."""
        values = {name: yaml.lookup(params, dotted) for name, dotted in self.prices.items()}
        return {name: float(value) for name, value in values.items() if is_numeric(value)}


ALL_STAGES = ("*",)


@dataclass(frozen=True)
class Approvals:
    """Who may promote to which stages, and how; `approvers` is None where anybody may."""

    another_person: bool = False
    approvers: tuple[str, ...] | None = None
    signed: bool = False
    stages: tuple[str, ...] = ALL_STAGES

    def covers(self, stage: str) -> bool:
        """Tell whether they apply to a stage."""
        return self.stages == ALL_STAGES or stage in self.stages


@dataclass(frozen=True)
class Gates:
    """All of gates.yaml."""

    metrics: tuple[Gate, ...] = ()
    predictions: Predictions | None = None
    groups: tuple[GroupGate, ...] = ()
    approvals: Approvals = Approvals()
    text: bytes = b""
    live: tuple[Rule, ...] = ()

    def line(self, gate: Gate) -> int:
        """Return the line of a gate, from 1; slow, so for messages only."""
        return line_of(self.text, ("metrics", gate.file, gate.pattern))


def line_of(text: bytes, at: tuple[Key, ...]) -> int:
    """Return the line of a place in gates.yaml, from 1; of one that is missing, its block's."""
    # Composed once more, since only YAML's nodes have lines, and they are slow to make.
    return yaml.line_of(yaml.compose(text.decode("utf-8")), at)


def matching(gates: Sequence[Gate], file: str, name: str) -> list[Gate]:
    """Return the gates on a metric; `*` in a pattern matches any part of a name."""
    return [gate for gate in gates if gate.file == file and matches(name, gate.pattern)]


def matches(name: str, pattern: str) -> bool:
    """Tell whether a metric's name matches a pattern, in which only `*` is special."""
    return name == pattern or ("*" in pattern and fnmatchcase(name, glob(pattern)))


def higher_is_better(gates: Sequence[Gate]) -> bool | None:
    """Return the direction of the first gate that has one."""
    direction = next((gate.better for gate in gates if gate.better), "")
    return direction == "higher" if direction else None
