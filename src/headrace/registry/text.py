"""Sentences and figures that every form of an audit shows."""

from collections import Counter
from collections.abc import Iterator

from headrace.gates.live import SEVERITY, Light
from headrace.registry.audit import ArtifactHistory, Audit
from headrace.registry.check import Outcome
from headrace.registry.incidents import IncidentHistory
from headrace.registry.live_batches import Batch, LiveBatches
from headrace.registry.timeline import Entry, History
from headrace.report.text import NONE, counted

CHECK_NAMES = {
    "tag": "the tag and its evidence",
    "previous": "the tag before",
    "counter": "its number",
    "commit": "its commit",
    "tree": "the commit's tree",
    "lock": "dvc.lock",
    "bundle": "the bundle in dvc.lock",
    "metrics": "the metrics",
    "parameters": "the parameters",
    "certificate": "the certificate",
    "bytes-kept": "the bundle's bytes",
    "registration": "the registration",
    "champion": "the champion before",
    "gates": "the gates",
    "approver": "the approver",
    "signature": "the signature",
    "decision": "the decision",
}
"""What people call the checks."""
OUTCOMES = {Outcome.PASSED: "passed", Outcome.FAILED: "failed", Outcome.UNCHECKED: "not checked"}
"""What people call the outcomes."""
LONG = 1e12
"""From here on a figure is shortened: a forged one would break the table."""
FIGURE_HEADS = ("rows", "positives", "cost per 1,000", "95 % interval")
"""The figures of a live batch."""
SOUND_MARK = {True: "", False: " (check failed)"}
"""The note beside the version in a stage."""


def verdict(audit: Audit) -> str:
    """Return one sentence on the outcome of all checks."""
    if not audit.incidents and not any(history.entries for history in audit.artifacts):
        return "Nothing is registered here yet. Next: headrace register"
    passed, failed = audit.count(Outcome.PASSED), audit.count(Outcome.FAILED)
    if failed:
        return f"{failed:,} of {counted(passed + failed, 'check')} failed."
    return "The only check passed." if passed == 1 else f"All {counted(passed, 'check')} passed."


def unchecked_reasons(part: History) -> Iterator[str]:
    """Yield the checks that could not be made, each reason once, with its count."""
    results = (result for _, result in part.with_outcome(Outcome.UNCHECKED))
    counts = Counter((result.name, result.message) for result in results)
    for (name, message), count in counts.items():
        yield f"{CHECK_NAMES.get(name, name)}, {counted(count, 'time')}: {message}"


def artifact_summary(history: ArtifactHistory) -> str:
    """Return how many versions and events an artifact has."""
    note = ", deprecated by gto" if history.deprecated else ""
    return f"{counted(history.versions, 'version')}, {counted(len(history.entries), 'event')}{note}"


def incidents_summary(audit: Audit) -> str:
    """Return how many incidents there are, are open, and were decided on."""
    still_open = sum(incident.is_open for incident in audit.incidents)
    decided = sum(bool(incident.decision) for incident in audit.incidents)
    count = counted(len(audit.incidents), "incident")
    return f"{count}, {still_open} open, {decided} decided by a person"


def entry_mark(entry: Entry) -> str:
    """Return the note beside an entry's event; mostly none."""
    if entry.event == "gone":
        return "a gap"
    if entry.marked and entry.event != "overridden":
        return "without evidence"
    return ""


def outcome_counts(entry: Entry) -> str:
    """Return how many checks of an entry had which outcome."""
    counts = Counter(result.outcome for result in entry.results)
    return ", ".join(
        f"{counts[outcome]} {OUTCOMES[outcome]}" for outcome in Outcome if counts[outcome]
    )


def batches_note(live: LiveBatches) -> str:
    """Return what the figures of the live batches mean."""
    model = live.model_version or "the model of this commit"
    return (
        "Costs are of the predictions made then; drift is against the training data of"
        f" {model}; the version of a batch was in {live.stage} when it was first monitored."
    )


def batch_figures(batch: Batch) -> Iterator[str]:
    """Yield a batch's figures in the order of `FIGURE_HEADS`; a dash where one is unknown."""
    yield _rounded(batch.rows)
    yield NONE if batch.share is None else f"{100 * min(batch.share, LONG):.1f} %"
    yield f"{'≈ ' if batch.estimated else ''}{_rounded(batch.cost)}"
    if batch.estimated:
        yield "estimated"
    elif batch.low is None or batch.high is None:
        yield NONE
    else:
        yield f"{_rounded(batch.low)} to {_rounded(batch.high)}"


def _rounded(value: float | None) -> str:
    return NONE if value is None else f"{value:,.0f}" if abs(value) < LONG else f"{value:.3g}"


def worst_light(batch: Batch) -> Light:
    """Return the worst light of a batch; unknown where no rule applies to it."""
    return max(batch.lights.values(), key=SEVERITY, default=Light.UNKNOWN)


def decision_summary(incident: IncidentHistory) -> str:
    """Return what was decided about an incident, and how it was closed."""
    if incident.decision:
        decision = f"{incident.decision} by {incident.decided_by}"
    else:
        decision = "no decision yet"
    return decision if incident.is_open else f"{decision}; {incident.status}"
