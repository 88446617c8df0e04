"""The incidents of the live model, and who decided about them, as git's history tells it.

Read from git's objects at HEAD, so that a bare clone tells the same. A decision counts for the
author of the first commit that holds it as it stands: who edits one later makes it their own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from headrace.core import git
from headrace.core.git import Objects
from headrace.core.identity import Person
from headrace.errors import ProjectError
from headrace.incidents import format as wording
from headrace.incidents.incident import Decision
from headrace.registry.alert_history import Commit, Past, last_change, pasts
from headrace.registry.check_result import Link, Truth
from headrace.registry.timeline import Entry

WORDS = {"dismiss": "dismissed", "rollback": "roll back", "retrain": "retrain"}
OTHER = "decided"
"""What a decision is called that headrace does not know."""
SOUND = "Its commit's author is who decided, and nobody changed it since."


@dataclass(frozen=True)
class Account:
    """What became of one incident: its last state in words, and its entries, oldest first."""

    id: str
    rule: str
    level: str
    is_open: bool
    standing: str
    shows: str
    entries: tuple[Entry, ...]
    decided: str = ""
    by: str = ""
    """Who decided that."""
    study: str = ""
    """The way from the repository's top to the study that it is of."""
    opened: str = ""
    """The batch in which it opened; nothing where it turned out to be none of its own."""
    closed: str = ""
    """The batch in which it closed."""
    firing: tuple[str, ...] = ()
    """The batches in which its rule fired."""

    def was_open_in(self, batch: str) -> bool:
        """Tell whether it was open in a batch: from its first one to the one that closed it."""
        if not self.opened or batch < self.opened:
            return False
        return self.is_open or batch < self.closed or batch in self.firing

    def links(self, truth: Truth) -> list[Link]:
        """Return the links of which this is known."""
        return [one for entry in self.entries for one in entry.links if one.truth is truth]

    @property
    def broken(self) -> bool:
        """Whether anything of it does not hold."""
        return bool(self.links(Truth.BROKEN))


def read(root: Path, objects: Objects, prefix: str | None) -> list[Account]:
    """Return the incidents of a study, or of all studies where none is meant, oldest first."""
    chosen = studies(root, prefix)
    if not chosen:
        return []
    shallow = git.run(root, "rev-parse", "--is-shallow-repository").strip() == "true"
    found = [past for one in chosen for past in pasts(root, objects, one, shallow=shallow)]
    return sorted((_account(root, one) for one in found), key=lambda one: one.entries[0].time)


def studies(root: Path, prefix: str | None) -> list[str]:
    """Return the ways to the study that is meant, or, where none is, to all that HEAD holds."""
    try:
        listed = git.run(root, "ls-tree", "-r", "-z", "--name-only", "--full-tree", "HEAD")
    except ProjectError:  # nothing is committed yet
        return []
    names = listed.split("\0") if prefix is None else [f"{prefix}dvc.yaml"]
    return [one.removesuffix("dvc.yaml") for one in names if f"/{one}".endswith("/dvc.yaml")]


def _account(root: Path, past: Past) -> Account:
    if not past.states:
        return _unreadable(root, past)
    last = past.last or past.states[-1][1]
    entries = [_opened(past), *_decided(root, past), *_closed(past)]
    if past.last is None:
        entries.append(_lost(root, past))
    entries.sort(key=lambda one: one.time)
    stands = wording.standing(last) if past.last else past.problem
    decided = WORDS.get(last.decision.what, OTHER) if last.decision else ""
    open_now = past.last is not None and last.is_open
    shows = wording.shows(last)
    return Account(
        last.id,
        last.rule,
        str(last.level),
        open_now,
        stands,
        shows,
        tuple(entries),
        decided,
        last.decision.name if last.decision else "",
        past.study,
        "" if last.is_withdrawn else last.opened,
        last.closed,
        tuple(last.firing),
    )


def _unreadable(root: Path, past: Past) -> Account:
    stem = past.path.rpartition("/")[2].removesuffix(".json")
    lost = (_lost(root, past),)
    return Account(stem, stem, "", False, past.problem, "", lost, study=past.study)


def _opened(past: Past) -> Entry:
    commit, one = past.states[0]
    last = past.last or past.states[-1][1]
    facts = (("shows", wording.shows(last)), ("to do", one.do), _fact(commit))
    what = f"{one.rule} ({one.level}, {one.opened})"
    return Entry(commit.by.time, "opened", what, str(commit.by.person), facts=facts)


def _closed(past: Past) -> Iterator[Entry]:
    """Yield the end: the first commit since which it is closed."""
    closing = None
    for commit, one in past.states:
        closing = (closing or (commit, one)) if not one.is_open else None
    if closing:
        commit, one = closing
        what = f"{one.rule} ({one.why})"
        who = str(commit.by.person)
        yield Entry(commit.by.time, "closed", what, who, facts=(_fact(commit),))


def _decided(root: Path, past: Past) -> Iterator[Entry]:
    first: dict[Decision, Commit] = {}
    for commit, one in past.states:
        for decision in one.decisions:
            first.setdefault(decision, commit)
    stands = past.last.decisions if past.last else []
    for decision, commit in first.items():
        link = _judged(root, past, decision, commit, stands)
        later = stands[stands.index(decision) + 1 :] if decision in stands else []
        more = (("later", f"{later[-1].what} by {later[-1].name}"),) if later else ()
        facts = (("reason", decision.reason), *more, _fact(commit))
        who = str(Person(decision.name, decision.email))
        word = WORDS.get(decision.what, OTHER)
        yield Entry(commit.by.time, word, past.rule, who, facts=facts, links=(link,))


def _judged(
    root: Path, past: Past, decision: Decision, commit: Commit, stands: Sequence[Decision]
) -> Link:
    author = commit.by.person
    if past.shallow:
        return Link(
            "decision", Truth.UNCHECKED, "the clone is shallow: who committed it is not here"
        )
    if decision not in stands:
        says = f"it was changed or taken away since, last in {last_change(root, past)}"
        return Link("decision", Truth.BROKEN, says)
    if not author.is_same(Person(decision.name, decision.email)):
        says = f"it names {decision.name} <{decision.email}>, and is in {commit.named}"
        return Link("decision", Truth.BROKEN, says)
    return Link("decision", Truth.TRUE, SOUND)


def _lost(root: Path, past: Past) -> Entry:
    """Return the gap where a file was taken away, or cannot be read."""
    says = f"{past.path}: {past.problem}, last changed in {last_change(root, past)}"
    time = past.states[-1][0].by.time if past.states else 0
    link = Link("decision", Truth.BROKEN, says)
    return Entry(time, "gone", past.path, "nobody knows who", links=(link,), marked=True)


def _fact(commit: Commit) -> tuple[str, str]:
    return ("commit", f"{commit.hash[:10]} {commit.subject}")
