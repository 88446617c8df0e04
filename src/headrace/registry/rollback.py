"""`headrace rollback` and `headrace demote`: a version leaves a stage; no data are moved."""

from headrace.core import git
from headrace.core.git import Objects
from headrace.core.project import Project
from headrace.errors import HeadraceError
from headrace.registry.stage_change import Registry, confirm

DVC_NOTE = (
    "`dvc artifacts get --stage` ignores that a version left a stage, and still gets it, until"
    " another version is assigned to the stage."
)


def rollback(
    project: Project, *, stage: str | None, artifact: str | None, yes: bool, reason: str | None
) -> None:
    """Assign the version that was in a stage before to it again.

    The champion is unassigned, or gto would return to it once the other leaves. The version before
    is assigned again, since DVC reads only the last tag.

    Errors:
        HeadraceError: the stage is empty or had no version before, or the person may not approve.
    """
    with Objects(project.root) as objects:
        registry = Registry.open(project, objects, artifact)
        stage = registry.stage(stage)
        champion, versions = registry.champion(stage), registry.log.state.versions
        before = registry.log.state.before(stage)
        if before is None:
            raise HeadraceError(
                f"{stage} had no version before {champion} to go back to."
                f" Next: headrace promote VERSION --to {stage}, or headrace demote {stage}"
            )
        signed = registry.require_approval(registry.checked_snapshot(versions[before]), stage)
        # A version with invalid evidence must be able to leave: its registration is not checked.
        current = registry.snapshot(versions[champion])
        signed |= registry.require_approval(current, stage, leaves=True)
        subject = f"Roll back {registry.artifact.name} in {stage} from {champion} to {before}"
        reason = confirm(f"{subject}?", yes=yes, reason=reason)
        decision = {"action": "rollback", "reason": reason, "from": champion, "to": before}
        tag = registry.write(
            versions[champion], stage, subject, decision, signed=signed, leaves=True
        )
        try:
            registry.reload().write(versions[before], stage, subject, decision, signed=signed)
        # Both tags or none: with the first alone the stage would be empty.
        except HeadraceError:
            git.run(project.root, "tag", "--delete", tag)
            raise
    print(f"{stage} is back at {before}; {champion} was rolled back. No data were moved.")


def demote(
    project: Project, *, stage: str, artifact: str | None, yes: bool, reason: str | None
) -> None:
    """Unassign the current version of a stage.

    Errors:
        HeadraceError: the stage is empty, or the person may not approve.
    """
    with Objects(project.root) as objects:
        registry = Registry.open(project, objects, artifact)
        stage = registry.stage(stage)
        champion, before = registry.champion(stage), registry.log.state.before(stage)
        if before:
            step = f"headrace rollback --stage {stage}, which restores {before}"
            print(f"Note: {DVC_NOTE} Next: {step}\n")
        event = registry.log.state.versions[champion]
        signed = registry.require_approval(registry.snapshot(event), stage)
        subject = f"Demote {registry.artifact.name} {champion} from {stage}"
        reason = confirm(f"{subject}?", yes=yes, reason=reason)
        decision = {"action": "demote", "reason": reason}
        registry.write(event, stage, subject, decision, signed=signed, leaves=True)
        # gto goes back to a version that was assigned before and never left.
        now = registry.reload().log.state.champion(stage)
    print(f"{champion} left {stage}; {f'{now} is there now' if now else 'the stage is empty'}.")
    if not before:
        print(DVC_NOTE)
