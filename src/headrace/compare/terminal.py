"""The report for a terminal: the verdict first, then tables of at most 100 columns."""

import os
import sys
import unicodedata
from collections.abc import Iterator, Sequence

from headrace.compare import summary
from headrace.compare.model import CostChange, MetricChange, Report, Word
from headrace.report import format as wording

WIDTH = 100
BRIEF = 50
"""Columns of a terminal that a short account takes."""
MOST = 200
"""Rows of a table that are shown; what is more is for --json or --html."""
COLOURS = {Word.BETTER: "32", Word.WORSE: "31", Word.NOISE: "2"}
Row = Sequence[str]


def colourful() -> bool:
    """Tell whether colours are seen, and wanted."""
    return (
        sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    )


def render(report: Report, *, colour: bool = False) -> str:
    """Return the report as text."""
    parts = [_head(report, colour), *_metrics(report, colour), *_parameters(report)]
    parts += [*_costs(report.costs), *_briefs(report), *_notes(report)]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _head(report: Report, colour: bool) -> list[str]:
    old, new = report.old, report.new
    lines = [plain(f"{old.name} ({old.why}) against {new.name} ({new.why})"), ""]
    lines.append(_paint(wording.verdict(report), Word.WORSE if report.broken else None, colour))
    lines += [f"  ✗ {plain(wording.sentence(gate))}" for gate in report.broken]
    lines += [f"  {plain(_move(one))}" for one in wording.moves(report)]
    return lines


def _move(one: MetricChange) -> str:
    moved = f"{wording.number(one.old)} → {wording.number(one.new)}"
    return f"{one.word}: {one.name} {moved} ({one.file})"


def _metrics(report: Report, colour: bool) -> Iterator[list[str]]:
    for file in dict.fromkeys(one.file for one in report.metrics):
        mine = [one for one in report.metrics if one.file == file]
        rows = [
            (
                one.name,
                wording.number(one.old),
                wording.number(one.new),
                wording.change(one.change),
                wording.interval(one.interval),
                one.word,
            )
            for one in mine[:MOST]
        ]
        lines = table((file, "old", "new", "change", "95 % interval", ""), rows)
        words = [None, *(one.word for one in mine[:MOST])]
        painted = [_paint(line, word, colour) for line, word in zip(lines, words, strict=True)]
        yield painted + _more(len(mine))
    yield [f"Metrics: {wording.counted(report)}."]


def _parameters(report: Report) -> Iterator[list[str]]:
    rows = [(one.name, _value(one.old), _value(one.new)) for one in report.parameters[:MOST]]
    if rows:
        yield table(("parameter", "old", "new"), rows) + _more(len(report.parameters))


def _value(value: object) -> str:
    text = wording.NONE if value is None else str(value)
    return text if len(text) <= 20 else f"{text[:19]}…"


def _costs(costs: Sequence[CostChange]) -> Iterator[list[str]]:
    heads = wording.cost_heads(costs)
    rows = [
        (
            one.stage + ("" if one.same_processor else " *"),
            *(wording.cost(one, key) for key in heads),
        )
        for one in costs
    ]
    if rows:
        lines = table(("cost", *heads.values()), rows)
        other = any(not one.same_processor for one in costs)
        yield lines + (["* on another kind of processor"] if other else [])


def _briefs(report: Report) -> Iterator[list[str]]:
    for one in summary.briefs(report):
        rows = [(*row[:-1], _cut(plain(row[-1]))) for row in one.rows[:MOST]]
        yield table(one.heads, rows, words=1) + _more(len(one.rows))


def _cut(text: str) -> str:
    return text if width(text) <= BRIEF else f"{text[: BRIEF - 1]}…"


def _notes(report: Report) -> Iterator[list[str]]:
    if report.notes:
        yield [f"! {plain(note)}" for note in report.notes]


def _more(number: int) -> list[str]:
    return [f"… and {number - MOST:,} more: --json shows all"] if number > MOST else []


def table(heads: Row, rows: Sequence[Row], *, words: int = 0) -> list[str]:
    """Return rows as aligned lines: the first column and so many last ones left, numbers right.

    Names are shortened in their middle where a line would be wider than 100 columns.
    """
    cells = [[plain(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    others = sum(widths[1:]) + 2 * len(widths)
    widths[0] = min(widths[0], max(12, WIDTH - others))
    last = len(widths) - words
    return [_line(row, widths, last) for row in cells]


def _line(row: Row, widths: Sequence[int], last: int) -> str:
    name = _shortened(row[0], widths[0])
    rest = [
        " " * (size - width(cell)) + cell
        for cell, size in zip(row[1:last], widths[1:last], strict=True)
    ]
    return "  ".join(
        [_padded(name, widths[0]), *rest, *map(_padded, row[last:], widths[last:])]
    ).rstrip()


def _padded(text: str, size: int) -> str:
    return text + " " * (size - width(text))


def _shortened(text: str, most: int) -> str:
    if width(text) <= most:
        return text
    tail = text[-(most // 2) :]
    while width(tail) > most // 2:
        tail = tail[1:]
    head = text
    while width(head) + width(tail) + 1 > most:
        head = head[:-1]
    return f"{head}…{tail}"


def width(text: str) -> int:
    """Return the columns that a text takes: two for a wide character, none for an accent."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(unicodedata.combining(letter) > 0 for letter in text)


def plain(text: str) -> str:
    """Return a text without what would move a terminal's cursor, or turn the line around."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def _paint(text: str, word: Word | None, colour: bool) -> str:
    code = COLOURS.get(word) if word else None
    return f"\x1b[{code}m{text}\x1b[0m" if colour and code else text
