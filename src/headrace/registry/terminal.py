"""An audit for a terminal: the version in each stage, and the history, newest entry first."""

from collections.abc import Iterator

from headrace.registry import text
from headrace.registry.audit import ArtifactHistory, Audit
from headrace.registry.live_batches import Batch, LiveBatches
from headrace.registry.timeline import Entry, moment
from headrace.report.terminal import paint, table, wrap
from headrace.report.text import NONE, counted, plain

GREEN, RED, DIM, NO_COLOUR = "green", "red", "dim", ""
INDENT = " " * 32
"""Columns that time and word take before what happened."""
Lines = Iterator[tuple[str, str]]
"""Pairs of a colour and a line."""


def render(audit: Audit, *, colour: bool = False, most: int | None = None) -> str:
    """Return the audit as text; `most` limits the entries, except those with a failed check."""
    lines = _audit(audit, most)
    return "\n".join(paint(line, kind) if colour else line for kind, line in lines)


def _audit(audit: Audit, most: int | None) -> Lines:
    registered = audit.artifacts or audit.incidents
    kind = GREEN if audit.holds else RED
    yield (kind if registered else NO_COLOUR), text.verdict(audit)
    for live in audit.live:
        yield from _plain("", *_live_table(live, most))
        for problem in live.problems:
            yield from _wrapped(f"! {problem}", RED, indent="  ")
    yield from _incidents(audit)
    for history in audit.artifacts:
        yield from _history(history, most)


def _live_table(live: LiveBatches, most: int | None) -> Iterator[str]:
    if live.batches:
        yield from wrap(f"Live batches. {text.batches_note(live)}")
        yield ""
        newest = live.batches if most is None else live.batches[-most:]
        heads = ("batch", f"in {live.stage}", *text.FIGURE_HEADS, "rules")
        yield from table(heads, [_row(batch) for batch in newest], words=1)
        if older := len(live.batches) - len(newest):
            yield f"… {counted(older, 'older row')}. Next: headrace audit --html FILE"


def _row(batch: Batch) -> tuple[str, ...]:
    version, figures = batch.version or NONE, text.batch_figures(batch)
    return (batch.batch, version, *figures, str(text.worst_light(batch)))


def _incidents(audit: Audit) -> Lines:
    if not audit.incidents:
        return
    yield from _plain("", text.incidents_summary(audit))
    for incident in reversed(audit.incidents):
        yield from _plain("")
        line = f"{incident.level} {incident.id}: {incident.status}"
        kind = RED if incident.failed else NO_COLOUR
        yield from _wrapped(line, kind, indent="  ")
        for entry in incident.entries:
            yield from _entry(entry)


def _history(history: ArtifactHistory, most: int | None) -> Lines:
    yield from _plain("", plain(f"{history.artifact}: {text.artifact_summary(history)}"))
    if history.stages:
        rows = [
            (
                holder.stage,
                f"{holder.version}{text.SOUND_MARK[holder.sound]}",
                moment(holder.since),
                holder.person,
            )
            for holder in history.stages
        ]
        yield from _plain("", *table(("stage", "version", "since", "by"), rows, words=3))
    yield from _plain("")
    newest_first = [*reversed(history.entries)]
    newest = newest_first if most is None else newest_first[:most]
    older = newest_first[len(newest) :]
    # What failed is shown however old it is.
    for entry in (*newest, *(entry for entry in older if entry.failures)):
        yield from _entry(entry)
    if older:
        step = "headrace audit | less, or --html"
        yield from _plain(f"… {counted(len(older), 'older line')}. Next: {step}")
    for reason in text.unchecked_reasons(history):
        yield from _wrapped(f"Not checked: {reason}", DIM, indent="  ")


def _entry(entry: Entry) -> Lines:
    mark = text.entry_mark(entry)
    subject = f"{entry.subject} ({mark})" if mark else entry.subject
    kind = RED if entry.failures or entry.marked else NO_COLOUR
    line = f"{entry.moment:<16}  {entry.event:<12}  {subject}, {entry.person}"
    yield from _wrapped(line, kind, indent=INDENT)
    for head, fact in entry.facts:
        yield from _wrapped(f"{head}: {fact}", DIM, indent=f"{INDENT}  ", first=INDENT)
    for result in entry.failures:
        name = text.CHECK_NAMES.get(result.name, result.name)
        line = f"✗ {name}: {result.message}"
        yield from _wrapped(line, RED, indent=f"{INDENT}  ", first=INDENT)


def _plain(*lines: str) -> Lines:
    return ((NO_COLOUR, line) for line in lines)


def _wrapped(line: str, kind: str, *, indent: str, first: str = "") -> Lines:
    return ((kind, part) for part in wrap(line, indent=indent, first=first))
