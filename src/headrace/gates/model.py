"""What gates.yaml says, as plain values: gates on metrics and on groups, and the predictions."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from headrace.core import yaml
from headrace.core.yaml import Key
from headrace.gates.live import Rule
from headrace.stats.recipe import Recipe

NAME = "gates.yaml"
SCORES = (
    *("roc_auc", "average_precision", "brier_score", "log_loss", "calibration_in_the_large"),
    *("accuracy", "precision", "recall", "false_negative_rate", "false_positive_rate"),
    *("mean_absolute_error", "mean_squared_error", "root_mean_squared_error", "cost_per_1000"),
)
RATES = ("false_negative_rate", "false_positive_rate", "accuracy", "precision", "recall")
"""Scores that can be held against a group's rows."""


@dataclass(frozen=True)
class Tolerance:
    """How far a metric may get worse: so much, or such a share of its old value."""

    amount: float
    relative: bool

    def of(self, old: float) -> float:
        """Return the tolerance in the metric's own unit."""
        return self.amount * abs(old) if self.relative else self.amount

    def __str__(self) -> str:
        """Write it as gates.yaml does."""
        return f"{self.amount * 100:g} %" if self.relative else f"{self.amount:g}"


@dataclass(frozen=True)
class Gate:
    """What a metric, or all metrics that fit a pattern, must keep."""

    file: str
    pattern: str
    better: str = ""
    tolerance: Tolerance | None = None
    at_least: float | None = None
    at_most: float | None = None
    must_exist: bool = False
    significant: bool = False
    recipe: Recipe | None = None


@dataclass(frozen=True)
class Group:
    """How far a rate of any group of rows may be above the whole's, or above a number."""

    by: str
    recipe: Recipe
    at_most: float
    times: bool
    min_rows: int


@dataclass(frozen=True)
class Predictions:
    """The table of predictions: which columns name a row, its truth, and what is drawn together."""

    file: str
    key: tuple[str, ...]
    label: str
    cluster: str
    prices: dict[str, str]
    """For `missed` and `false_alarm` the parameters that hold their prices."""
    answers: dict[str, str]
    """For `prediction` and `positive`, which a bundle answers, the columns that hold them."""


EVERYWHERE = ("*",)


@dataclass(frozen=True)
class Approvals:
    """Who may promote to which stages, and how; `approvers` is None where anybody may."""

    another_person: bool = False
    approvers: tuple[str, ...] | None = None
    signed: bool = False
    stages: tuple[str, ...] = EVERYWHERE

    def covers(self, stage: str) -> bool:
        """Tell whether they are about a stage."""
        return self.stages == EVERYWHERE or stage in self.stages


@dataclass(frozen=True)
class Gates:
    """All of gates.yaml."""

    metrics: tuple[Gate, ...] = ()
    predictions: Predictions | None = None
    groups: tuple[Group, ...] = ()
    approvals: Approvals = Approvals()
    text: bytes = b""
    live: tuple[Rule, ...] = ()

    def line(self, gate: Gate) -> int:
        """Return the line in which a gate stands; slow, so for messages only."""
        return line(self.text, ("metrics", gate.file, gate.pattern))


def line(text: bytes, at: tuple[Key, ...]) -> int:
    """Return the line of a place in gates.yaml."""
    return yaml.line_of(yaml.compose(text.decode("utf-8")), at)


def fitting(gates: Sequence[Gate], file: str, name: str) -> list[Gate]:
    """Return the gates that speak of a metric; `*` stands for any part of a name."""
    return [gate for gate in gates if gate.file == file and fits(name, gate.pattern)]


def fits(name: str, pattern: str) -> bool:
    """Tell whether a metric's name fits a pattern, in which only `*` is special."""
    plain = pattern.replace("[", "[[]").replace("?", "[?]")
    return name == pattern or ("*" in pattern and fnmatchcase(name, plain))


def direction(gates: Sequence[Gate]) -> bool | None:
    """Return whether higher is better, by the first gate that says so."""
    said = next((gate.better for gate in gates if gate.better), "")
    return said == "higher" if said else None
