"""What promote, demote and rollback share: the version and the stage that are meant, who acts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.core import artifact, identity
from headrace.core.artifact import Artifact
from headrace.core.dvc_cache import Store
from headrace.core.git import Objects
from headrace.core.identity import Person
from headrace.core.project import Project
from headrace.core.suggest import nearest
from headrace.errors import HeadraceError, ProjectError
from headrace.registry import approvals, check_result, checks, event_log, tags
from headrace.registry.check_result import Case, Shared, Truth
from headrace.registry.event_log import Ledger
from headrace.registry.evidence import lookup
from headrace.registry.resolve_name import known
from headrace.registry.snapshot import Reader, Snapshot
from headrace.registry.tag_reader import Event

LINKS = ("tag", "commit", "tree", "lock", "bundle", "metrics", "parameters", "certificate")


@dataclass(frozen=True)
class Desk:
    """Where a decision is made: the study, its stages, one artifact's events, and who decides."""

    project: Project
    objects: Objects
    artifact: Artifact
    stages: Sequence[str]
    book: Ledger
    by: Person


def desk(project: Project, objects: Objects, asked: str | None) -> Desk:
    """Return the desk of the artifact of this name, or of the only one.

    Errors:
        ProjectError: there is no such artifact, or git does not know who decides.
    """
    found = artifact.select(project, asked)
    book = event_log.load(project.root, objects, found.name)
    by = identity.committer(project.root).person
    return Desk(project, objects, found, artifact.stages(project), book, by)


def stage(at: Desk, name: str | None) -> str:
    """Return a stage; the last one where none is named.

    Errors:
        ProjectError: there is no such stage; the nearest is shown.
    """
    name = at.stages[-1] if name is None else name
    if name not in at.stages:
        near = nearest(name, at.stages)
        raise ProjectError(f"There is no stage {name}.{near} Next: one of {', '.join(at.stages)}")
    return name


def version(at: Desk, asked: str) -> Event:
    """Return the registration of a version, named as 1.2.0, v1.2.0 or model@v1.2.0.

    Errors:
        ProjectError: there is no such version; the nearest is shown.
    """
    name = asked.rpartition("@")[2]
    read = tags.version(name)
    return known(at.book.state, str(read) if read else name, at.artifact.name)


def vouched(at: Desk, event: Event, *, store: Store | None = None) -> Snapshot:
    """Return what a version's commit holds, after a look at the links of its registration.

    With a store the bundle's bytes are looked at as well.

    Errors:
        HeadraceError: a link is broken, so there is nothing to decide on.
    """
    held = snapshot(at, event)
    case = Case(event, held, at.book.state, Shared({}, store))
    names = (*LINKS, checks.bytes_kept.__name__.replace("_", "-")) if store else LINKS
    for one in check_result.judge(case, *names):
        if one.truth is Truth.BROKEN:
            problem = f"{event.tag} cannot be relied on: {one.says}"
            raise HeadraceError(f"{problem}. Next: headrace audit, which shows the whole chain")
    return held


def snapshot(at: Desk, event: Event) -> Snapshot:
    """Return what a version's commit holds, whatever its registration says.

    Errors:
        ProjectError: git does not have it.
    """
    held = Reader(at.objects, at.artifact.prefix).read([event.commit]).get(event.commit)
    if held is None:
        raise ProjectError(f"git has no commit {event.commit[:10]}. Next: git fetch --tags")
    return held


def approved(at: Desk, held: Snapshot, name: str, *, leaves: bool = False) -> bool:
    """Stop where who decides may not; return whether the decision must be signed.

    A version that leaves for another is not approved of, so its author may let it go.

    Errors:
        HeadraceError: the approvals of gates.yaml ask for somebody else.
    """
    rules = approvals.of(held)
    approvals.refuse_unknown(rules, at.stages)
    author = None if leaves else held.author.person
    for breach in approvals.breaches(rules, name, at.by, author):
        raise HeadraceError(f"{breach}. Next: let somebody do it who may; see gates.yaml")
    return rules.signed and rules.covers(name)


def repeated(event: Event) -> dict[str, Any]:
    """Return what an event in a stage repeats of the version's registration."""
    said: Mapping[str, Any] = event.evidence or {}
    return {
        "version": event.name.version,
        "commit": event.commit,
        "registered": {"tag": event.tag, "object": event.object},
        **{key: said.get(key) for key in checks.COPIED},
    }


def decided(at: Desk, name: str) -> dict[str, Any]:
    """Return what every decision's evidence says: about which stage, over whom, by whom."""
    return {
        "artifact": at.artifact.name,
        "stage": name,
        "champion": _holder(at, name),
        "by": at.by.as_json(),
    }


def _holder(at: Desk, name: str) -> dict[str, Any] | None:
    """Return the champion of a stage as the evidence names it."""
    event, version = at.book.state.holder(name), at.book.state.champion(name)
    if event is None or version is None:
        return None
    md5 = lookup(event.evidence, "bundle", "md5")
    return {"version": version, "commit": event.commit, "tag": event.tag, "md5": md5}
