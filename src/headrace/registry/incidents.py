"""The incidents of the live model, and who decided about them, from git's history.

Read from git's objects at HEAD, so that a bare clone gives the same result. A decision counts for
the author of the first commit that holds it in this form: editing one makes it the editor's own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from headrace.core import git
from headrace.core.git import Objects
from headrace.core.identity import Person
from headrace.errors import ProjectError
from headrace.incidents import text
from headrace.incidents.incident import Decision
from headrace.registry.alert_history import Commit, FileHistory, file_histories, last_change
from headrace.registry.check import CheckResult, Outcome
from headrace.registry.timeline import UNKNOWN, Entry, History

DECISION_NAMES = {"dismiss": "dismissed", "rollback": "roll back", "retrain": "retrain"}
OTHER_DECISION = "decided"
"""The name of a choice that headrace does not know."""
PASSED = "The commit's author made the decision, and nobody changed it since."


@dataclass(frozen=True)
class IncidentHistory(History):
    """One incident: its last status in words, and its entries, oldest first.

    `study` is the path from the repository's top to the study. `opened` is the batch in which it
    opened, empty if it was withdrawn; `closed` the batch that closed it.
    """

    id: str
    rule: str
    level: str
    is_open: bool
    status: str
    evidence: str
    entries: tuple[Entry, ...]
    decision: str = ""
    decided_by: str = ""
    study: str = ""
    opened: str = ""
    closed: str = ""
    firing: tuple[str, ...] = ()
    """The batches in which its rule fired."""

    def was_open_in(self, batch: str) -> bool:
        """Return whether it was open in a batch: from its first one to the one that closed it."""
        if not self.opened or batch < self.opened:
            return False
        return self.is_open or batch < self.closed or batch in self.firing

    @property
    def failed(self) -> bool:
        """Whether any check of it failed."""
        return bool(self.with_outcome(Outcome.FAILED))


def read(root: Path, objects: Objects, prefix: str | None) -> list[IncidentHistory]:
    """Return the incidents of a study, or of all studies where `prefix` is None, oldest first."""
    paths = studies(root, prefix)
    shallow = bool(paths) and git.is_shallow(root)
    incidents = [
        _incident_history(root, history)
        for path in paths
        for history in file_histories(root, objects, path, shallow=shallow)
    ]
    return sorted(incidents, key=lambda incident: incident.entries[0].time)


def studies(root: Path, prefix: str | None) -> list[str]:
    """Return the path to the study, or, where `prefix` is None, to all studies of HEAD."""
    try:
        listing = git.run(root, "ls-tree", "-r", "-z", "--name-only", "--full-tree", "HEAD")
    except ProjectError:  # nothing is committed yet
        return []
    # With the slash, a file such as old-dvc.yaml is no study.
    names = listing.split("\0") if prefix is None else [f"{prefix}dvc.yaml"]
    return [name.removesuffix("dvc.yaml") for name in names if f"/{name}".endswith("/dvc.yaml")]


def _incident_history(root: Path, history: FileHistory) -> IncidentHistory:
    if not history.states:
        stem = history.path.rpartition("/")[2].removesuffix(".json")
        entries = (_missing_file(root, history),)
        return IncidentHistory(
            stem, stem, "", False, history.problem, "", entries, study=history.study
        )
    last = history.last or history.states[-1][1]
    events = [_opened(history), *_decisions(root, history), *_closed(history)]
    if history.last is None:
        events.append(_missing_file(root, history))
    events.sort(key=lambda entry: entry.time)
    return IncidentHistory(
        id=last.id,
        rule=last.rule,
        level=str(last.level),
        is_open=history.last is not None and last.is_open,
        status=text.state(last) if history.last else history.problem,
        evidence=text.evidence(last),
        entries=tuple(events),
        decision=_decision_name(last.decision) if last.decision else "",
        decided_by=last.decision.name if last.decision else "",
        study=history.study,
        opened="" if last.is_withdrawn else last.opened,
        closed=last.closed,
        firing=tuple(last.firing),
    )


def _decision_name(decision: Decision) -> str:
    return DECISION_NAMES.get(decision.choice, OTHER_DECISION)


def _opened(history: FileHistory) -> Entry:
    commit, incident = history.states[0]
    last = history.last or history.states[-1][1]
    facts = (("shows", text.evidence(last)), ("to do", incident.do), _commit_fact(commit))
    subject = f"{incident.rule} ({incident.level}, {incident.opened})"
    return Entry(commit.by.time, "opened", subject, str(commit.by.person), facts=facts)


def _closed(history: FileHistory) -> Iterator[Entry]:
    """Yield the end: the first commit since which it is closed; it may have been open again."""
    closed = [*takewhile(lambda state: not state[1].is_open, reversed(history.states))]
    if closed:
        commit, incident = closed[-1]
        subject, facts = f"{incident.rule} ({incident.close_reason})", (_commit_fact(commit),)
        yield Entry(commit.by.time, "closed", subject, str(commit.by.person), facts=facts)


def _decisions(root: Path, history: FileHistory) -> Iterator[Entry]:
    first: dict[Decision, Commit] = {}
    # The first commit that holds a decision made it; every later one holds it, too.
    for commit, incident in history.states:
        for decision in incident.decisions:
            first.setdefault(decision, commit)
    current = history.last.decisions if history.last else []
    for decision, commit in first.items():
        result = _check_decision(root, history, decision, commit, current)
        last = current[-1] if decision in current else decision
        change = f"{_decision_name(last)}, decided by {last.name}"
        replaced = () if last == decision else (("replaced by", change),)
        yield Entry(
            commit.by.time,
            _decision_name(decision),
            history.rule,
            str(Person(decision.name, decision.email)),
            facts=(("reason", decision.reason), *replaced, _commit_fact(commit)),
            results=(result,),
        )


def _check_decision(
    root: Path,
    history: FileHistory,
    decision: Decision,
    commit: Commit,
    current: Sequence[Decision],
) -> CheckResult:
    person = Person(decision.name, decision.email)
    if history.shallow:
        message = "the clone is shallow, and does not hold who committed it"
        return CheckResult("decision", Outcome.UNCHECKED, message)
    if decision not in current:
        message = f"it was changed or deleted since, last in {last_change(root, history)}"
        return CheckResult("decision", Outcome.FAILED, message)
    if not commit.by.person.is_same(person):
        return CheckResult("decision", Outcome.FAILED, f"it names {person}, and is in {commit}")
    return CheckResult("decision", Outcome.PASSED, PASSED)


def _missing_file(root: Path, history: FileHistory) -> Entry:
    """Return the entry of a file that was deleted, or cannot be read."""
    message = f"{history.path}: {history.problem}, last changed in {last_change(root, history)}"
    time = history.states[-1][0].by.time if history.states else 0
    result = CheckResult("decision", Outcome.FAILED, message)
    return Entry(time, "gone", history.path, UNKNOWN, results=(result,), marked=True)


def _commit_fact(commit: Commit) -> tuple[str, str]:
    return ("commit", f"{commit.hash[:10]} {commit.subject}")
