"""The report for a terminal: the verdict first, then tables of at most 100 columns."""

from collections.abc import Iterator, Sequence

from headrace.compare import format as wording
from headrace.compare import summary
from headrace.compare.model import CostChange, MetricChange, Report, Word
from headrace.report.terminal import paint, table, width
from headrace.report.text import NONE, number, plain, signed

BRIEF = 50
"""Columns of a terminal that a short account takes."""
MOST = 200
"""Rows of a table that are shown; what is more is for --json or --html."""
COLOURS = {Word.BETTER: "green", Word.WORSE: "red", Word.NOISE: "dim"}


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
    moved = f"{number(one.old)} → {number(one.new)}"
    return f"{one.word}: {one.name} {moved} ({one.file})"


def _metrics(report: Report, colour: bool) -> Iterator[list[str]]:
    for file in dict.fromkeys(one.file for one in report.metrics):
        mine = [one for one in report.metrics if one.file == file]
        rows = [
            (
                one.name,
                number(one.old),
                number(one.new),
                signed(one.change),
                wording.interval(one.interval),
                one.word,
            )
            for one in mine[:MOST]
        ]
        lines = table((file, "old", "new", "change", "95 % interval", ""), rows)
        words = [None, *(one.word for one in mine[:MOST])]
        painted = [_paint(line, word, colour) for line, word in zip(lines, words, strict=True)]
        yield painted + _more(len(mine))
    yield [f"Metrics: {wording.word_counts(report)}."]


def _parameters(report: Report) -> Iterator[list[str]]:
    rows = [(one.name, _value(one.old), _value(one.new)) for one in report.parameters[:MOST]]
    if rows:
        yield table(("parameter", "old", "new"), rows) + _more(len(report.parameters))


def _value(value: object) -> str:
    text = NONE if value is None else str(value)
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


def _more(count: int) -> list[str]:
    return [f"… and {count - MOST:,} more: --json shows all"] if count > MOST else []


def _paint(text: str, word: Word | None, colour: bool) -> str:
    return paint(text, COLOURS.get(word, "")) if colour and word else text
