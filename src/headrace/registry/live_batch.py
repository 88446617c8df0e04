"""A live batch as an audit shows it, and what all batches of a study share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headrace.gates.live import Level, Light, Verdict
from headrace.registry.incidents import Account

COST = "cost_per_1000"


@dataclass(frozen=True)
class Mark:
    """A rule on the cost that fires: how loud it is, and its bound in words."""

    level: Level
    limit: str


@dataclass(frozen=True)
class Shown:
    """An incident that was open in a batch, as it stands now, and who decided what about it."""

    id: str
    rule: str
    level: str
    is_open: bool
    standing: str
    decided: str
    by: str
    sound: bool


@dataclass(frozen=True)
class Batch:
    """One batch: `share` is of positives; `cost` per 1,000 rows, `low` to `high` its interval.

    What is not known is None; `estimated` says that share and cost take the model's word for it.
    `version` was in the last stage when the batch was first watched; empty where nobody can tell.
    """

    batch: str
    version: str
    rows: float | None
    share: float | None
    cost: float | None
    low: float | None
    high: float | None
    estimated: bool
    marks: tuple[Mark, ...]
    lights: Mapping[str, Light]
    incidents: tuple[Shown, ...]


@dataclass(frozen=True)
class Live:
    """A study's batches, oldest first; `study` leads to it from the repository's top.

    `stage` is the last one; `judge` the version whose figures these are, empty where it is not
    registered. `problems` say what could not be read.
    """

    study: str
    stage: str
    judge: str
    checks: tuple[str, ...]
    batches: tuple[Batch, ...]
    problems: tuple[str, ...] = ()


def of(
    name: str,
    version: str,
    known: Mapping[str, float],
    firing: Sequence[Verdict],
    lit: Mapping[str, Light],
    accounts: Sequence[Account],
) -> Batch:
    """Make a batch of its numbers by their dotted names, the rules that fire, and its incidents."""
    estimated = f"performance.{COST}" not in known and f"estimate.{COST}" in known
    of = "estimate" if estimated else "performance"
    cost, low, high = (known.get(f"{of}.{COST}{end}") for end in ("", "_low", "_high"))
    about_cost = [one.rule for one in firing if one.rule.figure.startswith(f"{of}.{COST}")]
    return Batch(
        name,
        version,
        known.get("rows"),
        known.get(f"{of}.late_share"),
        cost,
        low,
        high,
        estimated,
        tuple(Mark(one.level, one.limit) for one in about_cost),
        lit,
        tuple(map(_shown, sorted(accounts, key=lambda one: (not one.is_open, one.level)))),
    )


def _shown(one: Account) -> Shown:
    level, stands = one.level, one.standing
    return Shown(
        one.id, one.rule, level, one.is_open, stands, one.decided, one.by, sound=not one.broken
    )
