"""Who may approve what: `approvals` of the gates.yaml that a version brings."""

from collections.abc import Iterator, Sequence

from headrace.core.identity import Person
from headrace.core.suggest import nearest
from headrace.errors import ProjectError
from headrace.gates import reader
from headrace.gates.model import ALL_STAGES, NAME, Approvals
from headrace.registry.snapshot import Snapshot


def of(held: Snapshot) -> Approvals:
    """Return the approvals that a commit's gates.yaml asks for.

    Errors:
        ProjectError: it cannot be read.
    """
    return reader.parse(held.gates).approvals if held.gates.strip() else Approvals()


def refuse_unknown(rules: Approvals, stages: Sequence[str]) -> None:
    """Stop where the approvals speak of a stage that there is not: it would guard nothing.

    Errors:
        ProjectError: there is no such stage; the nearest is shown.
    """
    for name in rules.stages:
        if name not in (*stages, *ALL_STAGES):
            near = nearest(name, stages)
            raise ProjectError(
                f"{NAME}: approvals are asked for in {name}, which is no stage.{near}"
                f" Next: write one of {', '.join(stages)}"
            )


def breaches(
    rules: Approvals, stage: str, approver: Person, author: Person | None
) -> Iterator[str]:
    """Say why this person may not approve what an author made; None: nobody's work is approved.

    A signature is another matter.
    """
    if not rules.covers(stage):
        return
    if rules.another_person and author is not None and approver.is_same(author):
        yield f"{approver} is the author of the commit, and {stage} needs another person's approval"
    listed = [Person("", address) for address in rules.approvers or ()]
    if rules.approvers is not None and not any(approver.is_same(one) for one in listed):
        yield f"{approver} is not among the approvers of {stage}: {', '.join(rules.approvers)}"
