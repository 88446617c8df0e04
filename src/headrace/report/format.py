"""Numbers and sentences as every form of the report writes them."""

import math
from collections.abc import Iterable

from headrace.compare.model import CostChange, GateResult, MetricChange, Report, Word
from headrace.stats.recipe import Interval

NONE = "-"
WORDS = (Word.WORSE, Word.BETTER)


def number(value: float | None) -> str:
    """Write a number so that it can be read: four decimals, or four digits where it is small."""
    if value is None:
        return NONE
    if isinstance(value, int):
        return f"{value:,}" if abs(value) < 10**15 else f"{value:.4g}"
    if value == 0 or 0.0001 <= abs(value) < 100:
        return f"{value:.4f}"
    return f"{value:,.1f}" if 100 <= abs(value) < 1e9 else f"{value:.3g}"


def change(value: float | None) -> str:
    """Write a change with its sign."""
    return "" if value is None else f"{'+' if value > 0 else '-'}{number(abs(value))}"


def interval(value: Interval | None) -> str:
    """Write an interval as its ends."""
    return "" if value is None else f"{change(value.low)} to {change(value.high)}"


def verdict(report: Report) -> str:
    """Say in one sentence whether the gates are kept."""
    if not report.gates:
        return "No gates to keep."
    if not report.broken:
        return f"All {len(report.gates)} gates are kept."
    return f"{len(report.broken)} of {len(report.gates)} gates broken."


def sentence(gate: GateResult) -> str:
    """Return a gate's sentence with its file before it, where its name has one."""
    file, _, name = gate.name.partition(" ")
    return f"{file}: {gate.says}" if name and "/" in file else gate.says


def moves(report: Report, most: int = 3) -> list[MetricChange]:
    """Return the biggest moves that are not noise: by their share of the old value."""
    moved = [one for one in report.metrics if one.word in (*WORDS, Word.CHANGED)]
    rank = {Word.WORSE: 0, Word.BETTER: 0}
    return sorted(moved, key=lambda one: (rank.get(one.word, 1), -_share(one)))[:most]


def _share(one: MetricChange) -> float:
    if one.old is None or one.new is None or not math.isfinite(one.change or 0.0):
        return math.inf
    return abs(one.change or 0.0) / (abs(one.old) or 1.0)


def counted(report: Report) -> str:
    """Say how many numbers there are of each word."""
    words = [one.word for one in report.metrics]
    parts = [f"{words.count(word):,} {word}" for word in Word if word in words]
    return ", ".join([*parts, f"{report.unchanged:,} the same"])


COSTS = {"wall_s": "seconds", "cpu_s": "CPU s", "peak_rss_mib": "MiB", "dollars": "dollars"}


def cost_heads(costs: Iterable[CostChange]) -> dict[str, str]:
    """Return the figures that any stage's cost has, and what they are called."""
    known = {key for one in costs for side in (one.old, one.new) for key in side or {}}
    return {key: head for key, head in COSTS.items() if key in known}


def cost(one: CostChange, key: str) -> str:
    """Write one figure of a stage's cost, old and new."""
    pattern = ",.5f" if key == "dollars" else ",.1f"
    sides = [(side or {}).get(key) for side in (one.old, one.new)]
    texts = [NONE if value is None else f"{value:{pattern}}" for value in sides]
    return texts[0] if texts[0] == texts[1] else " → ".join(texts)
