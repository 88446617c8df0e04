"""The version in each stage: the events of one artifact applied in gto's order."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from headrace.registry.events import Event
from headrace.registry.tags import Kind

RANK = {kind: rank for rank, kind in enumerate(Kind)}  # gto's order within a second


@dataclass
class StageState:
    """An artifact after some of its events; `names` are its versions by their commits."""

    names: Mapping[str, str]
    versions: dict[str, Event] = field(default_factory=dict)
    """Each version's first registration."""
    deregistered: set[str] = field(default_factory=set)
    """The versions that were deregistered."""
    deprecated: bool = False
    newest: Event | None = None
    reached: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By stage: the versions that ever were in it."""
    _holders: dict[str, dict[str, Event]] = field(default_factory=lambda: defaultdict(dict))

    def version(self, event: Event) -> str:
        """Return the version that an event is about: by its name, else by its commit."""
        return event.name.version or self.names.get(event.commit, event.commit)

    def apply(self, event: Event) -> None:
        """Apply the next event."""
        self.newest = event
        version, holders = self.version(event), self._holders[event.name.stage]
        # gto counts a version that was deregistered, and registered again, as registered.
        if event.name.kind is Kind.REGISTER:
            self.versions.setdefault(version, event)
            self.deregistered.discard(version)
        elif event.name.kind is Kind.DEREGISTER:
            self.deregistered.add(version)
        elif event.name.kind is Kind.DEPRECATE:
            self.deprecated = True
        elif event.name.kind is Kind.ASSIGN:
            self.reached[event.name.stage].add(version)
            holders.pop(version, None)  # it comes last now
            holders[version] = event
        else:
            holders.pop(version, None)

    @property
    def stages(self) -> list[str]:
        """The stages that ever had a version."""
        return [stage for stage in self._holders if stage]

    def holder(self, stage: str) -> Event | None:
        """Return the event by which a stage has its version; None where it has none."""
        holders = self._holders.get(stage, {})
        active = (version for version in reversed(holders) if version not in self.deregistered)
        return next((holders[version] for version in active), None)

    def champion(self, stage: str) -> str | None:
        """Return the version that is in a stage; None where none is."""
        event = self.holder(stage)
        return self.version(event) if event else None

    def before(self, stage: str) -> str | None:
        """Return the version to which a stage can roll back.

        It has neither left the stage since, nor was it deregistered.
        """
        excluded = {self.champion(stage), *self.deregistered}
        candidates = (
            version
            for version in reversed(self._holders.get(stage, {}))
            if version not in excluded and version in self.versions
        )
        return next(candidates, None)


def order_events(events: Iterable[Event]) -> tuple[list[Event], dict[str, str]]:
    """Return one artifact's events in their order, and its versions by their commits.

    Within a second the order is gto's, whatever the numbers are.
    """
    annotated = sorted(
        (event for event in events if event.annotated), key=lambda event: event.by.time
    )
    registered = [event for event in annotated if event.name.kind is Kind.REGISTER]
    names: dict[str, str] = {}
    since: dict[str, tuple[int, int]] = {}
    for place, event in enumerate(registered):
        version = event.name.version
        names.setdefault(event.commit, version)
        since[version] = (event.by.time, since.get(version, (0, place))[1])
    ranks = {version: rank for rank, version in enumerate(sorted(since, key=lambda v: since[v]))}

    # Of two stage changes in one second, gto takes the one of the newer version first.
    def sort_key(event: Event) -> tuple[int, int, int, int]:
        version = names.get(event.commit, "")
        return (
            event.by.time,
            RANK[event.name.kind],
            -ranks.get(version, 0) if event.name.stage else 0,
            event.name.counter or 0,
        )

    return sorted(annotated, key=sort_key), names


def replay(events: Iterable[Event]) -> StageState:
    """Return the state of one artifact after all of its events."""
    in_order, names = order_events(events)
    state = StageState(names)
    for event in in_order:
        state.apply(event)
    return state
