"""Who is in which stage: the events of one artifact, one after the other, as gto counts them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from headrace.registry.events import Event
from headrace.registry.tags import Kind

RANK = {kind: rank for rank, kind in enumerate(Kind)}


@dataclass
class StageState:
    """An artifact after some of its events; `names` are its versions by their commits."""

    names: Mapping[str, str]
    versions: dict[str, Event] = field(default_factory=dict)
    """Each version's first registration."""
    gone: set[str] = field(default_factory=set)
    """The versions that were deregistered."""
    deprecated: bool = False
    newest: Event | None = None
    reached: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By stage: the versions that ever were in it."""
    _held: dict[str, dict[str, Event]] = field(default_factory=lambda: defaultdict(dict))

    def version(self, event: Event) -> str:
        """Return the version that an event is about: by its name, else by its commit."""
        return event.name.version or self.names.get(event.commit, event.commit)

    def apply(self, event: Event) -> None:
        """Take the next event in."""
        self.newest = event
        version, held = self.version(event), self._held[event.name.stage]
        if event.name.kind is Kind.REGISTER:
            self.versions.setdefault(version, event)
            self.gone.discard(version)
        elif event.name.kind is Kind.DEREGISTER:
            self.gone.add(version)
        elif event.name.kind is Kind.DEPRECATE:
            self.deprecated = True
        elif event.name.kind is Kind.ASSIGN:
            self.reached[event.name.stage].add(version)
            held.pop(version, None)  # it comes last now
            held[version] = event
        else:
            held.pop(version, None)

    @property
    def stages(self) -> list[str]:
        """The stages that any version ever was in."""
        return [stage for stage in self._held if stage]

    def holder(self, stage: str) -> Event | None:
        """Return the event by which a stage has its version; None where it has none."""
        held = self._held.get(stage, {})
        return next((held[one] for one in reversed(held) if one not in self.gone), None)

    def champion(self, stage: str) -> str | None:
        """Return the version that is in a stage; None where none is."""
        event = self.holder(stage)
        return self.version(event) if event else None

    def before(self, stage: str) -> str | None:
        """Return the version that a stage had before the one it has, and can go back to.

        Not one that has left the stage since, or was deregistered.
        """
        no, held = {self.champion(stage), *self.gone}, self._held.get(stage, {})
        return next((one for one in reversed(held) if one not in no and one in self.versions), None)


def ordered(events: Iterable[Event]) -> tuple[list[Event], dict[str, str]]:
    """Return one artifact's events in their order, and its versions by their commits.

    Of a second's events the order is the one in which gto counts them, whatever their numbers are.
    """
    annotated = sorted((one for one in events if one.annotated), key=lambda one: one.by.time)
    registered = [one for one in annotated if one.name.kind is Kind.REGISTER]
    names: dict[str, str] = {}
    since: dict[str, tuple[int, int]] = {}
    for place, one in enumerate(registered):
        names.setdefault(one.commit, one.name.version)
        first = since.get(one.name.version, (0, place))[1]
        since[one.name.version] = (one.by.time, first)
    ranks = {version: rank for rank, version in enumerate(sorted(since, key=lambda v: since[v]))}

    def place_of(event: Event) -> tuple[int, int, int, int]:
        version = names.get(event.commit, "")
        return (
            event.by.time,
            RANK[event.name.kind],
            -ranks.get(version, 0) if event.name.stage else 0,
            event.name.counter or 0,
        )

    return sorted(annotated, key=place_of), names


def replay(events: Iterable[Event]) -> StageState:
    """Return the state of one artifact after all of its events."""
    listed, names = ordered(events)
    state = StageState(names)
    for event in listed:
        state.apply(event)
    return state
