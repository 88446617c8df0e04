"""The report as Markdown, such as for a comment on a pull request."""

from collections.abc import Iterator, Sequence

from headrace.compare import format
from headrace.compare.model import CostChange, Report, Word
from headrace.report.markdown import code, escape, table
from headrace.report.text import NONE, number

MAX_ROWS = 100
"""Rows of a table: a comment on GitHub has at most 65,536 characters."""
SIGNS = {Word.WORSE: "🔴 ", Word.BETTER: "🟢 ", Word.NOISE: "⚪ "}


def render(report: Report) -> str:
    """Return the report as Markdown."""
    parts = [*_head(report), *_metrics(report), *_parameters(report), *_costs(report.costs)]
    parts += _short_tables(report)
    if report.notes:
        parts.append("\n".join(f"- {escape(note)}" for note in report.notes))
    return "\n\n".join(parts) + "\n"


def _head(report: Report) -> Iterator[str]:
    old, new = report.old, report.new
    yield f"{code(old.name)} ({escape(old.why)}) against {code(new.name)} ({escape(new.why)})"
    yield f"**{format.verdict(report)}**"
    if report.broken:
        yield "\n".join(f"- ❌ {escape(format.gate_sentence(gate))}" for gate in report.broken)
    if changes := format.largest_changes(report):
        yield "\n".join(
            f"- {change.word}: {code(change.name)} {number(change.old)} → {number(change.new)}"
            for change in changes
        )


def _metrics(report: Report) -> Iterator[str]:
    if report.metrics:
        yield "### Metrics"
    for file, changes in format.metrics_by_file(report).items():
        rows = [
            (
                code(change.name),
                *format.metric_cells(change),
                f"{SIGNS.get(change.word, '')}{change.word}",
            )
            for change in changes[:MAX_ROWS]
        ]
        yield _table((code(file), *format.METRIC_HEADS), rows, len(changes))
    yield f"{format.word_counts(report)}."


def _parameters(report: Report) -> Iterator[str]:
    if report.parameters:
        rows = [
            (code(change.name), _value(change.old), _value(change.new))
            for change in report.parameters[:MAX_ROWS]
        ]
        yield "### Parameters"
        yield _table(("parameter", "old", "new"), rows, len(report.parameters))


def _value(value: object) -> str:
    return NONE if value is None else code(value)


def _costs(costs: Sequence[CostChange]) -> Iterator[str]:
    if costs:
        heads = format.cost_heads(costs)
        rows = [
            (
                code(cost.stage),
                *(format.cost_cell(cost, key) for key in heads),
                "" if cost.same_processor else "another kind of processor",
            )
            for cost in costs
        ]
        yield "### Cost"
        yield _table(("stage", *heads.values(), ""), rows, len(costs))


def _short_tables(report: Report) -> Iterator[str]:
    for short in format.short_tables(report):
        rows = [(code(row[0]), *map(escape, row[1:])) for row in short.rows[:MAX_ROWS]]
        yield f"### {short.title}"
        yield _table(short.heads, rows, len(short.rows), words=1)


def _table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], count: int, *, words: int = 0
) -> str:
    """Return a table, and below it how many of the `count` rows are left out."""
    more = f"\n\n… and {count - len(rows):,} more" if count > len(rows) else ""
    return table(heads, rows, words=words) + more
