"""What is said of an incident: the same words in a terminal, a message and an issue."""

from headrace.incidents.incident import Incident, Transition, Word
from headrace.report.text import number

MOST = 6
"""Batches that a sentence names before it counts the others."""


def line(one: Transition) -> str:
    """Return one line on a transition: how loud, what, which rule, what it shows, what to do."""
    incident = one.incident
    head = f"{incident.level}: {incident.rule}: {one.word} ({one.batch})."
    if one.word is Word.CLOSED:
        return f"{head} {_sentence(incident.why)}"
    if one.word is Word.KEPT:
        return f"{head} The batch is gone from the figures; what it showed is kept."
    late = one.word is Word.STILL and one.batch < incident.first
    more = " It was judged after a later batch." if late else ""
    return f"{head} {_sentence(value(incident, one.batch))}{more} {_sentence(incident.do)}"


def value(one: Incident, batch: str) -> str:
    """Say what a batch showed, against the bound."""
    seen = one.batches.get(batch)
    if seen is None:
        return f"{one.figure} must not be {one.limit}"
    often = "" if one.window == "1 of 1" else f", in {one.window} batches"
    return f"{one.figure} is {number(seen.value)} in {batch}, and must not be {one.limit}{often}"


def shows(one: Incident) -> str:
    """Say what an incident showed, batch by batch; of many batches, the last ones."""
    listed = [f"{number(one.batches[batch].value)} in {batch}" for batch in one.firing]
    more = f"{len(listed) - MOST} more, " if len(listed) > MOST else ""
    return f"{one.figure} {more}{', '.join(listed[-MOST:])}; it must not be {one.limit}"


def standing(one: Incident) -> str:
    """Say in a few words how an incident stands."""
    if not one.is_open:
        return f"closed: {one.why}"
    return f"open since {one.opened}"


def decided(one: Incident) -> str:
    """Say what a person decided, and why; nothing where nobody has."""
    last = one.decision
    return f"{last.what}: {last.reason} ({last.name}, {last.when})" if last else ""


def ways(one: Incident) -> dict[str, str]:
    """Return the three ways out, as commands; none where the incident is closed."""
    if not one.is_open:
        return {}
    decide = f"headrace alert decide {one.id}"
    return {
        "dismiss": f"headrace alert dismiss {one.id} --reason TEXT",
        "roll back": f"{decide} rollback --reason TEXT && headrace rollback",
        "retrain": f"{decide} retrain --reason TEXT && headrace retrain",
    }


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
