"""The page's folded sections, each with a summary that says whether to open it."""

from collections import Counter

from headrace.compare import page_details
from headrace.compare.model import CostChange, MetricChange, Report, Word
from headrace.report.page_parts import (
    ABSENT,
    BADGES,
    badge,
    code,
    counted,
    interval,
    long_table,
    name,
    number,
    row,
    section,
    signed,
    value,
    word,
)

COSTS = {"wall_s": "Time", "cpu_s": "CPU time", "peak_rss_mib": "Peak memory", "dollars": "Money"}
SUMMED = ("wall_s", "cpu_s", "dollars")
"""What stages add up to; the peak of memory is each one's own."""


def folded(report: Report) -> str:
    """Return all sections in which something changed, and one line that names the others."""
    parts = {
        "Metrics": _metrics(report.metrics),
        "Gates": _gates(report),
        "Parameters": _parameters(report),
        "Costs": _costs(report.costs),
        "Data": page_details.tables(report.tables),
        "Notebooks": page_details.notebooks(report.notebooks),
        "Code": page_details.history(report.commits, report.files),
    }
    calm = ", ".join(title.lower() for title, content in parts.items() if not content)
    last = f"Nothing changed in: {calm}. " if calm else ""
    made = "\n".join(content for content in parts.values() if content)
    return f"{made}\n<footer>{last}This page needs no network and runs no script.</footer>"


def amount(key: str, figure: float) -> str:
    """Return a cost in its unit."""
    if key == "dollars":
        return f"${figure:,.2f}" if figure >= 0.01 or not figure else f"${figure:.2g}"
    if key == "peak_rss_mib":
        return f"{figure:,.0f} MiB"
    minutes, seconds = divmod(round(figure), 60)
    return f"{minutes:,} min {seconds:02d} s" if minutes else f"{figure:.1f} s"


def _metrics(metrics: tuple[MetricChange, ...]) -> str:
    changed = sorted(
        (one for one in metrics if one.old != one.new), key=lambda one: _place(one.word)
    )
    if not changed:
        return ""
    counts = Counter(one.word for one in changed)
    says = ", ".join(f"{counts[kind]} {kind}" for kind in Word if counts[kind])
    files = dict.fromkeys(one.file for one in metrics if one in changed)
    heads = ("Metric", "It is", "Old#", "New#", "Change#", "95 % interval of the change")
    made = "".join(
        long_table(path, heads, [_metric(one) for one in changed if one.file == path], "metric")
        for path in files
    )
    same = len(metrics) - len(changed)
    note = f'<p class="soft small">{counted(same, "metric")} did not change.</p>' if same else ""
    return section("Metrics", says, made + note, unfolded=True)


def _place(word: Word) -> int:
    """Return which words come first: what is certain; what may be chance comes last."""
    return {Word.BETTER: 0, Word.WORSE: 0, Word.NOISE: 2}.get(word, 1)


def _metric(change: MetricChange) -> str:
    kind = BADGES[change.word][0]
    drawn = interval(change.interval, change.change, kind) if change.interval else ABSENT
    cells = (word(change), number(change.old), number(change.new), signed(change.change), drawn)
    return row(code(change.name), *cells, numbers=(1, 2, 3))


def _gates(report: Report) -> str:
    if not report.gates:
        return ""
    kept = len(report.gates) - len(report.broken)
    ordered = sorted(report.gates, key=lambda gate: gate.kept)
    rows = [
        row(
            code(gate.name),
            badge(*_kept(kept=gate.kept)),
            f'<div class="wide">{name(gate.says)}</div>',
        )
        for gate in ordered
    ]
    says = f"{kept} kept, {len(report.broken)} broken"
    return section("Gates", says, long_table("Gates", ("Gate", "It is", "Why"), rows, "gate"))


def _kept(*, kept: bool) -> tuple[str, str]:
    return ("good", "✓ kept") if kept else ("bad", "✗ broken")


def _parameters(report: Report) -> str:
    if not report.parameters:
        return ""
    rows = [row(code(one.name), value(one.old), value(one.new)) for one in report.parameters]
    says = ", ".join(one.name for one in report.parameters[:4])
    says += " …" if len(report.parameters) > 4 else ""
    heads = ("Parameter", "Old", "New")
    return section("Parameters", says, long_table("params.yaml", heads, rows, "parameter"))


def _costs(costs: tuple[CostChange, ...]) -> str:
    if not costs:
        return ""
    keys = [key for key in COSTS if any(key in (one.old or one.new or {}) for one in costs)]
    rows = [row(_stage(one), *(_cost(one, key) for key in keys)) for one in costs]
    heads = ("Stage", *(COSTS[key] for key in keys))
    says = ", ".join(one.stage for one in costs)
    return section(
        "Costs", says, long_table("What each stage cost, old → new", heads, rows, "stage")
    )


def _stage(change: CostChange) -> str:
    other = "" if change.same_processor else ' <span class="soft small">other processor</span>'
    return code(change.stage) + other


def _cost(change: CostChange, key: str) -> str:
    sides = (side[key] if side and key in side else None for side in (change.old, change.new))
    told = " → ".join(ABSENT if figure is None else amount(key, figure) for figure in sides)
    return f'<span class="whole">{told}</span>'
