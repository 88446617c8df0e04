"""The audit of a registry: every event of every artifact, and every link of the chain."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from headrace.core import dvc_cache, git
from headrace.core.git import Objects
from headrace.core.suggest import nearest
from headrace.errors import ProjectError
from headrace.registry import (
    check_result,
    incidents,
    live_batches,
    signatures,
    tag_reader,
    timeline,
)
from headrace.registry.check_result import Case, Link, Shared, Truth
from headrace.registry.evidence import lookup
from headrace.registry.incidents import Account
from headrace.registry.live_batch import Live
from headrace.registry.snapshot import Reader
from headrace.registry.stage_state import State, by_artifact, ordered
from headrace.registry.tag_reader import Event
from headrace.registry.timeline import Entry


@dataclass(frozen=True)
class Held:
    """Who is in a stage now: the version, since when (seconds since 1970), by whom and what tag.

    `sound` says that no link of the event and of the version's own making is broken.
    """

    stage: str
    version: str
    since: int
    who: str
    tag: str
    sound: bool = True


@dataclass(frozen=True)
class Life:
    """One artifact: its versions, its stages as they are now, and its entries, oldest first."""

    artifact: str
    versions: int
    held: tuple[Held, ...]
    entries: tuple[Entry, ...]
    deprecated: bool = False

    def links(self, truth: Truth) -> list[tuple[Entry, Link]]:
        """Return the links of which this is known, each with its entry."""
        return [(e, one) for e in self.entries for one in e.links if one.truth is truth]


@dataclass(frozen=True)
class Audit:
    """What an audit found in a repository, by its name."""

    repository: str
    lives: tuple[Life, ...]
    incidents: tuple[Account, ...] = ()
    live: tuple[Live, ...] = ()
    """The live batches, by study."""

    def count(self, truth: Truth) -> int:
        """Return how many links are known to be so."""
        told = [len(one.links(truth)) for one in self.incidents]
        return sum(told) + sum(len(life.links(truth)) for life in self.lives)

    @property
    def holds(self) -> bool:
        """Whether no link is broken."""
        return not self.count(Truth.BROKEN)


def build(root: Path, asked: str | None = None, prefix: str | None = None) -> Audit:
    """Audit the repository that a folder belongs to, or is, as a bare clone.

    `prefix` leads to the study whose artifacts are meant; None means all of them.

    Errors:
        ProjectError: there is no such artifact; the nearest is shown.
    """
    with Objects(root) as objects:
        found = by_artifact(tag_reader.events(root, objects))
        names = [one for one in found if prefix is None or _folder(one) == prefix]
        lives = [_life(root, objects, one, found[one]) for one in _chosen(names, asked)]
        told = incidents.read(root, objects, prefix)
        live = [*live_batches.read(root, objects, prefix, found, told)]
    return Audit(_name(root), tuple(lives), tuple(told), tuple(live))


def _folder(artifact: str) -> str:
    """Return the way from the repository's top to the study that an artifact is of."""
    folder = artifact.rpartition(":")[0]
    return f"{folder}/" if folder else ""


def _chosen(names: Sequence[str], asked: str | None) -> list[str]:
    if asked is None:
        return sorted(names)
    found = [one for one in names if asked in (one, one.rpartition(":")[2])]
    if not found:
        near = nearest(asked, names)
        raise ProjectError(f"No {asked} is registered here.{near} Next: headrace audit, for all")
    return found


def _name(root: Path) -> str:
    folder = (root / git.run(root, "rev-parse", "--git-common-dir").rstrip("\n")).resolve()
    return (folder.parent if folder.name == ".git" else folder).name.removesuffix(".git")


def _top(root: Path) -> Path | None:
    """Return the working tree's top folder; None in a bare clone."""
    try:
        return Path(git.run(root, "rev-parse", "--show-toplevel").rstrip("\n"))
    except ProjectError:
        return None


def _life(root: Path, objects: Objects, artifact: str, events: Sequence[Event]) -> Life:
    listed, names = ordered(events)
    light = [one for one in events if not one.annotated]
    prefix, top = _folder(artifact), _top(root)
    held = Reader(objects, prefix).read([*dict.fromkeys(one.commit for one in events)])
    counters = Counter(one.name.counter for one in events if one.name.counter is not None)
    shared = Shared(
        counters,
        dvc_cache.store_of(top / prefix) if top else None,
        signatures.check(root, listed),
        {one.tag: one for one in events},
    )
    state, made = State(names), list[Entry]()
    for event in (*listed, *light):
        case = Case(event, held.get(event.commit), state, shared)
        made += timeline.gone(case)
        made += timeline.entries(case, check_result.judge(case), _parameters(state))
        if event.annotated:
            state.apply(event)
    made.sort(key=lambda one: one.time)
    now = tuple(_held(state, made))
    return Life(artifact, len(state.versions), now, tuple(made), state.deprecated)


def _parameters(state: State) -> object:
    """Return the parameters of the version that was registered last; None before the first."""
    last = next(reversed(state.versions.values()), None)
    return lookup(last.evidence, "parameters") if last else None


def _held(state: State, made: Sequence[Entry]) -> Iterator[Held]:
    broken = {one.tag for one in made if one.broken}
    bad = {one.version for one in made if one.broken and not one.stage}
    for stage in state.stages:
        event = state.holder(stage)
        if event is not None:
            version = state.version(event)
            sound = event.tag not in broken and version not in bad
            who = str(event.by.person)
            yield Held(stage, version, event.by.time, who, event.tag, sound)
