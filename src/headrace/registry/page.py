"""An audit as one page: the verdict on top, then batches, stages, incidents and every event."""

from collections.abc import Iterator
from typing import Any

from headrace.gates.live import Level
from headrace.registry import text
from headrace.registry.audit import Audit, Life
from headrace.registry.check_result import Truth
from headrace.registry.group_promotions import joined
from headrace.registry.incidents import WORDS, Account
from headrace.registry.live_batch import Batch, Shown
from headrace.registry.timeline import Entry, moment
from headrace.report import pages

BROKEN = 50
"""Broken events of a part that the verdict names; the time line shows all."""
BATCHES = 24
"""Batches that are seen without unfolding more."""
TRUTHS = {
    Truth.TRUE: ("good", "✓ true"),
    Truth.BROKEN: ("bad", "✗ broken"),
    Truth.UNCHECKED: ("", "not checked"),
}
KINDS = {
    "promoted": "good",
    "restored": "good",
    "overridden": "bad",
    "rolled back": "calm",
    "demoted": "calm",
    "gone": "bad",
    "opened": "bad",
    "closed": "good",
    "dismissed": "calm",
    "roll back": "calm",
    "retrain": "calm",
}
"""The colour of each event's word."""
SIGNS = {Level.NOTICE: ("calm", "!"), Level.ACT: ("bad", "✗")}
COLOURS = {str(level): kind for level, (kind, _) in SIGNS.items()}
DECISIONS = (*WORDS.values(), "decided")


def render(audit: Audit) -> str:
    """Return the page of an audit, as the text of one HTML file."""
    parts: list[Life | Account] = [*audit.lives, *audit.incidents]
    first = len(audit.lives)
    places = {(one.study, one.id): anchor(first + at, 0) for at, one in enumerate(audit.incidents)}
    values: dict[str, Any] = {
        "audit": audit,
        "text": text,
        "verdict": _verdict(audit),
        "broken": [*_broken(parts)],
        "unchecked": [reason for part in parts for reason in text.unchecked(part)],
        "figure_heads": [f"{head}#" for head in text.HEADS],
        "shown": BATCHES,
        "places": places,
        "incidents": [*enumerate(audit.incidents, first)][::-1],
        "decisions": DECISIONS,
        "truths": TRUTHS,
        "lights": pages.LIGHTS,
    }
    functions: dict[str, Any] = {
        "anchor": anchor,
        "joined": joined,
        "moment": moment,
        "kind": _kind,
        "mark": _mark,
        "reason": _reason,
        "batch_incident": _batch_incident,
        "incident_badge": _incident_badge,
    }
    title = f"Audit of {audit.repository}"
    return pages.render("audit.html.j2", title=title, css="audit.css", **values, **functions)


def anchor(part: int, place: int) -> str:
    """Return the id of an event on the page: the part that it belongs to, and its place there."""
    return f"e{part}-{place}"


def _verdict(audit: Audit) -> tuple[str, str]:
    """Return the verdict's colour and sentence."""
    sentence = text.verdict(audit)
    if not audit.lives and not audit.incidents:
        return "calm", sentence
    return ("good", f"✓ {sentence}") if audit.holds else ("bad", f"✗ {sentence}")


def _broken(parts: list[Life | Account]) -> Iterator[tuple[str, Entry]]:
    """Yield the events that do not hold, each with its place on the page."""
    for number, part in enumerate(parts):
        broken = [(place, entry) for place, entry in enumerate(part.entries) if entry.broken]
        yield from ((anchor(number, place), entry) for place, entry in broken[:BROKEN])


def _kind(entry: Entry) -> str:
    return "bad" if entry.broken else KINDS.get(entry.word, "")


def _mark(batch: Batch) -> tuple[str, str]:
    """Return the badge of the limits that a batch's cost exceeds."""
    kind, sign = SIGNS[min(batch.marks, key=lambda mark: mark.level).level]
    return kind, f"{sign} {' and '.join(mark.limit for mark in batch.marks)}"


def _reason(entry: Entry) -> str:
    return next((fact for head, fact in entry.facts if head == "reason"), "")


def _batch_incident(incident: Shown) -> tuple[str, str]:
    """Return the badge of an incident below its batch."""
    if not incident.is_open:
        return "", f"{incident.level}, closed"
    kind, sign = SIGNS[Level(incident.level)]
    return kind, f"{sign} {incident.level}, open"


def _incident_badge(incident: Account) -> tuple[str, str]:
    if not incident.is_open:
        return "good", "closed"
    kind = COLOURS.get(incident.level, "good")
    return kind, f"{incident.level}, open"
