"""Who may approve what: `approvals` of the gates.yaml in a version's commit."""

from collections.abc import Iterator, Sequence
from functools import cache

from headrace.core.identity import Person
from headrace.errors import ProjectError, nearest
from headrace.gates import reader
from headrace.gates.model import ALL_STAGES, NAME, Approvals


@cache  # many versions have one gates.yaml, and YAML is slow to parse
def read_approvals(text: bytes) -> Approvals:
    """Return the approvals that the text of a commit's gates.yaml requires.

    Errors:
        ProjectError: it cannot be read.
    """
    return reader.parse(text).approvals if text.strip() else Approvals()


def refuse_unknown_stages(rules: Approvals, stages: Sequence[str]) -> None:
    """Refuse approvals for a stage that does not exist: they would guard nothing.

    Errors:
        ProjectError: there is no such stage; the nearest is shown.
    """
    for name in rules.stages:
        if name not in (*stages, *ALL_STAGES):
            near = nearest(name, stages)
            raise ProjectError(
                f"{NAME}: approvals are required for {name}, which is not a stage.{near}"
                f" Next: write one of {', '.join(stages)}"
            )


def violations(
    rules: Approvals, stage: str, approver: Person, author: Person | None
) -> Iterator[str]:
    """Yield why this person may not approve an author's work; None: no work is approved.

    Signatures are checked elsewhere.
    """
    if not rules.covers(stage):
        return
    if rules.another_person and author is not None and approver.is_same(author):
        yield f"{approver} is the author of the commit, and {stage} needs another person's approval"
    addresses = rules.approvers or ()
    if rules.approvers is not None and not any(
        approver.is_same(Person("", address)) for address in addresses
    ):
        yield f"{approver} is not among the approvers of {stage}: {', '.join(addresses)}"
