"""From which batch to which an incident goes: a run of batches in which one rule fires."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from headrace.gates.live import State


@dataclass(frozen=True)
class Seen:
    """What a rule said of a batch."""

    state: State
    value: float


@dataclass(frozen=True)
class Run:
    """The batches of one incident, the quiet one that closed it among them."""

    batches: dict[str, Seen]
    closed: str | None

    @property
    def firing(self) -> list[str]:
        """The batches in which the rule fires, in their order."""
        return [name for name, one in self.batches.items() if one.state is State.FIRES]


def of(seen: Mapping[str, Seen]) -> Iterator[Run]:
    """Walk the runs of what is known of one rule: batches in the order of their names.

    A run begins with a batch that fires and ends with the first quiet one. What is not known is
    not among them, and so leaves a run as it is.
    """
    open_run: dict[str, Seen] = {}
    for batch in sorted(seen):
        if seen[batch].state is State.FIRES or open_run:
            open_run[batch] = seen[batch]
        if seen[batch].state is State.QUIET and open_run:
            yield Run(open_run, batch)
            open_run = {}
    if open_run:
        yield Run(open_run, None)
