"""Checks of a decision: who decided what about which version, and with what right."""

from collections.abc import Iterator

from headrace.core.identity import Person
from headrace.registry import approvals
from headrace.registry.check import STAGED, Case, NotAvailable, check
from headrace.registry.checks import COPIED_EVIDENCE
from headrace.registry.events import evidence_at
from headrace.registry.tags import Kind


@check(*STAGED)
def registration(case: Case) -> Iterator[str]:
    """It is about a registered version, with the evidence of its registration."""
    event = case.state.versions.get(case.state.version(case.event))
    if event is None:
        yield "no registered version is at its commit"
        return
    if case.evidence("registered") != {"tag": event.tag, "object": event.object}:
        yield f"{event.tag} was replaced since"
    for key in COPIED_EVIDENCE:
        if case.evidence(key) != evidence_at(event.evidence, key):
            yield f"its {key} is not that of {event.tag}"


@check(*STAGED)
def champion(case: Case) -> Iterator[str]:
    """The champion before it is the one that its evidence names."""
    before = case.state.champion(case.event.name.stage)
    recorded = case.evidence("champion", "version")
    if recorded != before:
        old, new = before or "nothing", recorded or "nothing"
        yield f"{old} was in the stage, and the evidence says {new}"


@check(Kind.ASSIGN)
def gates(case: Case) -> Iterator[str]:
    """Every gate passed, or was overridden with a reason; no stage was skipped."""
    if case.evidence("action") != "promote":
        return
    results = case.evidence("comparison", "gates")
    if not isinstance(results, list):
        yield "its evidence holds no gates"
        return
    failed = [gate for gate in results if evidence_at(gate, "kept") is not True]
    if failed and not case.evidence("override", "reason"):
        yield f"a gate failed, and was not overridden: {evidence_at(failed[0], 'name')}"
    stages, stage = case.evidence("stages"), case.event.name.stage
    place = stages.index(stage) if isinstance(stages, list) and stage in stages else 0
    if place and case.state.version(case.event) not in case.state.reached[stages[place - 1]]:
        yield f"the version had not been in {stages[place - 1]}"


@check()
def approver(case: Case) -> Iterator[str]:
    """The person who made the tag is the one that the evidence names, and may approve it."""
    person = case.event.by.person
    recorded = Person(str(case.evidence("by", "name")), str(case.evidence("by", "email")))
    if not person.is_same(recorded):
        yield f"{person} made the tag, and its evidence says {recorded}"
    if case.event.name.stage:
        # A rollback approves the version that comes back, not the one that leaves.
        leaves = case.event.name.kind is Kind.UNASSIGN and case.evidence("action") == "rollback"
        author = None if leaves else case.commit.author.person
        yield from approvals.violations(case.approvals, case.event.name.stage, person, author)


@check()
def signature(case: Case) -> Iterator[str]:
    """Its signature is good, or none is required."""
    result, stage = case.shared.signatures.get(case.event.tag), case.event.name.stage
    if result is None and stage and case.approvals.signed and case.approvals.covers(stage):
        yield f"it is not signed, and {stage} requires a signature"
    if result is not None and result.valid is None:
        raise NotAvailable(result.message)
    if result is not None and not result.valid:
        yield result.message


CHECKS = (registration, champion, gates, approver, signature)
