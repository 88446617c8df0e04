"""An audit for a terminal: who is in which stage, and the life of the versions, newest first."""

from collections.abc import Iterator

from headrace.registry import text as said
from headrace.registry.audit import Audit, Life
from headrace.registry.live_batch import Batch, Live
from headrace.registry.timeline import Entry, moment
from headrace.report.terminal import paint, table, wrap
from headrace.report.text import NONE, counted, plain

GOOD, BAD, SOFT = "green", "red", "dim"
HEAD = 32
"""Columns that time and word take before what happened."""


def render(audit: Audit, *, colour: bool = False, most: int | None = None) -> str:
    """Return the audit as text; `most` limits the entries, but for those that are broken."""
    kind = GOOD if audit.holds else BAD
    told = audit.lives or audit.incidents
    lines = [_paint(said.verdict(audit), kind if told else "", colour=colour)]
    for live in audit.live:
        lines += ["", *_live(live, colour=colour, most=most)]
    lines += _incidents(audit, colour=colour)
    for life in audit.lives:
        lines += ["", *_life(life, colour=colour, most=most)]
    return "\n".join(lines)


def _live(live: Live, *, colour: bool, most: int | None) -> Iterator[str]:
    if live.batches:
        yield from _wrapped(f"Batch by batch. {said.batches(live)}", "", "", colour, "")
        shown = live.batches if most is None else live.batches[-most:]
        yield ""
        heads = ("batch", f"in {live.stage}", *said.HEADS, "checks")
        yield from table(heads, [_row(one) for one in shown], words=1)
        if older := len(live.batches) - len(shown):
            yield f"… {counted(older, 'older row')}. Next: headrace audit --html FILE"
    for problem in live.problems:
        yield from _wrapped(f"! {problem}", "", "  ", colour, BAD)


def _row(one: Batch) -> tuple[str, ...]:
    return (one.batch, one.version or NONE, *said.figures(one), str(said.loudest(one)))


def _incidents(audit: Audit, *, colour: bool) -> Iterator[str]:
    if not audit.incidents:
        return
    yield from ("", said.incidents(audit))
    for one in reversed(audit.incidents):
        yield ""
        loud = BAD if one.broken else ""
        yield from _wrapped(f"{one.level} {one.id}: {one.standing}", "", "  ", colour, loud)
        for entry in one.entries:
            yield from _entry(entry, colour=colour)


def _life(life: Life, *, colour: bool, most: int | None) -> Iterator[str]:
    yield plain(f"{life.artifact}: {said.life(life)}")
    if life.held:
        rows = [
            (one.stage, f"{one.version}{said.UNSOUND[one.sound]}", moment(one.since), one.who)
            for one in life.held
        ]
        yield ""
        yield from table(("stage", "version", "since", "by"), rows, words=3)
    yield ""
    newest = [*reversed(life.entries)]
    shown = newest if most is None else newest[:most]
    older = newest[len(shown) :]
    for entry in (*shown, *(one for one in older if one.broken)):
        yield from _entry(entry, colour=colour)
    if older:
        yield f"… {counted(len(older), 'older line')}. Next: headrace audit | less, or --html"
    for reason in said.unchecked(life):
        yield from _wrapped(f"Not checked: {reason}", "", "  ", colour, SOFT)


def _entry(entry: Entry, *, colour: bool) -> Iterator[str]:
    kind = BAD if entry.broken or entry.marked else ""
    mark = said.marks(entry)
    word = f"{entry.moment:<16}  {entry.word:<12}"
    line = f"{word}  {entry.what}{f' ({mark})' if mark else ''}, {entry.who}"
    yield from _wrapped(line, "", " " * HEAD, colour, kind)
    for head, text in entry.facts:
        yield from _wrapped(f"{head}: {text}", " " * HEAD, " " * (HEAD + 2), colour, SOFT)
    for link in entry.broken:
        name = said.NAMES.get(link.name, link.name)
        yield from _wrapped(f"✗ {name}: {link.says}", " " * HEAD, " " * (HEAD + 2), colour, BAD)


def _wrapped(text: str, first: str, rest: str, colour: bool, kind: str) -> Iterator[str]:
    for line in wrap(text, indent=rest, first=first):
        yield _paint(line, kind, colour=colour)


def _paint(text: str, kind: str, *, colour: bool) -> str:
    return paint(text, kind) if colour else text
