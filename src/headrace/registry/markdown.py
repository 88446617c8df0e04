"""An audit as Markdown."""

from collections.abc import Iterator

from headrace.registry import text
from headrace.registry.audit import ArtifactHistory, Audit
from headrace.registry.live_batches import Batch, LiveBatches
from headrace.registry.timeline import Entry, moment
from headrace.report.markdown import code, escape, table
from headrace.report.text import NONE

HEADS = ("when", "event", "what", "by", "checks")


def render(audit: Audit) -> str:
    """Return the audit as Markdown."""
    parts = [f"## Audit of {code(audit.repository)}", f"**{escape(text.verdict(audit))}**"]
    for live in audit.live:
        parts += _live(live)
    parts += _incidents(audit)
    for history in audit.artifacts:
        parts += _history(history)
    return "\n\n".join(parts) + "\n"


def _live(live: LiveBatches) -> Iterator[str]:
    yield f"### Live batches{f' of {code(live.study)}' if live.study else ''}"
    yield from (f"❌ {escape(problem)}" for problem in live.problems)
    if live.batches:
        yield escape(text.batches_note(live))
        heads = ("batch", f"in {live.stage}", *text.FIGURE_HEADS, *live.checks, "incidents")
        rows = [_batch(live, batch) for batch in live.batches]
        yield table([escape(head) for head in heads], rows)


def _batch(live: LiveBatches, batch: Batch) -> tuple[str, ...]:
    lights = [str(batch.lights[check]) for check in live.checks]
    incidents = [
        f"{escape(incident.rule)}: {escape(text.decision_summary(incident))}"
        for incident in batch.incidents
    ]
    version, figures = escape(batch.version or NONE), text.batch_figures(batch)
    return (escape(batch.batch), version, *figures, *lights, "<br>".join(incidents))


def _incidents(audit: Audit) -> Iterator[str]:
    if not audit.incidents:
        return
    yield f"### Incidents\n\n{escape(text.incidents_summary(audit))}"
    newest_first = [*reversed(audit.incidents)]
    rows = [
        (
            *map(escape, (incident.rule, incident.level, incident.evidence, incident.status)),
            incident.decision,
        )
        for incident in newest_first
    ]
    yield table(("incident", "level", "shows", "state", "decision"), rows)
    entries = (entry for incident in newest_first for entry in reversed(incident.entries))
    yield table(HEADS, [_entry(entry) for entry in entries])


def _history(history: ArtifactHistory) -> Iterator[str]:
    yield f"### {code(history.artifact)}\n\n{escape(text.artifact_summary(history))}"
    if history.stages:
        rows = [
            (
                code(holder.stage),
                f"{code(holder.version)}{text.SOUND_MARK[holder.sound]}",
                moment(holder.since),
                escape(holder.person),
            )
            for holder in history.stages
        ]
        yield table(("stage", "version", "since", "by"), rows)
    yield table(HEADS, [_entry(entry) for entry in reversed(history.entries)])
    if reasons := [
        f"- not checked: {escape(reason)}" for reason in text.unchecked_reasons(history)
    ]:
        yield "\n".join(reasons)


def _entry(entry: Entry) -> tuple[str, ...]:
    mark = text.entry_mark(entry)
    event = f"**{entry.event}**" if entry.marked or entry.failures else entry.event
    facts = [f"{head}: {escape(fact)}" for head, fact in entry.facts]
    subject = "<br>".join([escape(entry.subject) + (f" ({mark})" if mark else ""), *facts])
    failures = [
        f"❌ {escape(text.CHECK_NAMES[result.name])}: {escape(result.message)}"
        for result in entry.failures
    ]
    checks = "<br>".join([*failures, text.outcome_counts(entry)] if entry.results else [])
    return entry.moment, event, subject, escape(entry.person), checks
