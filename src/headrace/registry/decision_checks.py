"""The links of a decision: who decided what about which version, and whether they might."""

from collections.abc import Iterator

from headrace.core.identity import Person
from headrace.registry import approvals
from headrace.registry.check_result import STAGED, Case, NotAtHand, link
from headrace.registry.checks import COPIED
from headrace.registry.evidence import lookup
from headrace.registry.tags import Kind


@link(*STAGED)
def registration(case: Case) -> Iterator[str]:
    """It is about a registered version, on the evidence of its registration."""
    found = case.registration
    if found is None:
        yield "no registered version is at its commit"
        return
    if case.said("registered") != {"tag": found.tag, "object": found.object}:
        yield f"{found.tag} was made anew since"
    for key in COPIED:
        if case.said(key) != lookup(found.evidence, key):
            yield f"its evidence has another {key} than {found.tag}"


@link(*STAGED)
def champion(case: Case) -> Iterator[str]:
    """The champion before it is the one that it names."""
    before = case.state.champion(case.event.name.stage)
    said = case.said("champion", "version")
    if said != before:
        yield f"{before or 'nothing'} was in the stage, and the evidence says {said or 'nothing'}"


@link(Kind.ASSIGN)
def gates(case: Case) -> Iterator[str]:
    """Every gate was kept, or overridden for a reason that is told; no stage was left out."""
    if case.said("action") != "promote":
        return
    listed = case.said("comparison", "gates")
    if not isinstance(listed, list):
        yield "its evidence holds no gates"
        return
    broken = [one for one in listed if lookup(one, "kept") is not True]
    if broken and not case.said("override", "reason"):
        yield f"a gate was broken, and not overridden: {lookup(broken[0], 'name')}"
    stages, stage = case.said("stages"), case.event.name.stage
    at = stages.index(stage) if isinstance(stages, list) and stage in stages else 0
    if at and case.state.version(case.event) not in case.state.reached[stages[at - 1]]:
        yield f"the version had not been in {stages[at - 1]}"


@link()
def approver(case: Case) -> Iterator[str]:
    """Who made the tag is who the evidence says, and may approve it."""
    person = case.event.by.person
    said = Person(str(case.said("by", "name")), str(case.said("by", "email")))
    if not person.is_same(said):
        yield f"{person} made the tag, and its evidence says {said}"
    if case.event.name.stage:
        # Who rolls back approves the version that comes back, and not the one that leaves.
        leaves = case.event.name.kind is Kind.UNASSIGN and case.said("action") == "rollback"
        author = None if leaves else case.commit.author.person
        yield from approvals.breaches(case.rules, case.event.name.stage, person, author)


@link()
def signature(case: Case) -> Iterator[str]:
    """Its signature is good, or nobody asked for one."""
    found, stage = case.shared.signatures.get(case.event.tag), case.event.name.stage
    if found is None and stage and case.rules.signed and case.rules.covers(stage):
        yield f"it is not signed, and {stage} asks for a signature"
    if found is not None and found.good is None:
        raise NotAtHand(found.says)
    if found is not None and not found.good:
        yield found.says
