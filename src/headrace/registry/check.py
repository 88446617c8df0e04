"""A check of a registry event: what it is given, and its result."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from headrace.core.dvc_cache import Store
from headrace.errors import HeadraceError
from headrace.gates.model import Approvals
from headrace.registry import approvals
from headrace.registry.events import Event, evidence_at
from headrace.registry.signatures import Signature
from headrace.registry.snapshot import Snapshot
from headrace.registry.stage_state import StageState
from headrace.registry.tags import Kind

STAGED = (Kind.ASSIGN, Kind.UNASSIGN)


class Outcome(StrEnum):
    """The outcome of a check; `audit --json` writes these values."""

    PASSED = "true"
    FAILED = "broken"
    UNCHECKED = "not checked"


@dataclass(frozen=True)
class CheckResult:
    """The result of one check of one event, with a sentence for people."""

    name: str
    outcome: Outcome
    message: str


class NotAvailable(HeadraceError):
    """What a check needs is not available here."""


@dataclass
class Shared:
    """What the checks of all events of one artifact share."""

    counters: Mapping[int, int]
    """How often each number occurs."""
    store: Store | None = None
    """DVC's cache; None in a bare clone."""
    signatures: Mapping[str, Signature] = field(default_factory=dict)
    tags: Mapping[str, Event] = field(default_factory=dict)
    hashes: dict[Path, tuple[str, str]] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    """Deleted tags that were reported already."""


@dataclass
class Case:
    """An event, the snapshot of its commit (None where git lost it), and the state before it."""

    event: Event
    snapshot: Snapshot | None
    state: StageState
    shared: Shared

    def evidence(self, *names: str) -> Any:
        """Return what the evidence holds under these names; None where it holds nothing."""
        return evidence_at(self.event.evidence, *names)

    @property
    def commit(self) -> Snapshot:
        """What the commit holds.

        Errors:
            NotAvailable: git does not have it.
        """
        if self.snapshot is None:
            raise NotAvailable(f"git has no commit {self.event.commit[:10]} here")
        return self.snapshot

    @property
    def approvals(self) -> Approvals:
        """The approvals of the commit's gates.yaml.

        Errors:
            ProjectError: it cannot be read.
        """
        return approvals.read_approvals(self.commit.gates)


Problems = Callable[[Case], Iterator[str]]


@dataclass(frozen=True)
class Check:
    """A named check: `problems` yields what is wrong; its docstring is the message if none is."""

    name: str
    kinds: tuple[Kind, ...]
    problems: Problems

    def run(self, case: Case) -> CheckResult:
        """Return the result for one event: its first problem, if any."""
        # The first is enough: in a forged tag the others mostly follow from it.
        try:
            problem = next(self.problems(case), None)
        except NotAvailable as error:
            return CheckResult(self.name, Outcome.UNCHECKED, str(error))
        except HeadraceError as error:
            problem = str(error)
        if problem is not None:
            return CheckResult(self.name, Outcome.FAILED, problem)
        return CheckResult(self.name, Outcome.PASSED, (self.problems.__doc__ or "").strip())


def check(*kinds: Kind) -> Callable[[Problems], Check]:
    """Make a generator of problems the check of events of these kinds, or of all events."""

    def make(problems: Problems) -> Check:
        return Check(problems.__name__.replace("_", "-"), kinds or tuple(Kind), problems)

    return make


def run_checks(checks: Iterable[Check], case: Case) -> tuple[CheckResult, ...]:
    """Return the results of the checks that apply; without evidence these are only two."""
    return tuple(
        check.run(case)
        for check in checks
        if case.event.name.kind in check.kinds
        if case.event.evidence is not None or check.name in ("tag", "counter")
    )
