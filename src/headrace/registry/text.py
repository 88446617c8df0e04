"""Sentences that every form of an audit has."""

from collections import Counter
from collections.abc import Iterator

from headrace.gates.live import Light
from headrace.registry.audit import Audit, Life
from headrace.registry.check_result import Truth
from headrace.registry.incidents import Account
from headrace.registry.live_batch import Batch, Live, Shown
from headrace.registry.timeline import Entry
from headrace.report.text import NONE, counted

NAMES = {
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
    "approver": "who approved",
    "signature": "the signature",
    "decision": "the decision",
}
"""What people call the links."""
LONG = 1e12
"""From here on a figure is shortened."""
HEADS = ("rows", "positives", "cost per 1,000", "95 % interval")
"""The figures of a live batch."""
UNSOUND = {True: "", False: " (broken)"}
"""What is said of a version in a stage."""


def verdict(audit: Audit) -> str:
    """Say in a sentence whether the chain holds."""
    if not audit.incidents and not any(life.entries for life in audit.lives):
        return "Nothing is registered here yet. Next: headrace register"
    true, broken = audit.count(Truth.TRUE), audit.count(Truth.BROKEN)
    if broken:
        return f"The chain is broken: {broken:,} of {counted(true + broken, 'link')}."
    return f"The chain holds: {counted(true, 'link')}, all true."


def unchecked(life: Life | Account) -> Iterator[str]:
    """Yield what could not be checked here, each reason once, with its count."""
    listed = [one for entry in life.entries for one in entry.links]
    found = Counter((one.name, one.says) for one in listed if one.truth is Truth.UNCHECKED)
    for (name, says), count in found.items():
        yield f"{NAMES.get(name, name)}, {counted(count, 'time')}: {says}"


def life(one: Life) -> str:
    """Say how much there is of an artifact."""
    gone = ", deprecated by gto" if one.deprecated else ""
    return f"{counted(one.versions, 'version')}, {counted(len(one.entries), 'event')}{gone}"


def incidents(audit: Audit) -> str:
    """Say how many incidents there are, and how many of them are open."""
    listed = audit.incidents
    still = sum(one.is_open for one in listed)
    decided = sum(bool(one.decided) for one in listed)
    return f"{counted(len(listed), 'incident')}, {still} open, {decided} decided by a person"


def marks(entry: Entry) -> str:
    """Return what must be said beside an entry's word; mostly nothing."""
    if entry.word == "gone":
        return "a gap"
    if entry.marked and entry.word != "overridden":
        return "without evidence"
    return ""


def links(entry: Entry) -> str:
    """Say what the links of an entry come to."""
    counts = Counter(one.truth for one in entry.links)
    return ", ".join(f"{counts[truth]} {truth}" for truth in Truth if counts[truth])


def batches(live: Live) -> str:
    """Say what the figures of the live batches are of, and what stands beside them."""
    judge = live.judge or "the model of this commit"
    beside = f"the version beside a batch was in {live.stage} when it was first watched"
    return f"Costs are of what was answered then, drift is from what {judge} learned; {beside}."


def figures(one: Batch) -> Iterator[str]:
    """Yield a batch's figures in plain text, in the order of `HEADS`; a dash where one lacks."""
    yield _whole(one.rows)
    yield NONE if one.share is None else f"{100 * min(one.share, LONG):.1f} %"
    yield f"{'≈ ' if one.estimated else ''}{_whole(one.cost)}"
    ends = f"{_whole(one.low)} to {_whole(one.high)}"
    yield "estimated" if one.estimated else NONE if None in (one.low, one.high) else ends


def _whole(value: float | None) -> str:
    return NONE if value is None else f"{value:,.0f}" if abs(value) < LONG else f"{value:.3g}"


def loudest(one: Batch) -> Light:
    """Return the loudest light of a batch; not known where no rule looks at it."""
    order = (Light.ACT, Light.NOTICE, Light.OK)
    return next((light for light in order if light in one.lights.values()), Light.UNKNOWN)


def decided(one: Shown) -> str:
    """Say what was decided about an incident, and how it stands where it is closed."""
    words = f"{one.decided} by {one.by}" if one.decided else "nobody has decided"
    return words if one.is_open else f"{words}; {one.standing}"
