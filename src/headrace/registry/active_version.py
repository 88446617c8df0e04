"""Which version was in the last stage when a batch came, and whose figures the last ones are."""

import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from headrace.core import git, lockfile
from headrace.core.git import Objects
from headrace.errors import ProjectError
from headrace.registry.alert_history import commits
from headrace.registry.evidence import lookup
from headrace.registry.stage_state import State, after, ordered
from headrace.registry.tag_reader import Event

FILE = "metrics/monitor.json"
LAST = "prod"
"""The last stage, where no tag names the stages."""


@dataclass(frozen=True)
class Reign:
    """The last stage, the version whose figures HEAD holds, and by batch who was in that stage."""

    stage: str = LAST
    judge: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)


def of(root: Path, objects: Objects, study: str, events: Mapping[str, Sequence[Event]]) -> Reign:
    """Return who reigned in a study; `events` are the registry's by artifact.

    The artifact is the one that the figures are of, or the only one; of two, nobody can tell.
    """
    folder = study.rstrip("/")
    mine = {name: found for name, found in events.items() if name.rpartition(":")[0] == folder}
    judges = {name: _judge(objects, study, found) for name, found in mine.items()}
    chosen = [name for name in judges if judges[name]] or [*mine]
    if len(chosen) != 1:
        return Reign()
    (name,) = chosen
    stage = _last_stage(mine[name])
    times = _times(root, objects, f"{study}{FILE}")
    return Reign(stage, judges[name], dict(_holders(mine[name], stage, times)))


def _judge(objects: Objects, study: str, events: Sequence[Event]) -> str:
    """Return the version whose bundle the figures were made with, by dvc.lock at HEAD."""
    try:
        records = lockfile.parse(objects.read(f"HEAD:{study}{lockfile.NAME}") or b"").values()
    except ProjectError:
        return ""
    made = [one for one in records if any(out.path == FILE for out in one.outs)]
    deps = {dep.md5 for one in made for dep in one.deps if dep.md5}
    state = after(events)
    named = (
        version
        for version, event in reversed(state.versions.items())
        if lookup(event.evidence, "bundle", "md5") in deps
    )
    return next(named, "")


def _last_stage(events: Sequence[Event]) -> str:
    listed = sorted(events, key=lambda one: one.by.time, reverse=True)
    said = (lookup(one.evidence, "stages") for one in listed)
    return next((str(one[-1]) for one in said if isinstance(one, list) and one), LAST)


def _times(root: Path, objects: Objects, path: str) -> dict[str, int]:
    """Return when each batch was first watched; none of one that came after, or with, a later one.

    In a shallow clone there is none: its oldest commit seems to bring all that came before it.
    """
    if git.run(root, "rev-parse", "--is-shallow-repository").strip() == "true":
        return {}
    seen, times = set[str](), dict[str, int]()
    for commit in commits(root, objects, path):
        new = {*_names(objects.read(f"{commit.hash}:{path}"))} - seen
        seen |= new
        if new and max(new) == max(seen):
            times[max(new)] = commit.by.time
    return times


def _names(content: bytes | None) -> Iterator[str]:
    try:
        said = json.loads((content or b"").decode("utf-8"))
    except (ValueError, RecursionError):
        return
    yield from said if isinstance(said, dict) else ()


def _holders(
    events: Sequence[Event], stage: str, times: Mapping[str, int]
) -> Iterator[tuple[str, str]]:
    """Walk the batches by their times, each with the version that was in a stage then."""
    listed, names = ordered(events)
    state, left = State(names), deque(listed)
    for batch, time in sorted(times.items(), key=lambda one: one[1]):
        while left and left[0].by.time <= time:
            state.apply(left.popleft())
        version = state.champion(stage) or ""
        yield batch, version if version in state.versions else ""
