"""The history of an artifact as entries: each event in words, with details and check results."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from headrace.core.metrics import is_numeric, leaves
from headrace.errors import join_names
from headrace.registry.check import Case, CheckResult, Outcome
from headrace.registry.checks import certified_outputs
from headrace.registry.events import evidence_at
from headrace.registry.tags import Kind
from headrace.report.text import NONE, counted, number

TRAINING_CHECKS = ("commit", "tree", "lock", "bundle", "metrics", "parameters", "bytes-kept")
VERIFICATION_CHECKS = ("certificate",)
EVENT_NAMES = {
    ("promote", Kind.ASSIGN): "promoted",
    ("rollback", Kind.ASSIGN): "restored",
    ("rollback", Kind.UNASSIGN): "rolled back",
    ("demote", Kind.UNASSIGN): "demoted",
}
KIND_NAMES = {
    Kind.REGISTER: "registered",
    Kind.ASSIGN: "assigned",
    Kind.UNASSIGN: "unassigned",
    Kind.DEREGISTER: "deregistered",
    Kind.DEPRECATE: "deprecated",
}
"""The names of events without evidence."""
UNKNOWN = "unknown"
MAX_LISTED = 4
"""Parameters or metrics that a fact names before it counts the others."""
Facts = Iterator[tuple[str, str]]


@dataclass(frozen=True)
class Entry:
    """One line of a history: an event, its subject such as a version, its time, and the person.

    `time` is in seconds since 1970. `facts` are pairs of a head and a text; `marked` entries are
    shown in red. `dated` is false for a lightweight tag, which has no time.
    """

    time: int
    event: str
    subject: str
    person: str
    tag: str = ""
    version: str = ""
    stage: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    results: tuple[CheckResult, ...] = ()
    marked: bool = False
    dated: bool = True

    @property
    def failures(self) -> list[CheckResult]:
        """The results of the checks that failed."""
        return [result for result in self.results if result.outcome is Outcome.FAILED]

    @property
    def moment(self) -> str:
        """The time for people, in UTC."""
        return moment(self.time) if self.dated else "no time"


class History:
    """What has entries, the oldest first, and so the results of their checks."""

    entries: tuple[Entry, ...]

    def with_outcome(self, outcome: Outcome) -> list[tuple[Entry, CheckResult]]:
        """Return the results with an outcome, each with its entry."""
        return [
            (entry, result)
            for entry in self.entries
            for result in entry.results
            if result.outcome is outcome
        ]


def moment(time: int) -> str:
    """Return a time for people, in UTC."""
    try:
        return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):  # a forged tag may hold any number
        return "no time"


def entries(case: Case, results: tuple[CheckResult, ...], last: object) -> Iterator[Entry]:
    """Yield the entries of an event; of a registration also its training and verification.

    `last` are the parameters of the version before.
    """
    event = case.event
    if event.evidence is not None and event.name.kind is Kind.REGISTER:
        yield from _before_registration(case, results, last)
        earlier = (*TRAINING_CHECKS, *VERIFICATION_CHECKS)
        results = tuple(result for result in results if result.name not in earlier)
    version = case.state.version(event)
    version = version[:10] if version == event.commit else version
    action = str(case.evidence("action") or "")
    dated = event if event.annotated else case.state.newest  # a lightweight tag has no time
    time = dated.by.time if dated else 0
    entry = Entry(
        time,
        EVENT_NAMES.get((action, event.name.kind), KIND_NAMES[event.name.kind]),
        _subject(case, version, action),
        str(event.by.person) if event.annotated else UNKNOWN,
        event.tag,
        version,
        event.name.stage,
        tuple(_event_facts(case, action)),
        results,
        marked=event.evidence is None,
        dated=event.annotated,
    )
    overridden = bool(case.evidence("override"))
    yield replace(entry, event="overridden", marked=True) if overridden else entry


def missing_tag(case: Case) -> Iterator[Entry]:
    """Yield an entry for the tag before an event if that was deleted."""
    name, shared = case.evidence("previous", "tag"), case.shared
    if isinstance(name, str) and name not in shared.tags and name not in shared.missing:
        shared.missing.add(name)
        facts = (("gap", f"{case.event.tag} holds its hash, and follows it"),)
        yield Entry(case.event.by.time, "gone", name, UNKNOWN, facts=facts, marked=True)


def _subject(case: Case, version: str, action: str) -> str:
    stage, champion = case.event.name.stage, case.evidence("champion", "version")
    if case.event.name.kind is Kind.ASSIGN:
        if action == "rollback":
            return f"{version} is in {stage} again"
        return f"{version} to {stage}" + (f", replacing {champion}" if champion else "")
    if case.event.name.kind is Kind.UNASSIGN:
        return f"{version} out of {stage}"
    return version if case.event.name.version else case.event.name.artifact


def _before_registration(
    case: Case, results: tuple[CheckResult, ...], last: object
) -> Iterator[Entry]:
    """Yield the entries before a registration: its commit, and its certificate."""
    version, snapshot = case.event.name.version, case.snapshot
    if snapshot is None:
        return
    facts = [("commit", f"{snapshot.commit[:10]} {snapshot.subject}")]
    if changes := _parameter_changes(last, case.evidence("parameters")):
        facts.append(("parameters", changes))
    if metrics := _metrics_summary(case):
        facts.append(("metrics", metrics))
    author = snapshot.author
    trained = Entry(
        author.time,
        "retrained" if isinstance(last, Mapping) else "trained",
        version,
        str(author.person),
        version=version,
        facts=tuple(facts),
        results=tuple(result for result in results if result.name in TRAINING_CHECKS),
    )
    certificate = case.evidence("certificate")
    seconds = _seconds(evidence_at(certificate, "verified"))
    yield trained
    yield replace(
        trained,
        time=case.event.by.time if seconds is None else seconds,
        event="verified",
        person="headrace verify",
        facts=(("proof", _proof(certificate)),),
        results=tuple(result for result in results if result.name in VERIFICATION_CHECKS),
    )


def _seconds(text: object) -> int | None:
    """Return the time in a certificate as seconds since 1970."""
    try:
        return int(datetime.fromisoformat(str(text)).timestamp())
    except (ValueError, OverflowError):
        return None


def _proof(certificate: object) -> str:
    """Return how much a certificate covers, and where it was made."""
    stages, outputs = _list(evidence_at(certificate, "stages")), certified_outputs(certificate)
    where = [evidence_at(certificate, name) for name in ("python", "processor")]
    coverage = f"{counted(len(outputs), 'output')} of {counted(len(stages), 'stage')}"
    return ", ".join([coverage, *(str(text) for text in where if text)])


def _event_facts(case: Case, action: str) -> Facts:
    if case.event.name.kind is Kind.DEREGISTER:
        yield "note", "`dvc artifacts get` still gets it, by its version"
    if case.event.evidence is None:
        yield "message", case.event.subject or "none"
        return
    for name in ("why", "reason"):
        if reason := case.evidence(name):
            yield "reason", str(reason)
    if reason := case.evidence("override", "reason"):
        yield "override", str(reason)
    if action == "promote":
        yield from _comparison_facts(case.evidence("comparison"))


def _comparison_facts(comparison: object) -> Facts:
    gates, metrics = (_list(evidence_at(comparison, name)) for name in ("gates", "metrics"))
    failed = [gate for gate in gates if evidence_at(gate, "kept") is not True]
    counts = f"{len(gates) - len(failed)} passed, {len(failed)} failed"
    yield "gates", counts if gates else "none"
    for gate in failed:
        yield "failed gate", str(evidence_at(gate, "says"))
    changed = [change for change in metrics if evidence_at(change, "word") in ("better", "worse")]
    changed.sort(key=lambda change: evidence_at(change, "interval") is None)  # the sure ones first
    if changed:
        yield "metrics", join_names(map(_metric_change, changed), MAX_LISTED)


def _list(content: object) -> list[Any]:
    return content if isinstance(content, list) else []


def _metric_change(change: object) -> str:
    old, new, low, high = (
        _number(evidence_at(change, *names))
        for names in (("old",), ("new",), ("interval", "low"), ("interval", "high"))
    )
    interval = f", {low} to {high}" if low != NONE else ""
    return f"{evidence_at(change, 'name')} {old} → {new} ({evidence_at(change, 'word')}{interval})"


def _number(value: Any) -> str:
    return number(value) if is_numeric(value) else NONE


def _metrics_summary(case: Case) -> str:
    """Return the first numbers of the last metrics file, scores before counts."""
    files = [file.numbers for file in case.commit.metrics.values() if file and file.numbers]
    if not files:
        return ""
    numbers = sorted(files[-1].items(), key=lambda item: isinstance(item[1], int))
    return join_names((f"{name} {_number(value)}" for name, value in numbers), MAX_LISTED)


def _parameter_changes(old: object, new: object) -> str:
    """Return the parameters that differ from the version before."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return ""
    before, after = (dict[str, Any](leaves(parameters)) for parameters in (old, new))
    changes = [
        f"{name} {before.get(name, 'none')} → {after.get(name, 'none')}"
        for name in {**before, **after}
        if before.get(name) != after.get(name)
    ]
    return join_names(changes, MAX_LISTED) or "unchanged"
