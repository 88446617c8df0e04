"""Registry events: annotated tags, whose messages hold evidence as JSON."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from headrace.core import git, identity
from headrace.core.git import Object, Objects
from headrace.core.identity import Moment, Person
from headrace.registry import tags
from headrace.registry.tags import Name

FORMAT = 1
# The heads under which git writes a signature of gpg, of ssh and of x509.
SIGNATURE = re.compile(r"^-----BEGIN (?:PGP SIGNATURE|SSH SIGNATURE|SIGNED MESSAGE)-----$", re.M)
NOBODY = Moment(Person("", ""), 0, "+0000")
Evidence = Mapping[str, Any]


@dataclass(frozen=True)
class Event:
    """A tag: who did what, when, to which commit, and the evidence.

    `object` is the tag's own hash; a lightweight tag has the commit's, and no more fields.
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
    own_name: str = ""
    """The name in the tag's object, which a renamed tag keeps."""


def format_message(subject: str, content: Evidence) -> bytes:
    """Return a tag's message: a line for people, an empty one, and JSON with sorted keys."""
    text = json.dumps({"headrace": FORMAT, **content}, ensure_ascii=False, indent=1, sort_keys=True)
    # gto reads UTF-8: a lone surrogate is written as JSON's escape.
    return f"{subject}\n\n{text}\n".encode("utf-8", "backslashreplace")


def parse_message(message: str) -> tuple[Evidence | None, str]:
    """Return the evidence of a message, or None and the reason."""
    _, _, text = message.partition("\n\n")
    if not text.lstrip().startswith("{"):
        return None, "its message holds no evidence"
    try:
        content = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        return None, f"its evidence is not valid JSON ({error})"
    if not isinstance(content, dict) or content.get("headrace") != FORMAT:
        return None, "its message holds no evidence of this format"
    return content, ""


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a duplicate key, of which two readers could read two values."""
    content: dict[str, Any] = {}
    for name, value in pairs:
        if name in content:
            raise ValueError(f"duplicate key {name}")
        content[name] = value
    return content


def _refuse(constant: str) -> NoReturn:
    # Python reads NaN and Infinity, which other readers of JSON refuse.
    raise ValueError(f"{constant} is not a JSON number")


def evidence_at(content: object, *names: str) -> Any:
    """Return the value under nested keys; None where one is missing."""
    # A forged tag may hold any shape, so nothing of it is taken for granted.
    for name in names:
        content = content.get(name) if isinstance(content, dict) else None
    return content


def read_events(root: Path, objects: Objects) -> list[Event]:
    """Return all of the registry's tags, of all artifacts, in git's order of names.

    Errors:
        ProjectError: the folder is in no git repository.
    """
    # Not `git tag`: it may be configured to sort, and to list in columns.
    words = ("for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/tags")
    refs = [line.split(" ", 1) for line in git.run(root, *words).splitlines()]
    names = [(digest, tag, name) for digest, tag in refs if (name := tags.parse(tag))]
    contents = objects.read_many([digest for digest, _, _ in names])
    return [
        _event(tag, name, digest, content)
        for (digest, tag, name), content in zip(names, contents, strict=True)
    ]


def by_artifact(events: Iterable[Event]) -> dict[str, list[Event]]:
    """Return the events of each artifact."""
    groups: dict[str, list[Event]] = {}
    for event in events:
        groups.setdefault(event.name.artifact, []).append(event)
    return groups


def _event(tag: str, name: Name, digest: str, object_: Object | None) -> Event:
    if object_ is None or object_.kind != "tag":
        why = "it is not an annotated tag, so it has no author, no time and no evidence"
        return Event(tag, name, digest, digest, NOBODY, problem=why, annotated=False)
    # Any program may have written the tag, in any encoding; an audit has to show it all the same.
    text = object_.content.decode("utf-8", "backslashreplace")
    head, _, message = text.partition("\n\n")
    headers = dict(line.partition(" ")[::2] for line in head.split("\n"))
    # The signature stands behind the message, and is no part of the evidence.
    signature = SIGNATURE.search(message)
    message = message[: signature.start()] if signature else message
    evidence, problem = parse_message(message)
    return Event(
        tag,
        name,
        digest,
        headers.get("object", ""),
        identity.parse(headers.get("tagger", "")),
        message.partition("\n")[0],
        evidence,
        problem,
        signed=signature is not None,
        own_name=headers.get("tag", ""),
    )
