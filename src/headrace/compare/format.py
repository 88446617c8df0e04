"""Sentences and short tables that the terminal and Markdown have in common."""

import math
from collections.abc import Iterable, Iterator
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
from headrace.errors import listed
from headrace.report.text import NONE, number, signed
from headrace.stats import STEADY

METRIC_HEADS = ("old", "new", "change", "95 % interval", "")
COSTS = {"wall_s": "seconds", "cpu_s": "CPU s", "peak_rss_mib": "MiB", "dollars": "dollars"}
STATUS = {"A": "added", "M": "changed", "D": "deleted", "R": "renamed", "T": "changed in kind"}
NAMED = 3
"""Columns or headings that a cell lists before it counts the others."""


def verdict(report: Report) -> str:
    """Say in one sentence whether the gates are kept."""
    if not report.gates:
        return "No gates to keep."
    if not report.broken:
        return f"All {len(report.gates)} gates are kept."
    return f"{len(report.broken)} of {len(report.gates)} gates broken."


def gate_sentence(gate: GateResult) -> str:
    """Return a gate's sentence, after its file where its name has one."""
    file, _, name = gate.name.partition(" ")
    return f"{file}: {gate.says}" if name and "/" in file else gate.says


def largest_changes(report: Report, limit: int = 3) -> list[MetricChange]:
    """Return the largest changes that are not noise, relative to the old value; verdicts first."""
    verdicts = (Word.WORSE, Word.BETTER)
    changes = [change for change in report.metrics if change.word in (*verdicts, Word.CHANGED)]
    changes.sort(key=lambda change: (change.word not in verdicts, -_relative_size(change)))
    return changes[:limit]


def _relative_size(change: MetricChange) -> float:
    if change.old is None or change.new is None or not math.isfinite(change.change or 0.0):
        return math.inf
    return abs(change.change or 0.0) / (abs(change.old) or 1.0)


def word_counts(report: Report) -> str:
    """Return how many metrics there are of each word."""
    words = [change.word for change in report.metrics]
    parts = [f"{words.count(word):,} {word}" for word in Word if word in words]
    return ", ".join([*parts, f"{report.unchanged:,} the same"])


def metrics_by_file(report: Report) -> dict[str, list[MetricChange]]:
    """Return the metrics that changed, by their files."""
    files: dict[str, list[MetricChange]] = {}
    for change in report.metrics:
        files.setdefault(change.file, []).append(change)
    return files


def metric_cells(change: MetricChange) -> tuple[str, str, str, str]:
    """Return the cells below the first four of `METRIC_HEADS`."""
    interval = change.interval
    ends = f"{signed(interval.low)} to {signed(interval.high)}" if interval is not None else ""
    return number(change.old), number(change.new), signed(change.change), ends


def cost_heads(costs: Iterable[CostChange]) -> dict[str, str]:
    """Return the figures that any stage's cost has, and their heads."""
    figures = {key for cost in costs for side in (cost.old, cost.new) for key in side or {}}
    return {key: head for key, head in COSTS.items() if key in figures}


def cost_cell(cost: CostChange, key: str) -> str:
    """Return one figure of a stage's cost, old and new."""
    pattern = ",.5f" if key == "dollars" else ",.1f"
    sides = [(side or {}).get(key) for side in (cost.old, cost.new)]
    return _arrow([NONE if value is None else f"{value:{pattern}}" for value in sides])


def _arrow(texts: list[str]) -> str:
    return texts[0] if texts[0] == texts[1] else " → ".join(texts)


class ShortTable(NamedTuple):
    """A short table: its title, heads and rows; the first cell of a row is a path."""

    title: str
    heads: tuple[str, str, str]
    rows: list[tuple[str, str, str]]


def short_tables(report: Report) -> Iterator[ShortTable]:
    """Yield a short table of each of data, notebooks and code that changed; a page has it all."""
    data = [_data_row(change) for change in report.tables]
    runs = [_notebook_row(change) for change in report.notebooks]
    files = [
        (file.path, STATUS.get(file.status[:1], file.status), ", ".join(file.stages))
        for file in report.files
    ]
    tables = (
        ShortTable("Data", ("data", "rows", "what moved"), data),
        ShortTable("Notebooks", ("notebook", "cells", "below"), runs),
        ShortTable("Code", ("file", "it was", "feeds"), files),
    )
    return (table for table in tables if table.rows)


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
    return (
        table.path,
        rows,
        listed(moved, NAMED) or ("values, no drift" if table.columns else table.note),
    )


def _type_change(old: str | None, new: str | None) -> str:
    return "is new" if old is None else "is gone" if new is None else f"is {new}, was {old}"


def _notebook_row(notebook: NotebookChange) -> tuple[str, str, str]:
    headings = dict.fromkeys(cell.heading for cell in notebook.cells if cell.heading)
    return notebook.path, str(len(notebook.cells)), listed(headings, NAMED) or notebook.note
