"""An incident: from the batch in which a rule fires to the one in which it is quiet again."""

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from headrace.gates.live import Level, Rule, RuleState

QUIET_AFTER_UPDATE = "judged again, it is quiet"
BELONGS_TO_EARLIER = "it belongs to an earlier incident"
"""Why an incident was withdrawn; files hold these texts, so they stay."""
LONGEST = 60
"""Letters of a rule's name in a file's name."""


@dataclass(frozen=True)
class RuleResult:
    """The state and the value of a rule in a batch."""

    state: RuleState
    value: float


@dataclass(frozen=True)
class FiringRun:
    """The batches of one incident, including the quiet one that closed it."""

    batches: dict[str, RuleResult]
    closed: str | None

    @property
    def firing(self) -> list[str]:
        """The batches in which the rule fires, in their order."""
        return _firing(self.batches)


def _firing(batches: Mapping[str, RuleResult]) -> list[str]:
    return [name for name, result in batches.items() if result.state is RuleState.FIRES]


def firing_runs(results: Mapping[str, RuleResult]) -> Iterator[FiringRun]:
    """Yield the runs of one rule over its batches, in the order of the batches' names.

    A run begins with a batch that fires and ends with the first quiet one.
    """
    current: dict[str, RuleResult] = {}
    for batch, result in sorted(results.items()):
        if result.state is RuleState.FIRES or current:
            current[batch] = result
        # A batch without the figure neither fires nor is quiet: it ends no run.
        if result.state is RuleState.QUIET and current:
            yield FiringRun(current, batch)
            current = {}
    if current:
        yield FiringRun(current, None)


class TransitionKind(StrEnum):
    """What happened to an incident."""

    OPENED = "opened"
    STILL_OPEN = "still open"
    RAISED = "raised"
    REOPENED = "open again"
    CLOSED = "closed"
    BATCH_DELETED = "kept"


SILENT_IF_DISMISSED = (TransitionKind.STILL_OPEN, TransitionKind.BATCH_DELETED)
"""Transitions without a notification if a person dismissed the incident."""


@dataclass(frozen=True)
class Decision:
    """A person's choice and reason, when by that machine's clock, and the level at that time.

    `choice` is dismiss, rollback or retrain.
    """

    choice: str
    reason: str
    name: str
    email: str
    when: str
    level: str


@dataclass
class Incident:
    """One incident, with the fields of its file.

    `notified` records by transition which receivers got it.
    """

    id: str
    rule: str
    figure: str
    limit: str
    window: str
    level: Level
    do: str
    opened: str = ""
    closed: str = ""
    close_reason: str = ""
    """Empty while it is open."""
    batches: dict[str, RuleResult] = field(default_factory=dict)
    notified: dict[str, dict[str, bool]] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Whether the rule still fires, as far as is known."""
        return not self.close_reason

    @property
    def first_batch(self) -> str:
        """The batch of the first notification; `opened` may become an earlier one."""
        prefix = f"{TransitionKind.OPENED} "
        keys = (key for key in self.notified if key.startswith(prefix))
        return next(keys, "").removeprefix(prefix)

    @property
    def is_withdrawn(self) -> bool:
        """Whether its batches no longer fire, or belong to another incident."""
        return self.close_reason in (QUIET_AFTER_UPDATE, BELONGS_TO_EARLIER)

    @property
    def decision(self) -> Decision | None:
        """The decision that applies: the last one."""
        return self.decisions[-1] if self.decisions else None

    @property
    def is_dismissed(self) -> bool:
        """Whether a person dismissed it at its level, or at a higher one."""
        # A decision was about one level: when that rises, a person has to look again.
        last = self.decision
        return (
            last is not None
            and last.choice == "dismiss"
            and not (last.level == Level.NOTICE and self.level is Level.ACT)
        )

    @property
    def firing(self) -> list[str]:
        """The batches in which it fired, in their order."""
        return _firing(self.batches)

    def set_rule(self, rule: Rule) -> None:
        """Take over the rule as it is in gates.yaml now."""
        self.rule, self.figure, self.limit = rule.name, rule.figure, rule.limit
        self.window, self.level, self.do = rule.window, rule.level, rule.do

    def record(self, kind: TransitionKind, batch: str) -> None:
        """Record a transition, to be reported once; of a dismissed incident, not every one."""
        # `setdefault`: a run that is repeated reports nothing twice.
        silent = self.is_dismissed and kind in SILENT_IF_DISMISSED
        self.notified.setdefault(f"{kind} {batch}", {"dismissed": True} if silent else {})

    def has_transition(self, kind: TransitionKind, batch: str) -> bool:
        """Return whether a transition was recorded before."""
        return f"{kind} {batch}" in self.notified


@dataclass(frozen=True)
class Transition:
    """What happened to an incident with a batch, until all receivers have been notified."""

    incident: Incident
    kind: TransitionKind
    batch: str

    @property
    def key(self) -> str:
        """Its key in the incident's file."""
        return f"{self.kind} {self.batch}"

    @property
    def receivers(self) -> dict[str, bool]:
        """The receivers, and whether each was notified; to be changed in place."""
        return self.incident.notified[self.key]


def rule_slug(name: str) -> str:
    """Return a rule's name as part of a file's name: a to z, 0 to 9 and dashes.

    Where that loses part of the name, a hash of it is appended, so that slugs are unique.
    """
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    # Windows, macOS and git agree on these letters only.
    words = re.sub(r"[^a-z0-9]+", "-", ascii_name).strip("-")[:LONGEST].strip("-")
    if words.replace("-", " ") == name:
        return words
    return f"{words}-{rule_digest(name)}".lstrip("-")


def rule_digest(name: str) -> str:
    """Return eight hexadecimal digits that stand for a rule's name."""
    # YAML can escape a lone surrogate, which UTF-8 refuses.
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
