"""Incidents in words: the same in a terminal, a message and an issue."""

from headrace.incidents.incident import Incident, Transition, TransitionKind
from headrace.report.text import number

MAX_BATCHES = 6
"""Batches that a sentence names before it counts the others."""


def transition_line(transition: Transition) -> str:
    """Return one line on a transition: level, rule, what happened, evidence, what to do."""
    incident, kind, batch = transition.incident, transition.kind, transition.batch
    head = f"{incident.level}: {incident.rule}: {kind} ({batch})."
    if kind is TransitionKind.CLOSED:
        return f"{head} {_sentence(incident.close_reason)}"
    if kind is TransitionKind.BATCH_DELETED:
        return f"{head} The figures no longer hold this batch; its value is kept."
    # Batches are named so that their names' order is their order in time.
    is_old = kind is TransitionKind.STILL_OPEN and batch < incident.first_batch
    note = " It was evaluated after a later batch." if is_old else ""
    return f"{head} {_sentence(batch_value(incident, batch))}{note} {_sentence(incident.do)}"


def batch_value(incident: Incident, batch: str) -> str:
    """Return the figure in a batch, and its bound."""
    result = incident.batches.get(batch)
    if result is None:
        return f"{incident.figure} must not be {incident.limit}"
    window = incident.window.replace(" of ", " of the last ")
    batches = "" if incident.window == "1 of 1" else f" in {window} batches"
    value = f"{incident.figure} is {number(result.value)} in {batch}"
    return f"{value}, and must not be {incident.limit}{batches}"


def evidence(incident: Incident) -> str:
    """Return the figure batch by batch, and its bound; of many batches, the last ones."""
    values = [f"{number(incident.batches[batch].value)} in {batch}" for batch in incident.firing]
    older = len(values) - MAX_BATCHES
    start = f"{older} more, " if older > 0 else ""
    values = values[-MAX_BATCHES:]
    return f"{incident.figure} {start}{', '.join(values)}; it must not be {incident.limit}"


def state(incident: Incident) -> str:
    """Return since when it is open, or why it is closed."""
    return (
        f"open since {incident.opened}" if incident.is_open else f"closed: {incident.close_reason}"
    )


def decision(incident: Incident) -> str:
    """Return what a person decided, and why; empty where nobody has."""
    last = incident.decision
    if last is None:
        return ""
    return f"{last.choice}: {last.reason} ({last.name}, {last.when})"


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
