"""The report for a terminal: the verdict first, then tables."""

from collections.abc import Iterator, Sequence

from headrace.compare import format
from headrace.compare.model import CostChange, MetricChange, Report, Word
from headrace.report.terminal import paint, table, width
from headrace.report.text import NONE, number, plain

MAX_CELL = 50
"""Columns of the last cell of a short table."""
MAX_ROWS = 200
"""Rows of a table; --json and --html have the others."""
COLOURS = {Word.BETTER: "green", Word.WORSE: "red", Word.NOISE: "dim"}


def render(report: Report, *, colour: bool = False) -> str:
    """Return the report as text."""
    parts = [_head(report, colour), *_metrics(report, colour), *_parameters(report)]
    parts += [*_costs(report.costs), *_short_tables(report)]
    parts.append([f"! {plain(note)}" for note in report.notes])
    return "\n\n".join("\n".join(part) for part in parts if part)


def _head(report: Report, colour: bool) -> list[str]:
    old, new = report.old, report.new
    lines = [plain(f"{old.name} ({old.why}) against {new.name} ({new.why})"), ""]
    lines.append(_paint(format.verdict(report), Word.WORSE if report.broken else None, colour))
    lines += [f"  ✗ {plain(format.gate_sentence(gate))}" for gate in report.broken]
    lines += [f"  {plain(_summary(change))}" for change in format.largest_changes(report)]
    return lines


def _summary(change: MetricChange) -> str:
    values = f"{number(change.old)} → {number(change.new)}"
    return f"{change.word}: {change.name} {values} ({change.file})"


def _metrics(report: Report, colour: bool) -> Iterator[list[str]]:
    for file, changes in format.metrics_by_file(report).items():
        shown = changes[:MAX_ROWS]
        rows = [(change.name, *format.metric_cells(change), change.word) for change in shown]
        head, *lines = table((file, *format.METRIC_HEADS), rows)
        painted = [
            _paint(line, change.word, colour) for line, change in zip(lines, shown, strict=True)
        ]
        yield [head, *painted, *_more(len(changes))]
    yield [f"Metrics: {format.word_counts(report)}."]


def _parameters(report: Report) -> Iterator[list[str]]:
    rows = [
        (change.name, _value(change.old), _value(change.new))
        for change in report.parameters[:MAX_ROWS]
    ]
    if rows:
        yield table(("parameter", "old", "new"), rows) + _more(len(report.parameters))


def _value(value: object) -> str:
    text = NONE if value is None else str(value)
    return text if len(text) <= 20 else f"{text[:19]}…"


def _costs(costs: Sequence[CostChange]) -> Iterator[list[str]]:
    heads = format.cost_heads(costs)
    rows = [
        (
            cost.stage + ("" if cost.same_processor else " *"),
            *(format.cost_cell(cost, key) for key in heads),
        )
        for cost in costs
    ]
    if rows:
        is_marked = any(not cost.same_processor for cost in costs)
        footnote = ["* on another kind of processor"] if is_marked else []
        yield table(("cost", *heads.values()), rows) + footnote


def _short_tables(report: Report) -> Iterator[list[str]]:
    for short in format.short_tables(report):
        rows = [(*row[:-1], _cut(plain(row[-1]))) for row in short.rows[:MAX_ROWS]]
        yield table(short.heads, rows, words=1) + _more(len(short.rows))


def _cut(text: str) -> str:
    return text if width(text) <= MAX_CELL else f"{text[: MAX_CELL - 1]}…"


def _more(count: int) -> list[str]:
    return [f"… and {count - MAX_ROWS:,} more: --json shows all"] if count > MAX_ROWS else []


def _paint(text: str, word: Word | None, colour: bool) -> str:
    return paint(text, COLOURS.get(word, "")) if colour and word else text
