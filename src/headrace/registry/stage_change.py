"""What promote, rollback and demote share: names resolved, approval, consent, evidence and tag."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from headrace.core import artifact, identity
from headrace.core.artifact import Artifact
from headrace.core.dvc_cache import Store
from headrace.core.git import Objects
from headrace.core.identity import Person
from headrace.core.project import Project
from headrace.errors import HeadraceError, ProjectError, nearest
from headrace.registry import approvals, checks, event_log, resolve, tags
from headrace.registry.check import Case, Outcome, Shared, run_checks
from headrace.registry.event_log import EventLog
from headrace.registry.events import Event, evidence_at
from headrace.registry.snapshot import Snapshot, SnapshotReader


@dataclass(frozen=True)
class Registry:
    """One artifact's registry in a study: its stages, its events, and the person who acts."""

    project: Project
    objects: Objects
    artifact: Artifact
    stages: Sequence[str]
    log: EventLog
    by: Person

    @classmethod
    def open(cls, project: Project, objects: Objects, name: str | None) -> "Registry":
        """Return the registry of the artifact of this name, or of the only one.

        Errors:
            ProjectError: there is no such artifact, or git does not know who acts.
        """
        selected = artifact.select(project, name)
        log = event_log.load(project.root, objects, selected.name)
        by = identity.committer(project.root).person
        return cls(project, objects, selected, artifact.stages(project), log, by)

    def reload(self) -> "Registry":
        """Return the registry with the tags as they are now."""
        log = event_log.load(self.project.root, self.objects, self.artifact.name)
        return replace(self, log=log)

    def stage(self, name: str | None) -> str:
        """Return a stage; the last one if no name is given.

        Errors:
            ProjectError: there is no such stage; the nearest is shown.
        """
        name = self.stages[-1] if name is None else name
        if name not in self.stages:
            near = nearest(name, self.stages)
            step = f"use one of {', '.join(self.stages)}"
            raise ProjectError(f"There is no stage {name}.{near} Next: {step}")
        return name

    def version(self, text: str) -> Event:
        """Return the registration of a version, named as 1.2.0, v1.2.0 or model@v1.2.0.

        Errors:
            ProjectError: there is no such version; the nearest is shown.
        """
        name = text.rpartition("@")[2]
        version = tags.version(name)
        return resolve.registration(
            self.log.state, str(version) if version else name, self.artifact.name
        )

    def champion(self, stage: str) -> str:
        """Return the version in a stage.

        Errors:
            HeadraceError: there is none, or it is not registered.
        """
        champion = self.log.state.champion(stage)
        if champion is None:
            raise HeadraceError(
                f"No version of {self.artifact.name} is in {stage}."
                f" Next: headrace promote VERSION --to {stage}"
            )
        if champion not in self.log.state.versions:
            step = f"git tag --list '{self.artifact.name}*' shows the tags"
            raise HeadraceError(f"The version in {stage} is not registered. Next: {step}")
        return champion

    def snapshot(self, event: Event) -> Snapshot:
        """Return what a version's commit holds, without any check.

        Errors:
            ProjectError: git does not have the commit.
        """
        commits = SnapshotReader(self.objects, self.artifact.prefix).read([event.commit])
        if event.commit not in commits:
            raise ProjectError(f"git has no commit {event.commit[:10]}. Next: git fetch --tags")
        return commits[event.commit]

    def checked_snapshot(self, event: Event, *, store: Store | None = None) -> Snapshot:
        """Return what a version's commit holds, after the checks of its registration.

        With a store the bundle's bytes are checked as well.

        Errors:
            HeadraceError: a check failed.
        """
        snapshot = self.snapshot(event)
        case = Case(event, snapshot, self.log.state, Shared({}, store))
        bytes_too = (checks.bytes_kept,) if store else ()
        for result in run_checks((*checks.REGISTRATION_CHECKS, *bytes_too), case):
            if result.outcome is Outcome.FAILED:
                raise HeadraceError(
                    f"The evidence of {event.tag} is not valid: {result.message}."
                    " Next: headrace audit"
                )
        return snapshot

    def require_approval(self, snapshot: Snapshot, stage: str, *, leaves: bool = False) -> bool:
        """Refuse a person who may not approve; return whether the tag must be signed.

        A version that leaves for another needs no approval, so its author may remove it.

        Errors:
            HeadraceError: the approvals of gates.yaml require another person.
        """
        rules = approvals.read_approvals(snapshot.gates)
        approvals.refuse_unknown_stages(rules, self.stages)
        author = None if leaves else snapshot.author.person
        for violation in approvals.violations(rules, stage, self.by, author):
            raise HeadraceError(f"{violation}. Next: ask a person who may approve; see gates.yaml")
        return rules.signed and rules.covers(stage)

    def write(
        self,
        event: Event,
        stage: str,
        subject: str,
        decision: Mapping[str, Any],
        *,
        signed: bool,
        leaves: bool = False,
    ) -> str:
        """Write and print the tag of a decision about a version; return the tag's name.

        Its evidence copies the registration, names stage, champion and person, adds `decision`.

        Errors:
            HeadraceError: a new event was added meanwhile, or git cannot write or sign the tag.
        """
        registered = event.evidence or {}
        content = {
            "version": event.name.version,
            "commit": event.commit,
            "registered": {"tag": event.tag, "object": event.object},
            **{key: registered.get(key) for key in checks.COPIED_EVIDENCE},
            "artifact": self.artifact.name,
            "stage": stage,
            "champion": self._champion_evidence(stage),
            "by": self.by.as_json(),
            **decision,
        }
        name = self.log.next_name(stage, leaves=leaves)
        print(event_log.append(self.log, name, event.commit, subject, content, signed=signed))
        return str(name)

    def _champion_evidence(self, stage: str) -> dict[str, Any] | None:
        event, version = self.log.state.holder(stage), self.log.state.champion(stage)
        if event is None or version is None:
            return None
        md5 = evidence_at(event.evidence, "bundle", "md5")
        return {"version": version, "commit": event.commit, "tag": event.tag, "md5": md5}


def confirm(question: str, *, yes: bool, reason: str | None) -> str:
    """Return the reason for which a person agrees, from a prompt or the command line.

    Errors:
        HeadraceError: the person says no, gives no reason, or there is no terminal to ask at.
    """
    # A script must not approve by accident: without a terminal both have to be on its command line.
    if not sys.stdin.isatty() and not (yes and reason):
        raise HeadraceError("There is no terminal to ask at. Next: --yes --reason TEXT")
    if not yes and _input(f"{question} [y/N] ").lower() not in ("y", "yes"):
        raise HeadraceError("Nothing was changed. Next: answer y to continue")
    answer = reason if reason is not None else _input("Reason: ")
    if not answer.strip():
        raise HeadraceError("Nothing was changed: a reason is required. Next: --reason TEXT")
    return answer.strip()


def _input(prompt: str) -> str:
    try:
        return input(prompt).strip()
    except EOFError:
        print()
        return ""
