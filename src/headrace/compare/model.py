"""What changed between two states of a study, as plain values; nothing here computes or shows."""

from dataclasses import dataclass, field
from enum import StrEnum

from headrace.stats.recipe import Interval


class Word(StrEnum):
    """What a change of a metric is called."""

    BETTER = "better"
    WORSE = "worse"
    NOISE = "noise"
    """Its interval holds zero: it may as well be chance."""
    NEW = "new"
    GONE = "gone"
    CHANGED = "changed"
    """No gate says which direction is better."""


@dataclass(frozen=True)
class MetricChange:
    """One number of a metrics file: its dotted name, its values (None where it has none)."""

    file: str
    name: str
    old: float | None
    new: float | None
    word: Word
    interval: Interval | None = None
    higher_is_better: bool | None = None

    @property
    def change(self) -> float | None:
        """New less old, where both are there."""
        return None if self.old is None or self.new is None else self.new - self.old


@dataclass(frozen=True)
class GateResult:
    """One gate of gates.yaml: kept or not, and one sentence that names metric and bound."""

    name: str
    kept: bool
    says: str


@dataclass(frozen=True)
class ParameterChange:
    """A parameter by its dotted name; None where a state does not have it."""

    name: str
    old: object
    new: object


@dataclass(frozen=True)
class CostChange:
    """What a stage cost: seconds, CPU seconds, peak MiB, dollars; None where it is not known."""

    stage: str
    old: dict[str, float] | None
    new: dict[str, float] | None
    same_processor: bool = True


@dataclass(frozen=True)
class ColumnChange:
    """A column of a table; what is described of it has the same keys on both sides.

    `old` and `new` hold such as "missing" (share), "mean", "p05", "median", "p95", "top" (pairs
    of a value and its share). `drift` is the population stability index, or None.
    """

    name: str
    old_type: str | None
    new_type: str | None
    old: dict[str, object] = field(default_factory=dict)
    new: dict[str, object] = field(default_factory=dict)
    drift: float | None = None


@dataclass(frozen=True)
class TableChange:
    """A table that changed: its rows, None where a state has no such table, and its columns."""

    path: str
    old_rows: int | None
    new_rows: int | None
    columns: tuple[ColumnChange, ...]
    note: str = ""
    """Why it could not be looked into, such as that a cache lacks it, and what to pull."""


@dataclass(frozen=True)
class Shown:
    """What a cell shows: text, or a picture as a data URI or inline SVG."""

    text: str = ""
    picture: str = ""


@dataclass(frozen=True)
class CellChange:
    """A cell that changed: its number in either run, its source and outputs on both sides."""

    number: int
    heading: str
    source: tuple[str, str] | None
    outputs: tuple[tuple[Shown, ...], tuple[Shown, ...]] | None
    code: str = ""
    """Its source, where that did not change: what made the outputs that did."""


@dataclass(frozen=True)
class NotebookChange:
    """An executed notebook that changed, by its path, and only the cells that did."""

    path: str
    cells: tuple[CellChange, ...]
    note: str = ""


@dataclass(frozen=True)
class Commit:
    """One commit between the states."""

    hash: str
    author: str
    date: str
    subject: str


@dataclass(frozen=True)
class FileChange:
    """A file that changed (A, M, D or R) and the stages that it feeds."""

    path: str
    status: str
    stages: tuple[str, ...]


@dataclass(frozen=True)
class Side:
    """One of the two states, as the report names it, and why it was taken."""

    name: str
    why: str
    commit: str | None


@dataclass(frozen=True)
class Report:
    """All that changed; `notes` say what could not be told, and what to do about it."""

    old: Side
    new: Side
    metrics: tuple[MetricChange, ...] = ()
    gates: tuple[GateResult, ...] = ()
    parameters: tuple[ParameterChange, ...] = ()
    costs: tuple[CostChange, ...] = ()
    tables: tuple[TableChange, ...] = ()
    notebooks: tuple[NotebookChange, ...] = ()
    commits: tuple[Commit, ...] = ()
    files: tuple[FileChange, ...] = ()
    notes: tuple[str, ...] = ()
    unchanged: int = 0
    """Numbers that are the same in both, and left out."""

    @property
    def broken(self) -> list[GateResult]:
        """The gates that are not kept."""
        return [gate for gate in self.gates if not gate.kept]
