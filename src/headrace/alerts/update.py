"""Incidents brought up to date with new figures, and written before anyone is notified."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from headrace.errors import DataError
from headrace.gates.live import Figures, Level, Rule, evaluate
from headrace.incidents import store
from headrace.incidents.incident import (
    BELONGS,
    JUDGED_AGAIN,
    Incident,
    Run,
    Seen,
    Transition,
    Word,
    firing_runs,
    rule_digest,
    rule_slug,
)

BATCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)


def update(root: Path, figures: Figures, rules: Sequence[Rule]) -> list[Transition]:
    """Bring alerts/ up to date, and return the transitions of which somebody has not heard.

    Incidents are remembered: for a batch that was deleted, or whose figure is unknown now, the last
    value counts. A batch that is evaluated again counts with its new value.

    Errors:
        DataError: a batch's name is not valid, or a file of alerts/ cannot be read; nothing is
            written.
    """
    _refuse_invalid(figures)
    known = store.read(root)
    for rule in rules:
        before = [incident for incident in known.values() if incident.rule == rule.name]
        for incident in _evaluate(rule, before, figures, known):
            known[incident.id] = incident
    _close_without_rule(known, rules)
    for incident in known.values():
        _note_deleted_batches(incident, figures)
        store.write(root, incident)
    return [transition for incident in known.values() for transition in _unheard(incident)]


def _refuse_invalid(figures: Figures) -> None:
    for batch, values in figures.items():
        if not isinstance(values, Mapping):
            raise DataError(
                f"metrics/monitor.json: {batch} holds no figures by name. Next: dvc repro monitor"
            )
        if not BATCH.fullmatch(batch):
            raise DataError(
                f"metrics/monitor.json: {batch!r} is not a batch name."
                " Next: use letters, digits, dot, dash and _, such as 2013-10"
            )


def _evaluate(
    rule: Rule, before: Sequence[Incident], figures: Figures, known: Mapping[str, Incident]
) -> Iterator[Incident]:
    """Yield a rule's incidents as they are now, new ones among them."""
    withdrawn_first = sorted(before, key=lambda each: (not each.is_withdrawn, each.opened))
    seen = {batch: one for old in withdrawn_first for batch, one in old.batches.items()}
    for verdict in evaluate([rule], figures):
        if verdict.value is not None:
            seen[verdict.batch] = Seen(verdict.state, verdict.value)
    incidents = sorted(withdrawn_first, key=lambda incident: incident.opened)
    runs = [*firing_runs(seen)]
    owners = _owners(runs, incidents)
    for run, owner in zip(runs, owners, strict=True):
        incident = owner or _new(rule, run, known)
        _refresh(incident, rule, run)
        yield incident
    for incident in incidents:
        if incident not in owners:
            _withdraw(incident, seen)


def _owners(runs: Sequence[Run], incidents: Sequence[Incident]) -> list[Incident | None]:
    """Return each run's incident: one that began with it, else one that shares a batch with it."""
    remaining, owners = [*incidents], dict[int, Incident]()
    for by_first in (True, False):
        for at, run in enumerate(runs):
            matches = (
                incident
                for incident in remaining
                if {*run.firing} & _batches(incident, by_first=by_first)
            )
            if at not in owners and (match := next(matches, None)):
                owners[at] = match
                remaining.remove(match)
    return [owners.get(at) for at in range(len(runs))]


def _batches(incident: Incident, *, by_first: bool) -> set[str]:
    return {incident.first} if by_first else {incident.opened, *incident.firing}


def _new(rule: Rule, run: Run, known: Mapping[str, Incident]) -> Incident:
    slug, first = rule_slug(rule.name), run.firing[0]
    name = f"{slug}-{first}"
    if name in known:  # of another rule, whose name ends where a batch's begins
        name = f"{slug}-{rule_digest(rule.name)}-{first}"
    incident = Incident(name, "", "", "", "", rule.level, "")
    incident.note(Word.OPENED, first)
    return incident


def _refresh(incident: Incident, rule: Rule, run: Run) -> None:
    """Take over the rule and the run, and note the transitions."""
    raised = incident.level is Level.NOTICE and rule.level is Level.ACT
    was_closed = not incident.is_open
    incident.set_rule(rule)
    incident.batches, incident.opened = run.batches, run.firing[0]
    incident.closed = run.closed or ""
    incident.why = f"quiet again in {run.closed}" if run.closed else ""
    if was_closed and incident.is_open:
        incident.note(Word.REOPENED, run.firing[-1])
    elif raised and incident.is_open:
        incident.note(Word.RAISED, run.firing[-1])
    for batch in run.firing:
        if not any(incident.has(word, batch) for word in (Word.OPENED, Word.RAISED, Word.REOPENED)):
            incident.note(Word.STILL, batch)
    if run.closed:
        incident.note(Word.CLOSED, run.closed)


def _withdraw(incident: Incident, seen: Mapping[str, Seen]) -> None:
    """Close an incident whose batches no longer fire, or belong to another one."""
    if incident.is_withdrawn:
        return
    incident.batches = {batch: seen[batch] for batch in incident.firing}
    incident.why = BELONGS if incident.firing else JUDGED_AGAIN
    incident.closed = incident.opened
    incident.note(Word.CLOSED, incident.opened)


def _close_without_rule(known: Mapping[str, Incident], rules: Sequence[Rule]) -> None:
    names = {rule.name for rule in rules}
    for incident in known.values():
        if incident.is_open and incident.rule not in names:
            incident.closed = (incident.firing or [incident.opened])[-1]
            incident.why = "its rule is not in gates.yaml any more"
            incident.note(Word.CLOSED, incident.closed)


def _note_deleted_batches(incident: Incident, figures: Figures) -> None:
    for batch in incident.firing if incident.is_open else ():
        if batch not in figures:
            incident.note(Word.KEPT, batch)


def _unheard(incident: Incident) -> Iterator[Transition]:
    """Yield the transitions of which a receiver has not heard yet, in order."""
    for key, heard in incident.told.items():
        word = next((word for word in Word if key.startswith(f"{word} ")), None)
        if word is not None and not (heard and all(heard.values())):
            yield Transition(incident, word, key.removeprefix(f"{word} "))
