"""An audit as one page: the verdict on top, then batches, stages, incidents and every event."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from headrace.gates.live import Level
from headrace.registry import text
from headrace.registry.audit import Audit
from headrace.registry.check import Outcome
from headrace.registry.incidents import DECISION_NAMES, OTHER_DECISION, IncidentHistory
from headrace.registry.live_batches import Batch
from headrace.registry.timeline import Entry, History, moment
from headrace.report import pages

MAX_FAILED = 50
"""Events with a failed check of a part that the verdict names; the time line shows all."""
MAX_BATCHES = 24
"""Batches that are shown without unfolding."""
OUTCOMES = {
    Outcome.PASSED: ("good", "✓ passed"),
    Outcome.FAILED: ("bad", "✗ failed"),
    Outcome.UNCHECKED: ("", "not checked"),
}
EVENT_COLOURS = {
    **dict.fromkeys(("promoted", "restored", "closed"), "good"),
    **dict.fromkeys(("overridden", "gone", "opened"), "bad"),
    **dict.fromkeys(("rolled back", "demoted", *DECISION_NAMES.values()), "calm"),
}
"""The colour of each event's badge."""
LEVEL_BADGES = {Level.NOTICE: ("calm", "!"), Level.ACT: ("bad", "✗")}


def render(audit: Audit) -> str:
    """Return the page of an audit, as the text of one HTML file."""
    numbers = [*enumerate(audit.incidents, len(audit.artifacts))]
    places = {(incident.study, incident.id): anchor(at, 0) for at, incident in numbers}
    names: dict[str, Any] = {
        "audit": audit,
        "text": text,
        "verdict": _verdict(audit),
        "failed": [*_failed(audit.histories)],
        "unchecked": [
            reason for part in audit.histories for reason in text.unchecked_reasons(part)
        ],
        "figure_heads": [f"{head}#" for head in text.FIGURE_HEADS],
        "shown": MAX_BATCHES,
        "places": places,
        "incidents": numbers[::-1],
        "decisions": (*DECISION_NAMES.values(), OTHER_DECISION),
        "outcomes": OUTCOMES,
        "lights": pages.LIGHTS,
        "anchor": anchor,
        "grouped": group_entries,
        "moment": moment,
        "kind": _kind,
        "mark": _mark,
        "reason": _reason,
        "batch_incident": _batch_incident,
        "incident_badge": _incident_badge,
    }
    title = f"Audit of {audit.repository}"
    return pages.render("audit.html.j2", title=title, css="audit.css", **names)


def anchor(part: int, place: int) -> str:
    """Return the id of an event on the page: the part that it belongs to, and its place there."""
    return f"e{part}-{place}"


def _verdict(audit: Audit) -> tuple[str, str]:
    """Return the verdict's colour and sentence."""
    sentence = text.verdict(audit)
    if not audit.artifacts and not audit.incidents:
        return "calm", sentence
    return ("good", f"✓ {sentence}") if audit.holds else ("bad", f"✗ {sentence}")


def _failed(parts: Sequence[History]) -> Iterator[tuple[str, Entry]]:
    """Yield the events with a failed check, each with its place on the page."""
    for number, part in enumerate(parts):
        failed = [(place, entry) for place, entry in enumerate(part.entries) if entry.failures]
        yield from ((anchor(number, place), entry) for place, entry in failed[:MAX_FAILED])


def _kind(entry: Entry) -> str:
    return "bad" if entry.failures else EVENT_COLOURS.get(entry.event, "")


def _mark(batch: Batch) -> tuple[str, str]:
    """Return the badge of the limits that a batch's cost exceeds."""
    kind, sign = LEVEL_BADGES[min(batch.marks, key=lambda mark: mark.level).level]
    return kind, f"{sign} {' and '.join(mark.limit for mark in batch.marks)}"


def _reason(entry: Entry) -> str:
    return next((fact for head, fact in entry.facts if head == "reason"), "")


def _batch_incident(incident: IncidentHistory) -> tuple[str, str]:
    """Return the badge of an incident below its batch."""
    if not incident.is_open:
        return "", f"{incident.level}, closed"
    kind, sign = LEVEL_BADGES[Level(incident.level)]
    return kind, f"{sign} {incident.level}, open"


def _incident_badge(incident: IncidentHistory) -> tuple[str, str]:
    if not incident.is_open:
        return "good", "closed"
    return LEVEL_BADGES[Level(incident.level)][0], f"{incident.level}, open"


def group_entries(entries: Iterable[Entry]) -> list[tuple[int, Entry]]:
    """Return entries with their places, oldest first, alike promotions merged into one.

    Promotions of one version that follow each other, by one person, with the same facts, are
    merged, and have the place of the newest. One with a failed check or a mark stays alone.
    """
    # A promotion through three stages on one reason is one decision for a reader.
    groups = groupby(enumerate(entries), key=lambda placed: _group_key(*placed))
    return [_merge([*group]) for _, group in groups]


def _group_key(place: int, entry: Entry) -> tuple[object, ...]:
    if entry.event != "promoted" or entry.failures or entry.marked:
        return (place,)
    return (entry.version, entry.person, entry.facts, _after_stage(entry))


def _after_stage(entry: Entry) -> str:
    return entry.subject.removeprefix(f"{entry.version} to {entry.stage}")


def _merge(group: Sequence[tuple[int, Entry]]) -> tuple[int, Entry]:
    entries = [entry for _, entry in group]
    place, last = group[-1]
    if len(entries) == 1:
        return place, last
    *stages, stage = [entry.stage for entry in entries]
    began = entries[0].moment
    facts = last.facts if began == last.moment else (*last.facts, ("from", began))
    return place, replace(
        last,
        subject=f"{last.version} to {', '.join(stages)} and {stage}{_after_stage(last)}",
        tag=", ".join(entry.tag for entry in entries),
        facts=facts,
        results=tuple(result for entry in entries for result in entry.results),
    )
