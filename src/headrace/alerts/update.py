"""Incidents brought up to date with new figures, and written before anyone is notified."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from headrace.errors import DataError
from headrace.gates.live import BATCH_NAME, Figures, Level, Rule, evaluate
from headrace.incidents import store
from headrace.incidents.incident import (
    BELONGS_TO_EARLIER,
    QUIET_AFTER_UPDATE,
    FiringRun,
    Incident,
    RuleResult,
    Transition,
    TransitionKind,
    firing_runs,
    rule_digest,
    rule_slug,
)

FIRST_REPORTS = (TransitionKind.OPENED, TransitionKind.RAISED, TransitionKind.REOPENED)
"""Transitions that report a batch, which is then not reported as still open."""


def update(root: Path, figures: Figures, rules: Sequence[Rule]) -> list[Transition]:
    """Bring alerts/ up to date, and return the transitions of which a receiver was not notified.

    Incidents are remembered: for a batch that was deleted, or whose figure is unknown now, the last
    value counts. A batch that is evaluated again counts with its new value.

    Errors:
        DataError: a batch's name is not valid, or a file of alerts/ cannot be read; nothing is
            written.
    """
    # All is checked before anything is written.
    _refuse_invalid(figures)
    incidents = store.read(root)
    for rule in rules:
        of_rule = [incident for incident in incidents.values() if incident.rule == rule.name]
        for incident in _evaluate(rule, of_rule, figures, incidents):
            incidents[incident.id] = incident
    _close_without_rule(incidents.values(), rules)
    for incident in incidents.values():
        _record_deleted_batches(incident, figures)
        store.write(root, incident)
    return [transition for incident in incidents.values() for transition in _pending(incident)]


def _refuse_invalid(figures: Figures) -> None:
    for batch, values in figures.items():
        if not isinstance(values, Mapping):
            raise DataError(
                f"metrics/monitor.json: {batch} holds no figures by name. Next: dvc repro monitor"
            )
        if not BATCH_NAME.fullmatch(batch):
            raise DataError(
                f"metrics/monitor.json: {batch!r} is not a batch name."
                " Next: use letters, digits, dot, dash and _, such as 2013-10"
            )


def _evaluate(
    rule: Rule, earlier: Sequence[Incident], figures: Figures, incidents: Mapping[str, Incident]
) -> Iterator[Incident]:
    """Yield a rule's incidents as they are now, new ones among them.

    `earlier` are those of the rule, and `incidents` those of all rules, by their ids.
    """
    # Withdrawn ones come first, so that the values of those that count replace theirs.
    withdrawn_first = sorted(earlier, key=lambda each: (not each.is_withdrawn, each.opened))
    results: dict[str, RuleResult] = {}
    for incident in withdrawn_first:
        results |= incident.batches
    for verdict in evaluate([rule], figures):
        if verdict.value is not None:
            results[verdict.batch] = RuleResult(verdict.state, verdict.value)
    oldest_first = sorted(withdrawn_first, key=lambda incident: incident.opened)
    runs = [*firing_runs(results)]
    owners = _owners(runs, oldest_first)
    for run, owner in zip(runs, owners, strict=True):
        incident = owner or _new(rule, run, incidents)
        _refresh(incident, rule, run)
        yield incident
    for incident in oldest_first:
        if incident not in owners:
            _withdraw(incident, results)


def _owners(runs: Sequence[FiringRun], incidents: Sequence[Incident]) -> list[Incident | None]:
    """Return each run's incident: one that began with it, else one that shares a batch with it."""
    remaining, owners = [*incidents], dict[int, Incident]()
    # A run may share batches with several incidents; the one that began with it comes first.
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
    return {incident.first_batch} if by_first else {incident.opened, *incident.firing}


def _new(rule: Rule, run: FiringRun, incidents: Mapping[str, Incident]) -> Incident:
    # The id never changes, so it holds what was first known: rule and batch.
    slug, first = rule_slug(rule.name), run.firing[0]
    name = f"{slug}-{first}"
    if name in incidents:  # of another rule, whose name ends where a batch's begins
        name = f"{slug}-{rule_digest(rule.name)}-{first}"
    incident = Incident(name, "", "", "", "", rule.level, "")
    incident.record(TransitionKind.OPENED, first)
    return incident


def _refresh(incident: Incident, rule: Rule, run: FiringRun) -> None:
    """Take over the rule and the run, and note the transitions."""
    raised = incident.level is Level.NOTICE and rule.level is Level.ACT
    was_closed = not incident.is_open
    incident.set_rule(rule)
    incident.batches, incident.opened = run.batches, run.firing[0]
    incident.closed = run.closed or ""
    incident.close_reason = f"quiet again in {run.closed}" if run.closed else ""
    if was_closed and incident.is_open:
        incident.record(TransitionKind.REOPENED, run.firing[-1])
    elif raised and incident.is_open:
        incident.record(TransitionKind.RAISED, run.firing[-1])
    for batch in run.firing:
        if not any(incident.has_transition(kind, batch) for kind in FIRST_REPORTS):
            incident.record(TransitionKind.STILL_OPEN, batch)
    if run.closed:
        incident.record(TransitionKind.CLOSED, run.closed)


def _withdraw(incident: Incident, results: Mapping[str, RuleResult]) -> None:
    """Close an incident whose batches no longer fire, or belong to another one."""
    if incident.is_withdrawn:
        return
    incident.batches = {batch: results[batch] for batch in incident.firing}
    incident.close_reason = BELONGS_TO_EARLIER if incident.firing else QUIET_AFTER_UPDATE
    incident.closed = incident.opened
    incident.record(TransitionKind.CLOSED, incident.opened)


def _close_without_rule(incidents: Iterable[Incident], rules: Sequence[Rule]) -> None:
    names = {rule.name for rule in rules}
    for incident in incidents:
        if incident.is_open and incident.rule not in names:
            incident.closed = (incident.firing or [incident.opened])[-1]
            incident.close_reason = "its rule is not in gates.yaml any more"
            incident.record(TransitionKind.CLOSED, incident.closed)


def _record_deleted_batches(incident: Incident, figures: Figures) -> None:
    for batch in incident.firing if incident.is_open else ():
        if batch not in figures:
            incident.record(TransitionKind.BATCH_DELETED, batch)


def _pending(incident: Incident) -> Iterator[Transition]:
    """Yield the transitions of which a receiver was not notified yet, in order."""
    for key, receivers in incident.notified.items():
        kind = next((kind for kind in TransitionKind if key.startswith(f"{kind} ")), None)
        if kind is not None and not (receivers and all(receivers.values())):
            yield Transition(incident, kind, key.removeprefix(f"{kind} "))
