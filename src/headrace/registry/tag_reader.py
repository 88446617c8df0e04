"""The registry's tags, read through one process."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from headrace.core import git, identity
from headrace.core.git import Object, Objects
from headrace.core.identity import Moment, Person
from headrace.registry import evidence, tags
from headrace.registry.evidence import Evidence
from headrace.registry.tags import Name

SIGNATURE = re.compile(r"^-----BEGIN (?:PGP SIGNATURE|SSH SIGNATURE|SIGNED MESSAGE)-----$", re.M)
FORMAT = "--format=%(objectname) %(objecttype) %(refname:lstrip=2)"


@dataclass(frozen=True)
class Event:
    """A tag, and what it says: who did what, when, to which commit, and on what evidence.

    `object` is the tag's own hash; of a lightweight tag, which is none, there is nothing more.
    """

    tag: str
    name: Name
    object: str
    commit: str
    by: Moment
    subject: str = ""
    evidence: Evidence | None = None
    problem: str = ""
    """Why there is no evidence."""
    signed: bool = False
    annotated: bool = True
    named: str = ""
    """What the tag calls itself: a renamed one gives itself away."""

    @property
    def version(self) -> str:
        """The version that it is about, by its name or by its evidence."""
        return self.name.version or str(evidence.lookup(self.evidence, "version") or "")


def events(root: Path, objects: Objects) -> list[Event]:
    """Return all of the registry's tags, of all artifacts, in git's order of names."""
    listed = [line.split(" ", 2) for line in git.run(root, *LIST).splitlines()]
    ours = [(digest, tag, name) for digest, _, tag in listed if (name := tags.parse(tag))]
    found = objects.read_many([digest for digest, _, _ in ours])
    return [
        _event(tag, name, digest, content)
        for (digest, tag, name), content in zip(ours, found, strict=True)
    ]


LIST = ("for-each-ref", FORMAT, "refs/tags")


def _event(tag: str, name: Name, digest: str, found: Object | None) -> Event:
    nobody = Moment(Person("", ""), 0, "+0000")
    if found is None or found.kind != "tag":
        why = "it is no annotated tag, so it says neither who made it nor when, nor on what ground"
        return Event(tag, name, digest, digest, nobody, problem=why, annotated=False)
    text = found.content.decode("utf-8", "backslashreplace")
    head, _, message = text.partition("\n\n")
    said = dict(_headers(head))
    signature = SIGNATURE.search(message)
    message = message[: signature.start()] if signature else message
    content, problem = evidence.read(message)
    return Event(
        tag,
        name,
        digest,
        said.get("object", ""),
        identity.parse(said.get("tagger", "")),
        message.partition("\n")[0],
        content,
        problem,
        signed=signature is not None,
        named=said.get("tag", ""),
    )


def _headers(head: str) -> Iterator[tuple[str, str]]:
    for line in head.split("\n"):
        name, _, value = line.partition(" ")
        yield name, value
