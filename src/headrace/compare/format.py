"""Sentences on a comparison that every form of the report has."""

import math
from collections.abc import Iterable

from headrace.compare.model import CostChange, GateResult, MetricChange, Report, Word
from headrace.report.text import NONE, signed
from headrace.stats.recipe import Interval

WORDS = (Word.WORSE, Word.BETTER)


def interval(value: Interval | None) -> str:
    """Write an interval as its ends."""
    return "" if value is None else f"{signed(value.low)} to {signed(value.high)}"


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


def word_counts(report: Report) -> str:
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
