"""An audit as Markdown."""

from collections.abc import Iterator

from headrace.registry import text as said
from headrace.registry.audit import Audit, Life
from headrace.registry.live_batch import Batch, Live
from headrace.registry.timeline import Entry, moment
from headrace.report.markdown import code, escape, table
from headrace.report.text import NONE

HEADS = ("when", "event", "what", "by", "links")


def render(audit: Audit) -> str:
    """Return the audit as Markdown."""
    parts = [f"## Audit of {code(audit.repository)}", f"**{escape(said.verdict(audit))}**"]
    for live in audit.live:
        parts += _live(live)
    parts += _incidents(audit)
    for life in audit.lives:
        parts += _life(life)
    return "\n\n".join(parts) + "\n"


def _live(live: Live) -> Iterator[str]:
    yield f"### Batch by batch{f' of {code(live.study)}' if live.study else ''}"
    yield from (f"❌ {escape(one)}" for one in live.problems)
    if live.batches:
        yield escape(said.batches(live))
        heads = ("batch", f"in {live.stage}", *said.HEADS, *live.checks, "incidents")
        yield table([escape(one) for one in heads], [_batch(live, one) for one in live.batches])


def _batch(live: Live, one: Batch) -> tuple[str, ...]:
    lights = [str(one.lights[check]) for check in live.checks]
    told = [f"{escape(each.rule)}: {escape(said.decided(each))}" for each in one.incidents]
    version = escape(one.version or NONE)
    return (escape(one.batch), version, *said.figures(one), *lights, "<br>".join(told))


def _incidents(audit: Audit) -> Iterator[str]:
    if audit.incidents:
        yield f"### Incidents\n\n{escape(said.incidents(audit))}"
        heads = ("incident", "level", "shows", "stands", "decided")
        listed = [*reversed(audit.incidents)]
        yield table(
            heads,
            [
                (escape(one.rule), one.level, escape(one.shows), escape(one.standing), one.decided)
                for one in listed
            ],
        )
        entries = [_row(entry) for one in listed for entry in reversed(one.entries)]
        yield table(HEADS, entries)


def _life(life: Life) -> Iterator[str]:
    yield f"### {code(life.artifact)}\n\n{escape(said.life(life))}"
    if life.held:
        rows = [
            (
                code(one.stage),
                f"{code(one.version)}{said.UNSOUND[one.sound]}",
                moment(one.since),
                escape(one.who),
            )
            for one in life.held
        ]
        yield table(("stage", "version", "since", "by"), rows)
    lines = [_row(entry) for entry in reversed(life.entries)]
    yield table(HEADS, lines)
    if reasons := [f"- not checked: {escape(reason)}" for reason in said.unchecked(life)]:
        yield "\n".join(reasons)


def _row(entry: Entry) -> tuple[str, ...]:
    mark = said.marks(entry)
    word = f"**{entry.word}**" if entry.marked or entry.broken else entry.word
    facts = [f"{head}: {escape(text)}" for head, text in entry.facts]
    what = "<br>".join([escape(entry.what) + (f" ({mark})" if mark else ""), *facts])
    broken = [f"❌ {escape(said.NAMES[one.name])}: {escape(one.says)}" for one in entry.broken]
    links = "<br>".join([*broken, said.links(entry)] if entry.links else [])
    return entry.moment, word, what, escape(entry.who), links
