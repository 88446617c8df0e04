"""Names such as `model#prod` and `model@v1.2.0`, and the versions they stand for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from headrace.core import git
from headrace.core.git import Objects
from headrace.errors import ProjectError, nearest
from headrace.registry import tags
from headrace.registry.events import Event, by_artifact, evidence_at, read_events
from headrace.registry.stage_state import StageState, replay
from headrace.registry.tags import Kind, Name

INVALID = "has no valid evidence. Next: headrace audit shows why"


@dataclass(frozen=True)
class RegisteredVersion:
    """A version of an artifact, its commit, and the tag by which it was found.

    `path` is the bundle's, relative to the study; `md5` the key of its bytes in DVC's cache.
    """

    artifact: str
    version: str
    commit: str
    tag: str
    path: str
    md5: str


def resolve(root: Path, name: str) -> RegisteredVersion:
    """Return the version for a name such as "model#prod" or "model@v1.2.0".

    With a number, as "model#prod#3", it is the version that this tag put there, whatever is there
    now.

    Errors:
        ProjectError: there is no such version (the nearest is shown), or it has no evidence.
    """
    # gto's tags have "=" where its commands show ":", since git allows no colon in a tag.
    parsed = tags.parse(name.replace(":", "="))
    if parsed is None or parsed.kind not in (Kind.REGISTER, Kind.ASSIGN):
        raise ProjectError(f"{name!r} is not a version. Next: such as model#prod or model@v1.2.0")
    with Objects(root) as objects:
        events = by_artifact(read_events(root, objects))
    # A study in a folder of the repository has the folder in its artifacts' names.
    in_folder = f"{git.prefix(root).rstrip('/')}:{parsed.artifact}"
    artifact = in_folder if in_folder in events else parsed.artifact
    if artifact not in events:
        near = nearest(parsed.artifact, events)
        raise ProjectError(f"No {parsed.artifact} is registered.{near} Next: headrace register")
    state = replay(events[artifact])
    if parsed.counter is not None:
        return _resolved(artifact, *_by_tag(state, events[artifact], parsed))
    if parsed.stage:
        return _resolved(artifact, *_in_stage(state, artifact, parsed.stage))
    registered = registration(state, parsed.version, artifact)
    return _resolved(artifact, registered, registered)


def registration(state: StageState, version: str, artifact: str) -> Event:
    """Return the event that registered a version.

    Errors:
        ProjectError: there is no such version (the nearest is shown), or it was deregistered.
    """
    if version in state.deregistered:
        raise ProjectError(
            f"{artifact}@{version} was deregistered. Next: headrace audit shows by whom and why"
        )
    if version not in state.versions:
        newest = ", ".join([*state.versions][-3:])
        hint = f" The newest are {newest}." if newest else " It has none yet."
        near = nearest(version, state.versions) or hint
        raise ProjectError(f"{artifact} has no version {version}.{near} Next: headrace register")
    return state.versions[version]


def _in_stage(state: StageState, artifact: str, stage: str) -> tuple[Event, Event]:
    """Return the registration of the version in a stage, and the event that put it there."""
    event = state.holder(stage)
    if event is None:
        near = nearest(stage, state.stages) if stage not in state.stages else ""
        step = f"headrace promote VERSION --to {stage}"
        raise ProjectError(f"No version of {artifact} is in {stage}.{near} Next: {step}")
    if event.evidence is None:
        raise ProjectError(
            f"{event.tag}: {event.problem}. Next: headrace audit, and promote it again"
        )
    return registration(state, state.version(event), artifact), event


def _by_tag(state: StageState, events: Sequence[Event], parsed: Name) -> tuple[Event, Event]:
    """Return the registration of the version of one tag, and the tag's event."""
    for event in events:
        # The events of a study in a folder have the folder in the artifact's name.
        if event.name == replace(parsed, artifact=event.name.artifact):
            version = evidence_at(event.evidence, "version")
            # The tag may have been put on another commit since.
            if version != state.version(event):
                raise ProjectError(f"{event.tag} {INVALID}")
            return registration(state, version, event.name.artifact), event
    raise ProjectError(f"There is no tag {parsed}. Next: git fetch --tags, or headrace audit")


def _resolved(artifact: str, registered: Event, event: Event) -> RegisteredVersion:
    path, md5 = (evidence_at(registered.evidence, "bundle", key) for key in ("path", "md5"))
    commit = evidence_at(registered.evidence, "commit")
    # A tag can be forged: what is served must be what was registered, of the same commit.
    if not (isinstance(path, str) and isinstance(md5, str) and commit == registered.commit):
        raise ProjectError(f"{registered.tag} {INVALID}")
    version = registered.name.version
    return RegisteredVersion(artifact, version, registered.commit, event.tag, path, md5)
