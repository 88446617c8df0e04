"""One artifact's events, and the next one: every tag holds the hash of the one before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from headrace.core import git, identity
from headrace.core.git import Objects
from headrace.errors import HeadraceError, ProjectError
from headrace.registry import stage_state
from headrace.registry.events import Event, by_artifact, format_message, read_events
from headrace.registry.stage_state import StageState
from headrace.registry.tags import Kind, Name


@dataclass(frozen=True)
class EventLog:
    """The events of one artifact, lightweight tags among them, and the state after them."""

    root: Path
    artifact: str
    events: Sequence[Event]
    state: StageState

    @property
    def previous(self) -> dict[str, str] | None:
        """The newest event's tag and its hash."""
        newest = self.state.newest
        return {"tag": newest.tag, "object": newest.object} if newest else None

    def next_name(self, stage: str, *, leaves: bool = False) -> Name:
        """Return the tag name of the next event in a stage; gto numbers all stages together."""
        kind = Kind.UNASSIGN if leaves else Kind.ASSIGN
        counter = max((event.name.counter or 0 for event in self.events), default=0) + 1
        return Name(self.artifact, kind, stage=stage, counter=counter)


def load(root: Path, objects: Objects, artifact: str) -> EventLog:
    """Return the event log of an artifact; empty where it has no event yet."""
    events = by_artifact(read_events(root, objects)).get(artifact, [])
    return EventLog(root, artifact, events, stage_state.replay(events))


def append(
    log: EventLog,
    name: Name,
    commit: str,
    subject: str,
    content: Mapping[str, Any],
    *,
    signed: bool = False,
) -> str:
    """Write the next event as an annotated tag, and return a line about it.

    git makes the tag, since gto cannot sign; `signed` demands a signature, as git's own
    configuration may.

    Its time is at least a second after the event before: within a second, gto and DVC order events
    differently.

    Errors:
        ProjectError: a new event was added meanwhile, git cannot write the tag, or its signature
            cannot be verified; then there is no tag.
    """
    sign = signed or _signs_tags(log.root)
    message = format_message(subject, {**content, "previous": log.previous})
    with _lock(log.root):  # two processes would follow the same event
        _refuse_stale(log)
        now, newest = identity.committer(log.root), log.state.newest
        time = max(now.time, newest.by.time + 1 if newest else 0)
        # verbatim: git would drop lines that begin with #, and the evidence has to stay valid JSON.
        options = ["tag", "--sign" if sign else "--annotate", "--cleanup=verbatim", "--file=-"]
        date = {"GIT_COMMITTER_DATE": f"{time} {now.zone}"}
        try:
            git.run(log.root, *options, str(name), commit, env=date, input=message)
        except ProjectError as error:
            key = "git config user.signingKey KEY, and gpg.format ssh for an ssh key"
            step = key if sign else "git fetch --tags, and run this again"
            raise ProjectError(f"Cannot write {name}. {error}. Next: {step}") from None
        # A signature that cannot be verified would fail every later audit.
        if sign:
            _verify(log.root, str(name))
    return f"Tag {name}{', signed' if sign else ''}. Next: git push origin '{name}'"


def _verify(root: Path, tag: str) -> None:
    """Delete a new tag again if its signature cannot be verified here."""
    try:
        git.run(root, "verify-tag", tag)
    except ProjectError as error:
        git.run(root, "tag", "--delete", tag)
        raise ProjectError(
            f"The signature of {tag} cannot be verified, so the tag was deleted. {error}\n"
            "Next: git config user.signingKey KEY, and gpg.ssh.allowedSignersFile FILE for an ssh"
            " key, or import the key into gpg"
        ) from None


def _signs_tags(root: Path) -> bool:
    """Return whether git is configured to sign tags."""
    words = ("config", "--type=bool", "--get", "tag.gpgSign")
    return git.execute(root, *words).stdout.strip() == b"true"  # empty where it is not set


def _refuse_stale(log: EventLog) -> None:
    with Objects(log.root) as objects:
        now = load(log.root, objects, log.artifact)
    if now.previous != log.previous or len(now.events) != len(log.events):
        newest = now.previous or {"tag": "a deleted tag"}
        raise HeadraceError(f"{newest['tag']} was added meanwhile. Next: run the command again")


def _lock(root: Path) -> FileLock:
    # Worktrees of one repository share its tags, so they share the lock.
    folder = git.run(root, "rev-parse", "--git-common-dir").rstrip("\n")
    return FileLock(root / folder / "headrace.lock")
