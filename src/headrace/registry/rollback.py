"""`headrace rollback` and `headrace demote`: a version leaves a stage; no data are moved."""

import argparse
from collections.abc import Mapping
from dataclasses import replace

from headrace.core import git
from headrace.core.git import Objects
from headrace.core.project import Project
from headrace.errors import HeadraceError
from headrace.registry import confirm, event_log, register, stages
from headrace.registry.stages import Desk

LASTS = (
    "`dvc artifacts get --stage` overlooks that a version left a stage, and still gets it; only"
    " another version in the stage ends that."
)


def rollback(project: Project, args: argparse.Namespace) -> None:
    """Put the version that was in a stage before the one that is there in it again.

    The one that is there leaves the stage, or gto would have it again once the other leaves; the
    one before is assigned anew, or DVC, which looks at the last tag alone, would not see it.

    Errors:
        HeadraceError: the stage is empty or had no version before, or who decides may not.
    """
    with Objects(project.root) as objects:
        at = stages.desk(project, objects, args.artifact)
        stage = stages.stage(at, args.stage)
        champion = _champion(at, stage)
        before = at.book.state.before(stage)
        if before is None:
            raise HeadraceError(
                f"{stage} had no version before {champion} to go back to."
                f" Next: headrace promote VERSION --to {stage}, or headrace demote {stage}"
            )
        versions = at.book.state.versions
        # What leaves is looked at for its approvals alone: a broken version must be able to go.
        must_sign = stages.approved(at, stages.vouched(at, versions[before]), stage)
        left = stages.snapshot(at, versions[champion])
        must_sign |= stages.approved(at, left, stage, leaves=True)
        sign = event_log.signs(project.root, demanded=must_sign)
        subject = f"Roll back {at.artifact.name} in {stage} from {champion} to {before}"
        reason = confirm.consent(f"{subject}?", yes=args.yes, reason=args.reason)
        told = {"action": "rollback", "reason": reason, "from": champion, "to": before}
        leaves = _write(at, champion, stage, subject, told, sign=sign, gone=True)
        try:
            _write(_again(at), before, stage, subject, told, sign=sign)
        except HeadraceError:
            git.run(project.root, "tag", "--delete", leaves)
            raise
    print(f"{stage} is back at {before}; {champion} is rolled back. No data were moved.")


def demote(project: Project, args: argparse.Namespace) -> None:
    """Take the version that is in a stage out of it.

    Errors:
        HeadraceError: the stage is empty, or who decides may not.
    """
    with Objects(project.root) as objects:
        at = stages.desk(project, objects, args.artifact)
        stage = stages.stage(at, args.stage)
        champion, before = _champion(at, stage), at.book.state.before(stage)
        if before:
            print(f"Take care: {LASTS} Next: headrace rollback --stage {stage}, for {before}\n")
        left = stages.snapshot(at, at.book.state.versions[champion])
        sign = event_log.signs(project.root, demanded=stages.approved(at, left, stage))
        subject = f"Demote {at.artifact.name} {champion} from {stage}"
        reason = confirm.consent(f"{subject}?", yes=args.yes, reason=args.reason)
        told = {"action": "demote", "reason": reason}
        _write(at, champion, stage, subject, told, sign=sign, gone=True)
        now = _again(at).book.state.champion(stage)
    print(f"{champion} is out of {stage}; {f'{now} is there now' if now else 'nothing is there'}.")
    if not before:
        print(LASTS)


def _champion(at: Desk, stage: str) -> str:
    champion = at.book.state.champion(stage)
    if champion is None:
        raise HeadraceError(
            f"No version of {at.artifact.name} is in {stage}."
            f" Next: headrace promote VERSION --to {stage}"
        )
    if champion not in at.book.state.versions:
        step = f"git tag --list '{at.artifact.name}*' shows the tags"
        raise HeadraceError(f"What is in {stage} is no registered version. Next: {step}")
    return champion


def _again(at: Desk) -> Desk:
    """Return the desk with the tags as they are now."""
    return replace(at, book=event_log.load(at.project.root, at.objects, at.artifact.name))


def _write(
    at: Desk,
    version: str,
    stage: str,
    subject: str,
    told: Mapping[str, str],
    *,
    sign: bool,
    gone: bool = False,
) -> str:
    """Write one tag, on the evidence of the version that it is about; return its name."""
    event = at.book.state.versions[version]
    content = {
        **stages.repeated(event),
        **stages.decided(at, stage),
        **told,
    }
    name = event_log.in_stage(at.book, stage, gone=gone)
    event_log.add(at.book, name, event.commit, subject, content, sign=sign)
    print(*register.told(str(name), sign=sign), sep="\n")
    return str(name)
