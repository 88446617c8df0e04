"""The report as Markdown, such as for a comment on a pull request."""

from collections.abc import Iterator

from headrace.compare import format
from headrace.compare.format import Section
from headrace.compare.model import Report, Word
from headrace.report.markdown import code, escape, table
from headrace.report.text import NONE

MAX_ROWS = 100
"""Rows of a table: a comment on GitHub has at most 65,536 characters."""
SIGNS = {Word.WORSE: "🔴 ", Word.BETTER: "🟢 ", Word.NOISE: "⚪ "}


def render(report: Report) -> str:
    """Return the report as Markdown."""
    parts = [*_head(report), *(["### Metrics"] if report.metrics else [])]
    parts += map(_table, format.metric_sections(report))
    parts.append(f"{format.metrics_summary(report)}.")
    for section in format.sections(report):
        parts += [f"### {section.title}", _table(section)]
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
        summaries = ((change.name, *format.summary(change)) for change in changes)
        yield "\n".join(f"- {word}: {code(name)} {values}" for name, word, values in summaries)


def _table(section: Section) -> str:
    """Return a table, and below it how many rows are left out, and its note."""
    rows = [[*map(escape, row)] for row in section.rows[:MAX_ROWS]]
    for cells, row in zip(rows, section.rows, strict=False):
        columns = range(section.code_columns)
        cells[: len(columns)] = [code(row[at]) if row[at] != NONE else NONE for at in columns]
    for cells, word in zip(rows, section.words, strict=False):
        cells[1] = f"{SIGNS.get(word, '')}{word}"
    heads = [code(section.heads[0]) if section.words else section.heads[0], *section.heads[1:]]
    omitted = len(section.rows) - len(rows)
    below = [f"… and {omitted:,} more"] if omitted else []
    below += [escape(section.note)] if section.note else []
    lines = table(heads, rows, first_words=section.text_columns, words=section.final_text_columns)
    return "\n\n".join([lines, *below])
