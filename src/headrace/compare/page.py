"""The report as one page for a reviewer: no script, no network, a verdict on top, the rest folded.

Everything that people wrote (commits, branches, notebooks, names) passes through `escape`.
"""

from importlib.resources import files

from headrace.compare import page_sections as sections
from headrace.compare.model import CostChange, MetricChange, Report, Side, Word
from headrace.report.page_parts import ABSENT, BADGES, code, escape, interval, name, number, word

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""What a browser may do with the page, should anything ever slip through: show it."""
MOVES = 3


def render(report: Report) -> str:
    """Return the page of a report, as the text of one HTML file."""
    style = (files("headrace.compare") / "style.css").read_text("utf-8")
    title = f"{report.old.name} → {report.new.name}: {_headline(report)[1]}"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style></head>\n<body><main>\n"
        f"{_header(report)}\n{_verdict(report)}\n{_notes(report)}\n"
        f"{sections.folded(report)}\n</main></body></html>\n"
    )


def _header(report: Report) -> str:
    return (
        '<header><p class="kicker">headrace diff</p>'
        f"<h1>{name(report.old.name)} → {name(report.new.name)}</h1>"
        f'<p class="soft small">Old: {_side(report.old)}. New: {_side(report.new)}.</p></header>'
    )


def _side(side: Side) -> str:
    commit = f", commit {code(side.commit[:10])}" if side.commit else ""
    return f"{name(side.name)} ({name(side.why)}{commit})"


def _headline(report: Report) -> tuple[str, str]:
    """Return the verdict's kind and its words."""
    count = len(report.gates)
    if report.broken:
        broken = f"{len(report.broken)} of {count} gates broken"
        return "bad", f"Must not be merged: {broken if count > 1 else 'its one gate is broken'}"
    if count:
        kept = f"all {count} gates are kept" if count > 1 else "its one gate is kept"
        return "good", f"May be merged: {kept}"
    return "calm", "For you to judge: no gate says what a change must keep"


def _verdict(report: Report) -> str:
    kind, words = _headline(report)
    broken = "".join(f"<li>{name(gate.says)}</li>" for gate in report.broken)
    sign = {"good": "✓ ", "bad": "✗ "}.get(kind, "")
    return (
        f'<section class="verdict {kind}" aria-label="Verdict"><h2>{sign}{words}</h2>'
        f"{f'<ul>{broken}</ul>' if broken else ''}"
        f'<div class="halves"><div><h3>Biggest moves</h3>{_moves(report)}</div>'
        f"<div><h3>What it cost</h3>{_bill(report.costs)}</div></div></section>"
    )


def biggest(metrics: tuple[MetricChange, ...]) -> list[MetricChange]:
    """Return the changed metrics, the greatest first: what is no chance, then by relative size."""
    moved = [one for one in metrics if one.change]
    return sorted(moved, key=lambda one: (_certainty(one), -_relative(one)))


def _certainty(change: MetricChange) -> int:
    """Return 0 where the interval excludes zero, 1 where none is, 2 where it may be chance."""
    if change.interval is not None:
        return 0 if not change.interval.low <= 0 <= change.interval.high else 2
    return 2 if change.word is Word.NOISE else 1


def _relative(change: MetricChange) -> float:
    assert change.change is not None
    assert change.old is not None
    return abs(change.change) / abs(change.old) if change.old else float("inf")


def _moves(report: Report) -> str:
    moves = biggest(report.metrics)[:MOVES]
    if not moves:
        return '<p class="soft">No metric moved.</p>'
    return f'<ul class="moves">{"".join(map(_move, moves))}</ul>'


def _move(change: MetricChange) -> str:
    drawn = ""
    if change.interval is not None:
        kind = BADGES[change.word][0]
        drawn = f"<div>{interval(change.interval, change.change, kind)}</div>"
    relative = _relative(change)
    percent = f" ({relative:.1%} {'up' if (change.change or 0) > 0 else 'down'})"
    return (
        f'<li><div class="move"><span>{code(change.name)}</span><span>{word(change)}</span></div>'
        f'<div class="move"><span class="number">{number(change.old)} → {number(change.new)}</span>'
        f'<span class="soft small">{percent if relative < 10 else ""}</span></div>{drawn}</li>'
    )


def _bill(costs: tuple[CostChange, ...]) -> str:
    rows = [
        f"<dt>{escape(label)}</dt><dd>{old} → {new}</dd>"
        for key, label in sections.COSTS.items()
        if (old := _total(costs, key, "old")) != ABSENT
        and (new := _total(costs, key, "new")) != ABSENT
        and key in sections.SUMMED
    ]
    if not rows:
        return '<p class="soft">Nothing that is recorded.</p>'
    stages = ", ".join(change.stage for change in costs)
    other = "" if all(one.same_processor for one in costs) else " on another kind of processor"
    says = f'<p class="soft small">Stages that ran: {name(stages)}{other}.</p>'
    return f'<dl class="bill">{"".join(rows)}</dl>{says}'


def _total(costs: tuple[CostChange, ...], key: str, side: str) -> str:
    """Return the sum of what is known on both sides, so that like is held against like."""
    both = [one for one in costs if key in (one.old or {}) and key in (one.new or {})]
    if not both:
        return ABSENT
    return sections.amount(key, sum(float(getattr(one, side)[key]) for one in both))


def _notes(report: Report) -> str:
    """Return what could not be told: hidden in a fold it would look like calm."""
    tables = [one.note for one in report.tables if not one.columns and "Next:" in one.note]
    runs = [one.note for one in report.notebooks if not one.cells and "Next:" in one.note]
    notes = "".join(f"<li>{name(note)}</li>" for note in [*report.notes, *tables, *runs])
    title = "<h2>What could not be told</h2>"
    return f'<section class="notes">{title}<ul>{notes}</ul></section>' if notes else ""
