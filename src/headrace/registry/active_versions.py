"""The version in the last stage at each live batch, and the one that made HEAD's figures."""

import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from headrace.core import git, lockfile
from headrace.core.git import Objects
from headrace.errors import ProjectError
from headrace.registry.alert_history import commits
from headrace.registry.events import Event, evidence_at
from headrace.registry.stage_state import StageState, order_events, replay

FILE = "metrics/monitor.json"
DEFAULT_STAGE = "prod"
"""The last stage, where no tag names the stages."""


@dataclass(frozen=True)
class ActiveVersions:
    """The last stage, the version that made HEAD's figures, and each batch's version."""

    stage: str = DEFAULT_STAGE
    model_version: str = ""
    by_batch: Mapping[str, str] = field(default_factory=dict)


def find_active_versions(
    root: Path, objects: Objects, study: str, events: Mapping[str, Sequence[Event]]
) -> ActiveVersions:
    """Return which version of a study was in the last stage at each batch.

    The artifact is the one whose bundle made the figures, or the only one; of two, neither.
    """
    folder = study.rstrip("/")
    artifacts = {name: log for name, log in events.items() if name.rpartition(":")[0] == folder}
    versions = {name: _model_version(objects, study, log) for name, log in artifacts.items()}
    # A study may register two artifacts; no figure may be shown beside the wrong one.
    candidates = [name for name in versions if versions[name]] or [*artifacts]
    if len(candidates) != 1:
        return ActiveVersions()
    (name,) = candidates
    stage = _last_stage(artifacts[name])
    times = _first_monitored(root, objects, f"{study}{FILE}")
    return ActiveVersions(stage, versions[name], dict(_active(artifacts[name], stage, times)))


def _model_version(objects: Objects, study: str, events: Sequence[Event]) -> str:
    """Return the version whose bundle made the figures, by dvc.lock at HEAD."""
    try:
        records = lockfile.parse(objects.read(f"HEAD:{study}{lockfile.NAME}") or b"").values()
    except ProjectError:
        return ""
    monitors = [record for record in records if any(out.path == FILE for out in record.outs)]
    deps = {dep.md5 for record in monitors for dep in record.deps if dep.md5}
    versions = (
        version
        for version, event in reversed(replay(events).versions.items())
        if evidence_at(event.evidence, "bundle", "md5") in deps
    )
    return next(versions, "")


def _last_stage(events: Sequence[Event]) -> str:
    newest_first = sorted(events, key=lambda event: event.by.time, reverse=True)
    stages = (evidence_at(event.evidence, "stages") for event in newest_first)
    return next(
        (str(names[-1]) for names in stages if isinstance(names, list) and names), DEFAULT_STAGE
    )


def _first_monitored(root: Path, objects: Objects, path: str) -> dict[str, int]:
    """Return when each batch was first monitored; not of one that came after, or with, a later one.

    Empty in a shallow clone: its oldest commit seems to bring all that came before it.
    """
    if git.is_shallow(root):
        return {}
    batches, times = set[str](), dict[str, int]()
    for commit in commits(root, objects, path):
        new = {*_batch_names(objects.read(f"{commit.hash}:{path}"))} - batches
        batches |= new
        if new and max(new) == max(batches):
            times[max(new)] = commit.by.time
    return times


def _batch_names(content: bytes | None) -> Iterator[str]:
    try:
        batches = json.loads((content or b"").decode("utf-8"))
    except (ValueError, RecursionError):
        return
    yield from batches if isinstance(batches, dict) else ()


def _active(
    events: Sequence[Event], stage: str, times: Mapping[str, int]
) -> Iterator[tuple[str, str]]:
    """Yield each batch with the version that was in a stage at its time."""
    in_order, names = order_events(events)
    state, remaining = StageState(names), deque(in_order)
    for batch, time in sorted(times.items(), key=lambda item: item[1]):
        while remaining and remaining[0].by.time <= time:
            state.apply(remaining.popleft())
        version = state.champion(stage) or ""
        yield batch, version if version in state.versions else ""
