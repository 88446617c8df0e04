"""The report for a terminal: the verdict first, then tables."""

from collections.abc import Sequence

from headrace.compare import format
from headrace.compare.format import Section
from headrace.compare.model import Report, Word
from headrace.report.terminal import fit, paint, table, terminal_width, width
from headrace.report.text import plain

MAX_ROWS = 200
"""Rows of a table; --json and --html have the others."""
MAX_VALUE = 20
"""Columns of a parameter's value."""
COLOURS = {Word.BETTER: "green", Word.WORSE: "red", Word.NOISE: "dim"}


def render(report: Report, *, colour: bool = False) -> str:
    """Return the report as text."""
    parts = [_head(report, colour)]
    parts += [_table(section, colour) for section in format.metric_sections(report)]
    parts.append([f"Metrics: {format.metrics_summary(report)}."])
    parts += [_table(section, colour) for section in format.sections(report)]
    parts.append([f"! {plain(note)}" for note in report.notes])
    return "\n\n".join("\n".join(part) for part in parts if part)


def _head(report: Report, colour: bool) -> list[str]:
    old, new = report.old, report.new
    lines = [plain(f"{old.name} ({old.why}) against {new.name} ({new.why})"), ""]
    lines.append(_paint(format.verdict(report), Word.WORSE if report.broken else None, colour))
    lines += [f"  ✗ {plain(format.gate_sentence(gate))}" for gate in report.broken]
    for change in format.largest_changes(report):
        word, values = format.summary(change)
        lines.append(plain(f"  {word}: {change.name} {values} ({change.file})"))
    return lines


def _table(section: Section, colour: bool) -> list[str]:
    rows = [_row(section, row) for row in section.rows[:MAX_ROWS]]
    head, *lines = table(
        section.heads, rows, first_words=section.text_columns, words=section.final_text_columns
    )
    if section.words:
        words = section.words[:MAX_ROWS]
        lines = [_paint(line, word, colour) for line, word in zip(lines, words, strict=True)]
    omitted = len(section.rows) - len(rows)
    lines += [f"… and {omitted:,} more: --json shows all"] if omitted else []
    return [head, *lines, *([section.note] if section.note else [])]


def _row(section: Section, row: Sequence[str]) -> Sequence[str]:
    """Return a row whose texts are cut, so that the first column keeps some room."""
    if section.code_columns > 1:
        return (row[0], *(_cut(cell, MAX_VALUE) for cell in row[1:]))
    if section.final_text_columns:
        return (*row[:-1], _cut(row[-1], terminal_width() * 2 // 5))
    return row


def _cut(text: str, columns: int) -> str:
    text = plain(text)
    return text if width(text) <= columns else fit(text, columns)


def _paint(text: str, word: Word | None, colour: bool) -> str:
    return paint(text, COLOURS.get(word, "")) if colour and word else text
