"""The audit of a registry: every event of every artifact, and the results of its checks."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from headrace.core import dvc_cache, git
from headrace.core.git import Objects
from headrace.errors import ProjectError, nearest
from headrace.registry import checks, decision_checks, incidents, live_batches, signatures, timeline
from headrace.registry.check import Case, Outcome, Shared, run_checks
from headrace.registry.events import Event, by_artifact, evidence_at, read_events
from headrace.registry.incidents import IncidentHistory
from headrace.registry.live_batches import LiveBatches
from headrace.registry.snapshot import SnapshotReader
from headrace.registry.stage_state import StageState, order_events
from headrace.registry.timeline import Entry, History

CHECKS = (*checks.CHECKS, *decision_checks.CHECKS)


@dataclass(frozen=True)
class StageHolder:
    """The version in a stage now, since when (seconds since 1970), by whom and by which tag.

    `sound` is false if a check of its event or of its registration failed.
    """

    stage: str
    version: str
    since: int
    person: str
    tag: str
    sound: bool = True


@dataclass(frozen=True)
class ArtifactHistory(History):
    """One artifact: how many versions it has, its stages now, and its entries, oldest first."""

    artifact: str
    versions: int
    stages: tuple[StageHolder, ...]
    entries: tuple[Entry, ...]
    deprecated: bool = False


@dataclass(frozen=True)
class Audit:
    """What an audit found in a repository of this name; `live` holds the batches by study."""

    repository: str
    artifacts: tuple[ArtifactHistory, ...]
    incidents: tuple[IncidentHistory, ...] = ()
    live: tuple[LiveBatches, ...] = ()

    @property
    def histories(self) -> list[History]:
        """The histories of the artifacts, then those of the incidents."""
        return [*self.artifacts, *self.incidents]

    def count(self, outcome: Outcome) -> int:
        """Return how many checks had an outcome."""
        return sum(len(part.with_outcome(outcome)) for part in self.histories)

    @property
    def holds(self) -> bool:
        """Whether no check failed."""
        return not self.count(Outcome.FAILED)


def audit_repository(root: Path, artifact: str | None = None, prefix: str | None = None) -> Audit:
    """Audit the repository that a folder belongs to, or is, as a bare clone.

    `prefix` is the path to the study whose artifacts are audited; None means all of them.

    Errors:
        ProjectError: there is no such artifact; the nearest is shown.
    """
    with Objects(root) as objects:
        events = by_artifact(read_events(root, objects))
        names = [name for name in events if prefix is None or _folder(name) == prefix]
        histories = [
            _artifact_history(root, objects, name, events[name])
            for name in _select(names, artifact)
        ]
        incident_histories = incidents.read(root, objects, prefix)
        live = live_batches.read(root, objects, prefix, events, incident_histories)
        return Audit(
            _repository_name(root), tuple(histories), tuple(incident_histories), tuple(live)
        )


def _folder(artifact: str) -> str:
    """Return the path from the repository's top to an artifact's study."""
    folder = artifact.rpartition(":")[0]
    return f"{folder}/" if folder else ""


def _select(names: Sequence[str], artifact: str | None) -> list[str]:
    if artifact is None:
        return sorted(names)
    matches = [name for name in names if artifact in (name, name.rpartition(":")[2])]
    if not matches:
        near = nearest(artifact, names)
        raise ProjectError(f"No {artifact} is registered here.{near} Next: headrace audit, for all")
    return matches


def _repository_name(root: Path) -> str:
    folder = (root / git.run(root, "rev-parse", "--git-common-dir").rstrip("\n")).resolve()
    return (folder.parent if folder.name == ".git" else folder).name.removesuffix(".git")


def _artifact_history(
    root: Path, objects: Objects, artifact: str, events: Sequence[Event]
) -> ArtifactHistory:
    in_order, names = order_events(events)
    lightweight = [event for event in events if not event.annotated]
    prefix, top = _folder(artifact), git.top(root)
    snapshots = SnapshotReader(objects, prefix).read(
        [*dict.fromkeys(event.commit for event in events)]
    )
    numbers = [event.name.counter for event in events if event.name.counter is not None]
    shared = Shared(
        Counter(numbers),
        dvc_cache.store_of(top / prefix) if top else None,
        signatures.verify_signatures(root, in_order),
        {event.tag: event for event in events},
    )
    state, entries = StageState(names), list[Entry]()
    # A lightweight tag has no time, so nobody knows its place among the others: it comes last.
    for event in (*in_order, *lightweight):
        case = Case(event, snapshots.get(event.commit), state, shared)
        # The state is the one before the event: so much did its author know.
        entries += timeline.missing_tag(case)
        entries += timeline.entries(case, run_checks(CHECKS, case), _last_parameters(state))
        if event.annotated:
            state.apply(event)
    # The order of the events stays within a second, since the sort is stable.
    entries.sort(key=lambda entry: entry.time)
    stages = tuple(_stage_holders(state, entries))
    return ArtifactHistory(artifact, len(state.versions), stages, tuple(entries), state.deprecated)


def _last_parameters(state: StageState) -> object:
    """Return the parameters of the last registered version; None before the first."""
    last = next(reversed(state.versions.values()), None)
    return evidence_at(last.evidence, "parameters") if last else None


def _stage_holders(state: StageState, entries: Sequence[Entry]) -> Iterator[StageHolder]:
    # Of a version its registration counts, and of a stage the event that put the version there.
    failed_tags = {entry.tag for entry in entries if entry.failures}
    failed_versions = {entry.version for entry in entries if entry.failures and not entry.stage}
    for stage in state.stages:
        event = state.holder(stage)
        if event is not None:
            version = state.version(event)
            sound = event.tag not in failed_tags and version not in failed_versions
            person = str(event.by.person)
            yield StageHolder(stage, version, event.by.time, person, event.tag, sound)
