"""One artifact's events, and the next one: every tag holds the hash of the one before."""

import fcntl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.core import git, identity
from headrace.core.git import Objects
from headrace.errors import HeadraceError, ProjectError
from headrace.registry import evidence, stage_state, tag_reader
from headrace.registry.stage_state import State
from headrace.registry.tag_reader import Event
from headrace.registry.tags import Kind, Name


@dataclass(frozen=True)
class Ledger:
    """The events of one artifact, lightweight tags among them, and what they come to."""

    root: Path
    artifact: str
    events: Sequence[Event]
    state: State

    @property
    def counter(self) -> int:
        """The number of the next event in a stage: gto counts all stages of an artifact as one."""
        return max((one.name.counter or 0 for one in self.events), default=0) + 1

    @property
    def previous(self) -> dict[str, str] | None:
        """The newest event's tag and its hash."""
        newest = self.state.newest
        return {"tag": newest.tag, "object": newest.object} if newest else None


def load(root: Path, objects: Objects, artifact: str) -> Ledger:
    """Return the ledger of an artifact; an empty one where it has no event yet."""
    events = stage_state.by_artifact(tag_reader.events(root, objects)).get(artifact, [])
    return Ledger(root, artifact, events, stage_state.after(events))


def add(
    ledger: Ledger, name: Name, commit: str, subject: str, content: Mapping[str, Any], *, sign: bool
) -> None:
    """Write the next event as an annotated tag: of git's own making, since gto signs nothing.

    Its time is later than that of the event before by a second at least: of one second's events,
    gto and DVC each have an order of their own.

    Errors:
        ProjectError: there is another event by now, git cannot write it, or its signature cannot be
            verified; then there is no tag.
    """
    said = evidence.write(subject, {**content, "previous": ledger.previous})
    with _locked(ledger.root):
        _refuse_late(ledger)
        now, newest = identity.committer(ledger.root), ledger.state.newest
        time = max(now.time, newest.by.time + 1 if newest else 0)
        words = ["tag", "--sign" if sign else "--annotate", "--cleanup=verbatim", "--file=-"]
        more = {"GIT_COMMITTER_DATE": f"{time} {now.zone}"}
        try:
            git.run(ledger.root, *words, str(name), commit, more=more, told=said)
        except ProjectError as error:
            raise ProjectError(f"{name} cannot be written. {error}. {_step(sign=sign)}") from None
        if sign:
            _verify(ledger.root, str(name))


def _step(*, sign: bool) -> str:
    if sign:
        return "Next: git config user.signingKey KEY, and gpg.format ssh where it is one of ssh"
    return "Next: git fetch --tags, and again"


def _verify(root: Path, tag: str) -> None:
    """Take a tag away again whose signature nobody could verify here."""
    try:
        git.run(root, "verify-tag", tag)
    except ProjectError as error:
        git.run(root, "tag", "--delete", tag)
        raise ProjectError(
            f"The signature of {tag} cannot be verified, so the tag is not kept. {error}\n"
            "Next: git config user.signingKey KEY, and gpg.ssh.allowedSignersFile FILE for one of"
            " ssh, or import the key into gpg"
        ) from None


def signs(root: Path, *, demanded: bool) -> bool:
    """Tell whether tags are to be signed: where git is set up so, or an approval demands it."""
    try:
        said = git.run(root, "config", "--type=bool", "--get", "tag.gpgSign").strip()
    except ProjectError:  # it is not set
        said = ""
    return demanded or said == "true"


def _refuse_late(ledger: Ledger) -> None:
    with Objects(ledger.root) as objects:
        now = load(ledger.root, objects, ledger.artifact)
    if now.previous != ledger.previous or len(now.events) != len(ledger.events):
        newest = now.previous or {"tag": "a tag that is gone"}
        raise HeadraceError(f"{newest['tag']} came in between. Next: the same command again")


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    """Let one process at a time add an event: two would follow the same one."""
    folder = git.run(root, "rev-parse", "--git-common-dir").rstrip("\n")
    with (root / folder / "headrace.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def in_stage(ledger: Ledger, stage: str, *, gone: bool = False) -> Name:
    """Return the name of the next event in a stage."""
    kind = Kind.UNASSIGN if gone else Kind.ASSIGN
    return Name(ledger.artifact, kind, stage=stage, counter=ledger.counter)
