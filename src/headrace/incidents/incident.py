"""An incident: from the batch in which a rule fires to the one in which it is quiet again."""

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from headrace.gates.live import Level, Rule, State

JUDGED_AGAIN = "judged again, it is quiet"
BELONGS = "it belongs to an earlier incident"
"""Why an incident was withdrawn; the files hold these texts."""
LONGEST = 60
"""Letters of a rule's name in a file's name."""


@dataclass(frozen=True)
class Seen:
    """The state and the value of a rule in a batch."""

    state: State
    value: float


@dataclass(frozen=True)
class Run:
    """The batches of one incident, including the quiet one that closed it."""

    batches: dict[str, Seen]
    closed: str | None

    @property
    def firing(self) -> list[str]:
        """The batches in which the rule fires, in their order."""
        return [name for name, seen in self.batches.items() if seen.state is State.FIRES]


def firing_runs(seen: Mapping[str, Seen]) -> Iterator[Run]:
    """Yield the runs of one rule over its known batches, in the order of the batches' names.

    A run begins with a batch that fires and ends with the first quiet one.
    """
    current: dict[str, Seen] = {}
    for batch in sorted(seen):
        if seen[batch].state is State.FIRES or current:
            current[batch] = seen[batch]
        if seen[batch].state is State.QUIET and current:
            yield Run(current, batch)
            current = {}
    if current:
        yield Run(current, None)


class Word(StrEnum):
    """What happened to an incident."""

    OPENED = "opened"
    STILL = "still open"
    RAISED = "raised"
    REOPENED = "open again"
    CLOSED = "closed"
    KEPT = "kept"


SILENT = (Word.STILL, Word.KEPT)
"""Transitions without a notification if a person dismissed the incident."""


@dataclass(frozen=True)
class Decision:
    """What a person decided, why, when by that machine's clock, and the level at that time."""

    what: str
    reason: str
    name: str
    email: str
    when: str
    level: str


@dataclass
class Incident:
    """One incident with the fields of its file; `told` records who heard of which transition."""

    id: str
    rule: str
    figure: str
    limit: str
    window: str
    level: Level
    do: str
    opened: str = ""
    closed: str = ""
    why: str = ""
    """Why it is closed; empty while it is open."""
    batches: dict[str, Seen] = field(default_factory=dict)
    told: dict[str, dict[str, bool]] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Whether the rule still fires, as far as is known."""
        return not self.why

    @property
    def first(self) -> str:
        """The batch of the first notification."""
        keys = (key for key in self.told if key.startswith(f"{Word.OPENED} "))
        return next(keys, "").removeprefix(f"{Word.OPENED} ")

    @property
    def is_withdrawn(self) -> bool:
        """Whether its batches no longer fire, or belong to another incident."""
        return self.why in (JUDGED_AGAIN, BELONGS)

    @property
    def decision(self) -> Decision | None:
        """The decision that applies: the last one."""
        return self.decisions[-1] if self.decisions else None

    @property
    def is_dismissed(self) -> bool:
        """Whether a person dismissed it at its level, or at a higher one."""
        last = self.decision
        return (
            last is not None
            and last.what == "dismiss"
            and not (last.level == Level.NOTICE and self.level is Level.ACT)
        )

    @property
    def firing(self) -> list[str]:
        """The batches in which it fired, in their order."""
        return Run(self.batches, None).firing

    def set_rule(self, rule: Rule) -> None:
        """Take over the rule as it is in gates.yaml now."""
        self.rule, self.figure, self.limit = rule.name, rule.figure, rule.limit
        self.window, self.level, self.do = rule.window, rule.level, rule.do

    def note(self, word: Word, batch: str) -> None:
        """Record a transition, to be reported once; of a dismissed incident, not every one."""
        silent = self.is_dismissed and word in SILENT
        self.told.setdefault(f"{word} {batch}", {"dismissed": True} if silent else {})

    def has(self, word: Word, batch: str) -> bool:
        """Return whether a transition was recorded before."""
        return f"{word} {batch}" in self.told


@dataclass(frozen=True)
class Transition:
    """What happened to an incident with a batch, before all receivers have heard of it."""

    incident: Incident
    word: Word
    batch: str

    @property
    def key(self) -> str:
        """Its key in the incident's file."""
        return f"{self.word} {self.batch}"

    @property
    def heard(self) -> dict[str, bool]:
        """The receivers, and whether each has heard; to be changed in place."""
        return self.incident.told[self.key]


def rule_slug(name: str) -> str:
    """Return a rule's name as part of a file's name: a to z, 0 to 9 and dashes.

    Where that loses part of the name, a hash of it is appended, so that slugs are unique.
    """
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", ascii_name).strip("-")[:LONGEST].strip("-")
    if words.replace("-", " ") == name:
        return words
    return f"{words}-{rule_digest(name)}".lstrip("-")


def rule_digest(name: str) -> str:
    """Return eight hexadecimal digits that stand for a rule's name."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
