"""Incidents in words: the same in a terminal, a message and an issue."""

from headrace.incidents.incident import Incident, Transition, Word
from headrace.report.text import number

MOST = 6
"""Batches that a sentence names before it counts the others."""


def transition_line(transition: Transition) -> str:
    """Return one line on a transition: level, rule, what happened, evidence, what to do."""
    incident, word, batch = transition.incident, transition.word, transition.batch
    head = f"{incident.level}: {incident.rule}: {word} ({batch})."
    if word is Word.CLOSED:
        return f"{head} {_sentence(incident.why)}"
    if word is Word.KEPT:
        return f"{head} The figures no longer hold this batch; its value is kept."
    late = word is Word.STILL and batch < incident.first
    note = " It was evaluated after a later batch." if late else ""
    return f"{head} {_sentence(batch_value(incident, batch))}{note} {_sentence(incident.do)}"


def batch_value(incident: Incident, batch: str) -> str:
    """Return the figure in a batch, and its bound."""
    seen = incident.batches.get(batch)
    if seen is None:
        return f"{incident.figure} must not be {incident.limit}"
    window = "" if incident.window == "1 of 1" else f", in {incident.window} batches"
    value = f"{incident.figure} is {number(seen.value)} in {batch}"
    return f"{value}, and must not be {incident.limit}{window}"


def evidence(incident: Incident) -> str:
    """Return the figure batch by batch, and its bound; of many batches, the last ones."""
    values = [f"{number(incident.batches[batch].value)} in {batch}" for batch in incident.firing]
    more = f"{len(values) - MOST} more, " if len(values) > MOST else ""
    return f"{incident.figure} {more}{', '.join(values[-MOST:])}; it must not be {incident.limit}"


def state(incident: Incident) -> str:
    """Return since when it is open, or why it is closed."""
    return f"open since {incident.opened}" if incident.is_open else f"closed: {incident.why}"


def decision(incident: Incident) -> str:
    """Return what a person decided, and why; empty where nobody has."""
    last = incident.decision
    return f"{last.what}: {last.reason} ({last.name}, {last.when})" if last else ""


def next_commands(incident: Incident) -> dict[str, str]:
    """Return the commands for the three choices; none where the incident is closed."""
    if not incident.is_open:
        return {}
    decide = f"headrace alert decide {incident.id}"
    return {
        "dismiss": f"headrace alert dismiss {incident.id} --reason TEXT",
        "roll back": f"{decide} rollback --reason TEXT && headrace rollback",
        "retrain": f"{decide} retrain --reason TEXT && headrace retrain",
    }


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
