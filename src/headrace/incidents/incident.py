"""An incident: from the batch in which a rule fires to the one in which it is quiet again."""

import hashlib
import re
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum

from headrace.gates.live import Level, Rule
from headrace.incidents.firing_runs import Run, Seen

JUDGED_AGAIN = "judged again, it is quiet"
BELONGS = "it belongs to an earlier incident"
"""Why an incident is closed that turned out to be none, or none of its own."""
LONGEST = 60
"""Letters of a rule's name that a file's name takes up."""


class Word(StrEnum):
    """What happened to an incident."""

    OPENED = "opened"
    STILL = "still open"
    RAISED = "raised"
    REOPENED = "open again"
    CLOSED = "closed"
    KEPT = "kept"


QUIETENED = (Word.STILL, Word.KEPT)
"""What is not told of an incident that a person dismissed."""


@dataclass(frozen=True)
class Decision:
    """What a person decided, why, and when by that machine's clock; `level` is what was known."""

    what: str
    reason: str
    name: str
    email: str
    when: str
    level: str


@dataclass
class Incident:
    """One incident, as its file holds it; `told` says who heard of which transition."""

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
    """Why it is closed; nothing while it is open."""
    batches: dict[str, Seen] = field(default_factory=dict)
    told: dict[str, dict[str, bool]] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Whether the rule still fires, as far as is known."""
        return not self.why

    @property
    def first(self) -> str:
        """The batch with which people first heard of it."""
        keys = (key for key in self.told if key.startswith(f"{Word.OPENED} "))
        return next(keys, "").removeprefix(f"{Word.OPENED} ")

    @property
    def is_withdrawn(self) -> bool:
        """Whether it turned out to be none, or none of its own."""
        return self.why in (JUDGED_AGAIN, BELONGS)

    @property
    def decision(self) -> Decision | None:
        """The decision that stands: the last one."""
        return self.decisions[-1] if self.decisions else None

    @property
    def is_dismissed(self) -> bool:
        """Whether a person dismissed it at the level that it has, or at a higher one."""
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

    def take(self, rule: Rule) -> None:
        """Take over what gates.yaml says of the rule now."""
        self.rule, self.figure, self.limit = rule.name, rule.figure, rule.limit
        self.window, self.level, self.do = rule.window, rule.level, rule.do

    def note(self, word: Word, batch: str) -> None:
        """Note a transition, to be told once; what a person dismissed is told to nobody."""
        silent = self.is_dismissed and word in QUIETENED
        self.told.setdefault(f"{word} {batch}", {"dismissed": True} if silent else {})

    def has(self, word: Word, batch: str) -> bool:
        """Tell whether a transition was noted before."""
        return f"{word} {batch}" in self.told


@dataclass(frozen=True)
class Transition:
    """What happened to an incident with a batch; not all who should know have heard of it."""

    incident: Incident
    word: Word
    batch: str

    @property
    def heard(self) -> dict[str, bool]:
        """Who should hear of it, and has; to be changed in place."""
        return self.incident.told[f"{self.word} {self.batch}"]


def slug(name: str) -> str:
    """Return a rule's name as part of a file's name: a to z, 0 to 9 and dashes.

    Where it does not say all of the name, a hash of the name makes it one of its own.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST].strip("-")
    if words.replace("-", " ") == name:
        return words
    return f"{words}-{digest(name)}".lstrip("-")


def digest(name: str) -> str:
    """Return eight hexadecimal digits that stand for a name."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
