"""Sentences and tables that the terminal and Markdown have in common."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from headrace.compare.model import (
    CostChange,
    GateResult,
    MetricChange,
    NotebookChange,
    Report,
    TableChange,
    Word,
)
from headrace.errors import join_names
from headrace.report.text import NONE, money, number, signed
from headrace.stats import STEADY

METRIC_HEADS = ("", "old", "new", "change", "95 % interval")
COSTS = {"wall_s": "seconds", "cpu_s": "CPU s", "peak_rss_mib": "MiB", "dollars": "dollars"}
STATUS = {"A": "added", "M": "changed", "D": "deleted", "R": "renamed", "T": "changed in kind"}
NOT_TESTED = f"{Word.CHANGED} (not tested)"
"""What a change without an interval is: it may be chance."""
MAX_NAMES = 3
"""Columns or headings that a cell lists before it counts the others."""


def verdict(report: Report) -> str:
    """Say in one sentence whether the gates are kept, and whether all were judged."""
    judged, broken = len(report.gates), len(report.broken)
    if not judged + report.not_judged:
        return "No gates to keep."
    if report.not_judged:
        result = f"{broken} broken" if broken else "none broken"
        return f"{judged} of {judged + report.not_judged} gates judged: {result}."
    if broken:
        return f"{broken} of {judged} gates broken."
    return f"All {judged} gates are kept." if judged > 1 else "The one gate is kept."


def gate_sentence(gate: GateResult) -> str:
    """Return a gate's sentence, after its file where its name has one."""
    file, _, name = gate.name.partition(" ")
    return f"{file}: {gate.says}" if name and "/" in file else gate.says


def largest_changes(report: Report, limit: int = 3) -> list[MetricChange]:
    """Return the largest changes that are not noise, relative to the old value; verdicts first."""
    verdicts = (Word.WORSE, Word.BETTER)
    changes = [change for change in report.metrics if change.word in (*verdicts, Word.CHANGED)]
    changes.sort(key=lambda change: (change.word not in verdicts, -relative_size(change)))
    return changes[:limit]


def relative_size(change: MetricChange) -> float:
    """Return the size of a change as a share of the old value; infinite where there is none."""
    if change.old is None or change.new is None or not math.isfinite(change.change or 0.0):
        return math.inf
    return abs(change.change or 0.0) / (abs(change.old) or 1.0)


def summary(change: MetricChange) -> tuple[str, str]:
    """Return a change's verdict and values, in which its name stands between both."""
    return f"{change.word}", f"{number(change.old)} → {number(change.new)}"


def word_counts(changes: Sequence[MetricChange]) -> list[str]:
    """Return how many changes there are of each word, and how many have no interval."""
    words = Counter(
        NOT_TESTED if change.word is Word.CHANGED and change.interval is None else str(change.word)
        for change in changes
    )
    return [f"{words[word]:,} {word}" for word in (*Word, NOT_TESTED) if words[word]]


def metrics_summary(report: Report) -> str:
    """Return how many metrics there are of each word, and how many are the same."""
    return ", ".join([*word_counts(report.metrics), f"{report.unchanged:,} the same"])


class Section(NamedTuple):
    """A table of the report; the first cell of a row is a name or a path.

    The first `text_columns` and the last `final_text_columns` are text, the others numbers; the
    first `code_columns` are names and values. `words` are the verdicts of the rows, and `note` is
    what stands below the table.
    """

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    text_columns: int = 1
    final_text_columns: int = 0
    code_columns: int = 1
    words: Sequence[Word] = ()
    note: str = ""


def sections(report: Report) -> Iterator[Section]:
    """Yield the tables of all that changed but the metrics; a page has the details."""
    parameters = [
        (change.name, _value(change.old), _value(change.new)) for change in report.parameters
    ]
    runs = [_notebook_row(change) for change in report.notebooks]
    files = [
        (file.path, STATUS.get(file.status[:1], file.status), ", ".join(file.stages))
        for file in report.files
    ]
    all_sections = (
        Section("Parameters", ("parameter", "old", "new"), parameters, code_columns=3),
        _costs(report.costs),
        Section("Data", ("data", "rows", "what moved"), [*map(_data_row, report.tables)], 1, 1),
        Section("Notebooks", ("notebook", "cells", "below"), runs, 1, 1),
        Section("Code", ("file", "status", "feeds"), files, 1, 1),
    )
    return (section for section in all_sections if section.rows)


def metric_sections(report: Report) -> Iterator[Section]:
    """Yield a table of the metrics that changed for each metrics file."""
    files: dict[str, list[MetricChange]] = {}
    for change in report.metrics:
        files.setdefault(change.file, []).append(change)
    for file, changes in files.items():
        has_interval = any(change.interval is not None for change in changes)
        yield Section(
            "Metrics",
            (file, *METRIC_HEADS),
            [_metric_row(change) for change in changes],
            text_columns=2,
            words=[change.word for change in changes],
            note=shared_rows_note(report) if has_interval else "",
        )


def _metric_row(change: MetricChange) -> tuple[str, ...]:
    interval = change.interval
    low, high = (interval.low, interval.high) if interval is not None else (None, None)
    ends = f"{signed(low, change.size)} to {signed(high, change.size)}" if interval else ""
    values = number(change.old), number(change.new), signed(change.change, change.size)
    return (change.name, str(change.word), *values, ends)


def shared_rows_note(report: Report) -> str:
    """Say which rows the intervals are over, where the states' predictions have different rows."""
    if report.shared_rows is None:
        return ""
    shared, old, new = report.shared_rows
    return (
        f"Intervals are over the {shared:,} rows that both have; old, new and change are over all"
        f" {old:,} and {new:,} rows."
    )


def _value(value: object) -> str:
    return NONE if value is None else str(value)


def _costs(costs: Sequence[CostChange]) -> Section:
    figures = {key for cost in costs for side in (cost.old, cost.new) for key in side or {}}
    heads = {key: head for key, head in COSTS.items() if key in figures}
    rows = [
        (
            cost.stage + ("" if cost.same_processor else " *"),
            *(_cost_cell(cost, key) for key in heads),
        )
        for cost in costs
    ]
    is_marked = any(not cost.same_processor for cost in costs)
    note = "* on another kind of processor" if is_marked else ""
    return Section("Cost", ("cost", *heads.values()), rows, note=note)


def _cost_cell(cost: CostChange, key: str) -> str:
    """Return one figure of a stage's cost, old and new."""
    sides = [(side or {}).get(key) for side in (cost.old, cost.new)]
    texts = ["" if v is None else money(v) if key == "dollars" else f"{v:,.1f}" for v in sides]
    return _arrow([text or NONE for text in texts])


def _arrow(texts: list[str]) -> str:
    return texts[0] if texts[0] == texts[1] else " → ".join(texts)


def _data_row(table: TableChange) -> tuple[str, str, str]:
    rows = _arrow([NONE if n is None else f"{n:,}" for n in (table.old_rows, table.new_rows)])
    moved = [
        f"{column.name} {_type_change(column.old_type, column.new_type)}"
        for column in table.columns
        if column.old_type != column.new_type
    ]
    drifts = [(column.drift or 0, column.name) for column in table.columns]
    drifts.sort(key=lambda drift: -drift[0])
    moved += [f"{name} drifts by {drift:.2f}" for drift, name in drifts if drift >= STEADY]
    unmoved = "values, no drift" if table.columns else table.note
    return table.path, rows, join_names(moved, MAX_NAMES) or unmoved


def _type_change(old: str | None, new: str | None) -> str:
    return "is new" if old is None else "is gone" if new is None else f"is {new}, was {old}"


def _notebook_row(notebook: NotebookChange) -> tuple[str, str, str]:
    headings = dict.fromkeys(cell.heading for cell in notebook.cells if cell.heading)
    return notebook.path, str(len(notebook.cells)), join_names(headings, MAX_NAMES) or notebook.note
