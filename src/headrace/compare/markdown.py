"""The report as Markdown, such as for a comment on a pull request."""

import re
from collections.abc import Iterator, Sequence

from headrace.compare import summary
from headrace.compare.model import CostChange, Report, Word
from headrace.compare.terminal import plain
from headrace.report import format as wording

MOST = 100
"""Rows of a table that are shown: a comment has no more than 65,536 letters."""
SIGNS = {Word.WORSE: "🔴", Word.BETTER: "🟢", Word.NOISE: "⚪"}


def escape(text: object) -> str:
    """Return a text that Markdown shows as it is: no mark, tag, link or mention comes of it."""
    return re.sub(r"[^\w ,;=()%+'/→…-]|_", _entity, plain(str(text)), flags=re.ASCII)


def _entity(found: re.Match[str]) -> str:
    letter = found[0]
    if not letter.isascii() or letter in ".":
        return letter
    # Nobody is told of a comment by what stands in it: the mark that follows ends the mention.
    return "&#64;\u200b" if letter == "@" else f"&#{ord(letter)};"


def code(text: object) -> str:
    """Return a text as code: a code span of Markdown's own could be left by a backtick."""
    return f"<code>{escape(text)}</code>"


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
            f"- {one.word}: {code(one.name)} {wording.number(one.old)} → {wording.number(one.new)}"
            for one in moves
        )


def _metrics(report: Report) -> Iterator[str]:
    if report.metrics:
        yield "### Metrics"
    for file in dict.fromkeys(one.file for one in report.metrics):
        mine = [one for one in report.metrics if one.file == file]
        rows = [
            (
                code(one.name),
                wording.number(one.old),
                wording.number(one.new),
                wording.change(one.change),
                wording.interval(one.interval),
                f"{SIGNS.get(one.word, '')} {one.word}".strip(),
            )
            for one in mine[:MOST]
        ]
        heads = (code(file), "old", "new", "change", "95 % interval", "")
        yield _table(heads, rows, len(mine))
    yield f"{wording.counted(report)}."


def _parameters(report: Report) -> Iterator[str]:
    if report.parameters:
        rows = [
            (code(one.name), *(wording.NONE if v is None else code(v) for v in (one.old, one.new)))
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
    heads: Sequence[str], rows: Sequence[Sequence[str]], whole: int, *, words: int = 0
) -> str:
    """Return a table; its first column and so many last ones are words, the others numbers."""
    last = len(heads) - words
    rule = ["---", *("---:" for _ in heads[1:last]), *("---" for _ in heads[last:])]
    lines = ["| " + " | ".join(row) + " |" for row in (heads, rule, *rows)]
    more = f"\n\n… and {whole - len(rows):,} more" if whole > len(rows) else ""
    return "\n".join(lines) + more
