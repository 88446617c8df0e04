"""What a link of the chain is: a sentence that is true, broken, or cannot be checked here."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from headrace.core.dvc_cache import Store
from headrace.errors import HeadraceError
from headrace.gates.model import Approvals
from headrace.registry import approvals
from headrace.registry.evidence import lookup
from headrace.registry.signatures import Signature
from headrace.registry.snapshot import Snapshot
from headrace.registry.stage_state import State
from headrace.registry.tag_reader import Event
from headrace.registry.tags import Kind


class Truth(StrEnum):
    """What is known of a link."""

    TRUE = "true"
    BROKEN = "broken"
    UNCHECKED = "not checked"


@dataclass(frozen=True)
class Link:
    """One link: its name, what is known of it, and why, in a sentence."""

    name: str
    truth: Truth
    says: str


class NotAtHand(HeadraceError):
    """What a link is about is not here, which is no fault of it."""


@dataclass
class Shared:
    """What all events of one artifact are held against."""

    counters: Mapping[int, int]
    """How often each number is there."""
    store: Store | None = None
    """Where DVC's files are; None in a bare clone."""
    signatures: Mapping[str, Signature] = field(default_factory=dict)
    tags: Mapping[str, Event] = field(default_factory=dict)
    hashed: dict[Path, tuple[str, str]] = field(default_factory=dict)
    rules: dict[bytes, Approvals] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    """Tags that are not there any more, and were told of."""


@dataclass
class Case:
    """An event, the commit that it is about, and the state before it."""

    event: Event
    held: Snapshot | None
    state: State
    shared: Shared

    def said(self, *names: str) -> Any:
        """Return what the evidence says under these names; None where it does not."""
        return lookup(self.event.evidence, *names)

    @property
    def commit(self) -> Snapshot:
        """What the commit holds.

        Errors:
            NotAtHand: git does not have it.
        """
        if self.held is None:
            raise NotAtHand(f"git has no commit {self.event.commit[:10]} here")
        return self.held

    @cached_property
    def registration(self) -> Event | None:
        """The registration of the version that it is about."""
        return self.state.versions.get(self.state.version(self.event))

    @property
    def rules(self) -> Approvals:
        """The approvals of the commit's gates.yaml.

        Errors:
            ProjectError: it cannot be read.
        """
        text = self.commit.gates
        if text not in self.shared.rules:
            self.shared.rules[text] = approvals.of(self.commit)
        return self.shared.rules[text]


Test = Callable[[Case], Iterator[str]]
RULES: dict[str, tuple[Test, Collection[Kind]]] = {}
STAGED = (Kind.ASSIGN, Kind.UNASSIGN)


def link(*kinds: Kind) -> Callable[[Test], Test]:
    """Make a generator of problems a link; its docstring is what is said where there is none."""

    def register(test: Test) -> Test:
        RULES[test.__name__.replace("_", "-")] = (test, kinds or tuple(Kind))
        return test

    return register


def judge(case: Case, *names: str) -> tuple[Link, ...]:
    """Return the links of an event; of those names alone, where there are any."""
    return tuple(
        _judged(name, test, case)
        for name, (test, kinds) in RULES.items()
        if case.event.name.kind in kinds and (not names or name in names)
        if case.event.evidence is not None or name in ("tag", "counter")
    )


def _judged(name: str, test: Test, case: Case) -> Link:
    try:
        problem = next(test(case), None)
    except NotAtHand as error:
        return Link(name, Truth.UNCHECKED, str(error))
    except HeadraceError as error:
        problem = str(error)
    if problem is not None:
        return Link(name, Truth.BROKEN, problem)
    return Link(name, Truth.TRUE, (test.__doc__ or "").strip())
