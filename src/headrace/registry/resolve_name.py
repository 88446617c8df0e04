"""What a name such as `model#prod` stands for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from headrace.core import git
from headrace.core.git import Objects
from headrace.core.suggest import nearest
from headrace.errors import ProjectError
from headrace.registry import evidence, tag_reader, tags
from headrace.registry.stage_state import State, after, by_artifact
from headrace.registry.tag_reader import Event
from headrace.registry.tags import Kind, Name

MISFIT = "has no evidence that fits it. Next: headrace audit, which says why"


@dataclass(frozen=True)
class Version:
    """A version of an artifact, the commit it was made at, and the tag that names it there.

    `md5` is that of its bundle, by which DVC keeps it; `path` the bundle's, from the study on.
    """

    artifact: str
    version: str
    commit: str
    tag: str
    path: str
    md5: str


def resolve(root: Path, name: str) -> Version:
    """Return the version that a name such as "model#prod" or "model@v1.2.0" stands for.

    With its number, as "model#prod#3", it is one tag's name: the version that was put there then,
    whatever is there now.

    Errors:
        ProjectError: there is none of that name (the nearest is shown), or it has no evidence.
    """
    asked = tags.parse(name.replace(":", "="))
    if asked is None or asked.kind not in (Kind.REGISTER, Kind.ASSIGN):
        raise ProjectError(f"{name!r} names no version. Next: such as model#prod or model@v1.2.0")
    with Objects(root) as objects:
        found = by_artifact(tag_reader.events(root, objects))
    prefix = git.run(root, "rev-parse", "--show-prefix").rstrip("/\n")
    here = f"{prefix}:{asked.artifact}"
    artifact = here if here in found else asked.artifact
    if artifact not in found:
        near = nearest(asked.artifact, found)
        raise ProjectError(f"No {asked.artifact} is registered.{near} Next: headrace register")
    state = after(found[artifact])
    if asked.counter is not None:
        return _made(artifact, *_by_tag(state, found[artifact], asked))
    if asked.stage:
        return _made(artifact, *_in_stage(state, artifact, asked.stage))
    registered = known(state, asked.version, artifact)
    return _made(artifact, registered, registered)


def known(state: State, version: str, artifact: str) -> Event:
    """Return a version's registration.

    Errors:
        ProjectError: there is no such version (the nearest is shown), or it was deregistered.
    """
    if version in state.gone:
        raise ProjectError(
            f"{artifact}@{version} was deregistered. Next: headrace audit shows by whom and why"
        )
    if version not in state.versions:
        near = nearest(version, state.versions) or _newest(state.versions)
        raise ProjectError(f"{artifact} has no version {version}.{near} Next: headrace register")
    return state.versions[version]


def _newest(versions: Mapping[str, Event]) -> str:
    named = [*versions][-3:]
    return f" The newest are {', '.join(named)}." if named else " It has none yet."


def _in_stage(state: State, artifact: str, stage: str) -> tuple[Event, Event]:
    """Return the registration of the version in a stage, and the event that put it there."""
    event = state.holder(stage)
    if event is not None and event.evidence is None:
        raise ProjectError(f"{event.tag}: {event.problem}. Next: headrace audit, and promote anew")
    if event is None:
        near = nearest(stage, state.stages) if stage not in state.stages else ""
        step = f"headrace promote VERSION --to {stage}"
        raise ProjectError(f"No version of {artifact} is in {stage}.{near} Next: {step}")
    return known(state, state.version(event), artifact), event


def _by_tag(state: State, events: Sequence[Event], asked: Name) -> tuple[Event, Event]:
    """Return the registration of the version that one tag names, and the tag's event."""
    wanted = asked.kind, asked.stage, asked.version, asked.counter
    for event in events:
        name = event.name
        if wanted == (name.kind, name.stage, name.version, name.counter):
            told = evidence.lookup(event.evidence, "version")
            if told != state.version(event):
                raise ProjectError(f"{event.tag} {MISFIT}")
            return known(state, told, name.artifact), event
    raise ProjectError(f"There is no tag {asked}. Next: git fetch --tags, or headrace audit")


def _made(artifact: str, registered: Event, event: Event) -> Version:
    bundle = evidence.lookup(registered.evidence, "bundle")
    path, md5 = (evidence.lookup(bundle, name) for name in ("path", "md5"))
    told = evidence.lookup(registered.evidence, "commit")
    if not (isinstance(path, str) and isinstance(md5, str) and told == registered.commit):
        raise ProjectError(f"{registered.tag} {MISFIT}")
    version = registered.name.version
    return Version(artifact, version, registered.commit, event.tag, path, md5)
