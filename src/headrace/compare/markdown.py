"""The report as Markdown, such as for a comment on a pull request."""

from collections.abc import Iterator, Sequence

from headrace.compare import format as wording
from headrace.compare import summary
from headrace.compare.model import CostChange, Report, Word
from headrace.report.markdown import code, escape, table
from headrace.report.text import NONE, number, signed

MOST = 100
"""Rows of a table that are shown: a comment has no more than 65,536 letters."""
SIGNS = {Word.WORSE: "🔴", Word.BETTER: "🟢", Word.NOISE: "⚪"}


def render(report: Report) -> str:
    """Return the report as Markdown."""
    parts = [*_head(report), *_metrics(report), *_parameters(report), *_costs(report.costs)]
    parts += _briefs(report)
    notes = "\n".join(f"- {escape(note)}" for note in report.notes)
    return "\n\n".join([*parts, *([notes] if notes else [])]) + "\n"


def _head(report: Report) -> Iterator[str]:
    old, new = report.old, report.new
    yield (f"{code(old.name)} ({escape(old.why)}) against {code(new.name)} ({escape(new.why)})")
    yield f"**{wording.verdict(report)}**"
    if report.broken:
        yield "\n".join(f"- ❌ {escape(wording.sentence(gate))}" for gate in report.broken)
    if moves := wording.moves(report):
        yield "\n".join(
            f"- {one.word}: {code(one.name)} {number(one.old)} → {number(one.new)}" for one in moves
        )


def _metrics(report: Report) -> Iterator[str]:
    if report.metrics:
        yield "### Metrics"
    for file in dict.fromkeys(one.file for one in report.metrics):
        mine = [one for one in report.metrics if one.file == file]
        rows = [
            (
                code(one.name),
                number(one.old),
                number(one.new),
                signed(one.change),
                wording.interval(one.interval),
                f"{SIGNS.get(one.word, '')} {one.word}".strip(),
            )
            for one in mine[:MOST]
        ]
        heads = (code(file), "old", "new", "change", "95 % interval", "")
        yield _table(heads, rows, len(mine))
    yield f"{wording.word_counts(report)}."


def _parameters(report: Report) -> Iterator[str]:
    if report.parameters:
        rows = [
            (code(one.name), *(NONE if v is None else code(v) for v in (one.old, one.new)))
            for one in report.parameters[:MOST]
        ]
        yield "### Parameters"
        yield _table(("parameter", "old", "new"), rows, len(report.parameters))


def _costs(costs: Sequence[CostChange]) -> Iterator[str]:
    if costs:
        heads = wording.cost_heads(costs)
        rows = [
            (code(one.stage), *(wording.cost(one, key) for key in heads), _processor(one))
            for one in costs
        ]
        yield "### Cost"
        yield _table(("stage", *heads.values(), ""), rows, len(costs))


def _briefs(report: Report) -> Iterator[str]:
    for one in summary.briefs(report):
        rows = [(code(row[0]), *map(escape, row[1:])) for row in one.rows[:MOST]]
        yield f"### {one.title}"
        yield _table(one.heads, rows, len(one.rows), words=1)


def _processor(one: CostChange) -> str:
    return "" if one.same_processor else "another kind of processor"


def _table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], count: int, *, words: int = 0
) -> str:
    """Return a table, and below it how many of the `count` rows are left out."""
    more = f"\n\n… and {count - len(rows):,} more" if count > len(rows) else ""
    return table(heads, rows, words=words) + more
