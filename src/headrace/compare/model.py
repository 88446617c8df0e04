"""What changed between two states of a study, as plain values.

The attributes are the names in `headrace diff --json`.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from headrace.stats import Interval


class Word(StrEnum):
    """The verdict on a change of a metric."""

    BETTER = "better"
    WORSE = "worse"
    NOISE = "noise"
    """Its interval holds zero: it may be chance."""
    NEW = "new"
    GONE = "gone"
    CHANGED = "changed"
    """No gate says which direction is better, or no interval says whether it may be chance."""


@dataclass(frozen=True)
class MetricChange:
    """A number of a metrics file: its dotted name and its values, None where a state has none."""

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

    @property
    def size(self) -> float:
        """The larger one of its values, without their signs."""
        return max(abs(self.old or 0.0), abs(self.new or 0.0))


@dataclass(frozen=True)
class GateResult:
    """A gate of gates.yaml: kept or broken, and a sentence that names metric and bound."""

    name: str
    kept: bool
    says: str


@dataclass
class Evidence:
    """What the predictions show; `notes` say what could not be computed, and the next step."""

    intervals: dict[tuple[str, str], Interval] = field(default_factory=dict)
    """By a metrics file and a dotted name in it."""
    group_results: list[GateResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    shared_rows: tuple[int, int, int] | None = None
    """See `Report.shared_rows`."""


@dataclass(frozen=True)
class ParameterChange:
    """A parameter by its dotted name; None where a state does not have it."""

    name: str
    old: object
    new: object


@dataclass(frozen=True)
class CostChange:
    """The cost of a stage: seconds, CPU seconds, peak MiB, dollars; None where it is unknown."""

    stage: str
    old: dict[str, float] | None
    new: dict[str, float] | None
    same_processor: bool = True


@dataclass(frozen=True)
class ColumnChange:
    """A column of a table, with the same statistics on both sides.

    `old` and `new` have keys such as "missing" (share), "mean", "p05", "median", "p95", "top"
    (pairs of value and share). `drift` is the population stability index, or None.
    """

    name: str
    old_type: str | None
    new_type: str | None
    old: dict[str, object] = field(default_factory=dict)
    new: dict[str, object] = field(default_factory=dict)
    drift: float | None = None


@dataclass(frozen=True)
class TableChange:
    """A table that changed: its rows, None where a state lacks it, and its columns."""

    path: str
    old_rows: int | None
    new_rows: int | None
    columns: tuple[ColumnChange, ...]
    note: str = ""
    """Which columns are left out, or why it cannot be read, with the next step."""


@dataclass(frozen=True)
class CellOutput:
    """An output of a cell: text, or a picture as a data URI or inline SVG."""

    text: str = ""
    picture: str = ""


@dataclass(frozen=True)
class CellChange:
    """A cell that changed: its number, its source and outputs on both sides."""

    number: int
    heading: str
    source: tuple[str, str] | None
    outputs: tuple[tuple[CellOutput, ...], tuple[CellOutput, ...]] | None
    code: str = ""
    """Its source, where only the outputs changed."""


@dataclass(frozen=True)
class NotebookChange:
    """An executed notebook that changed: its path and the cells that changed."""

    path: str
    cells: tuple[CellChange, ...]
    note: str = ""


@dataclass(frozen=True)
class Commit:
    """A commit between the states."""

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
    """One of the two states: its name, and why it was chosen."""

    name: str
    why: str
    commit: str | None


@dataclass(frozen=True)
class Report:
    """All that changed; `notes` say what could not be compared, and the next step."""

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
    """How many numbers are the same in both states, and left out."""
    not_judged: int = 0
    """Gates that were not evaluated, since what they need is not at hand; a note says what."""
    shared_rows: tuple[int, int, int] | None = None
    """Where the states' predictions have different rows: the rows that both have, over which the
    intervals are, and those of each."""

    @property
    def broken(self) -> list[GateResult]:
        """The gates that broke."""
        return [gate for gate in self.gates if not gate.kept]
