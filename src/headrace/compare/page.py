"""The report as one page for a reviewer: the verdict on top, the details folded."""

import math
from collections.abc import Iterator, Sequence
from difflib import unified_diff
from itertools import islice
from typing import Any

from markupsafe import Markup

from headrace.compare.format import STATUS, relative_size, shared_rows_note, word_counts
from headrace.compare.model import (
    CellChange,
    CellOutput,
    ColumnChange,
    CostChange,
    MetricChange,
    Report,
    TableChange,
    Word,
)
from headrace.report import drawing, pages
from headrace.report.pages import ABSENT, signed
from headrace.report.text import counted, money
from headrace.stats import SHIFTED, STEADY

MAX_LARGEST = 3
LINES = 400
"""Lines of a difference that are shown."""
CODE_LINES = 8
"""Lines of a cell's code above the outputs that changed."""
COSTS = {"wall_s": "Time", "cpu_s": "CPU time", "peak_rss_mib": "Peak memory", "dollars": "Money"}
SUMMED = ("wall_s", "cpu_s", "dollars")
"""What stages add up to; the peak of memory is each one's own."""
BADGES = {
    Word.BETTER: ("good", "▲ better"),
    Word.WORSE: ("bad", "▼ worse"),
    Word.NOISE: ("", "≈ noise"),
    Word.NEW: ("calm", "new"),
    Word.GONE: ("calm", "gone"),
    Word.CHANGED: ("", "changed"),
}
"""The colour of each word, and its text."""


def render(report: Report, study: str = "") -> str:
    """Return the page of a report on a study, as the text of one HTML file."""
    verdict = _verdict(report)
    values = {
        "report": report,
        "study": study,
        "verdict": verdict,
        "badges": BADGES,
        "notes": _notes(report),
        "unchanged_sections": _unchanged_sections(report),
        **_summary_values(report),
        **_metrics_values(report),
        **_details_values(report),
    }
    title = f"{report.old.name} → {report.new.name}: {verdict['sentence']}"
    title = f"{study}, {title}" if study else title
    return pages.render("diff.html.j2", title=title, css="diff.css", **values)


def _verdict(report: Report) -> dict[str, str]:
    count, broken = len(report.gates), len(report.broken)
    if report.not_judged and not broken:
        total = count + report.not_judged
        sentence = f"For you to judge: no gate is broken, but {count} of {total} were judged"
        return {"kind": "calm", "sentence": sentence}
    if broken:
        reason = f"{broken} of {count} gates broken" if count > 1 else "its one gate is broken"
        return {"kind": "bad", "sentence": f"✗ Must not be merged: {reason}"}
    if count:
        reason = f"all {count} gates are kept" if count > 1 else "its one gate is kept"
        return {"kind": "good", "sentence": f"✓ May be merged: {reason}"}
    sentence = "For you to judge: no gate says what a change must keep"
    return {"kind": "calm", "sentence": sentence}


def _notes(report: Report) -> list[str]:
    """Return what could not be compared: in a fold, it would look as if nothing had changed."""
    tables = [table.note for table in report.tables if not table.columns and "Next:" in table.note]
    runs = [run.note for run in report.notebooks if not run.cells and "Next:" in run.note]
    return [*report.notes, *tables, *runs]


def _unchanged_sections(report: Report) -> list[str]:
    parts = {
        "metrics": any(metric.old != metric.new for metric in report.metrics),
        "gates": report.gates,
        "parameters": report.parameters,
        "costs": report.costs,
        "data": report.tables,
        "notebooks": report.notebooks,
        "code": report.files or report.commits,
    }
    return [title for title, changed in parts.items() if not changed]


def _summary_values(report: Report) -> dict[str, Any]:
    costs = report.costs
    totals = {COSTS[key]: _total(costs, key) for key in SUMMED}
    present = {key for cost in costs for key in cost.old or cost.new or {}}
    return {
        "largest": [_summary(metric) for metric in by_size(report.metrics)[:MAX_LARGEST]],
        "total_costs": {label: amounts for label, amounts in totals.items() if amounts},
        "other_processor": not all(cost.same_processor for cost in costs),
        "costs": {key: label for key, label in COSTS.items() if key in present},
        "amounts": _amounts,
    }


def by_size(metrics: Sequence[MetricChange]) -> list[MetricChange]:
    """Return the changed metrics: those that are not chance first, then by relative size."""
    changed = [metric for metric in metrics if metric.change]
    return sorted(changed, key=lambda metric: (_certainty(metric), -relative_size(metric)))


def _certainty(metric: MetricChange) -> int:
    """Return 0 where the interval excludes zero, 2 where it may be chance, 1 otherwise."""
    if metric.interval is not None:
        return 0 if not metric.interval.low <= 0 <= metric.interval.high else 2
    return 2 if metric.word is Word.NOISE else 1


def _summary(metric: MetricChange) -> dict[str, Any]:
    relative = relative_size(metric) if metric.old else math.inf
    direction = "up" if (metric.change or 0) > 0 else "down"
    percent = f"({relative:.1%} {direction})" if relative < 10 else ""
    return {"change": metric, "percent": percent, "interval": _interval_drawing(metric)}


def _interval_drawing(metric: MetricChange) -> Markup:
    if metric.interval is None:
        return Markup()
    kind = BADGES[metric.word][0]
    return drawing.interval(metric.interval, metric.change, kind, metric.size)


def _total(costs: Sequence[CostChange], key: str) -> str:
    """Return the old and the new sum over the stages of which both are known."""
    sides = [(cost.old or {}, cost.new or {}) for cost in costs]
    # A stage that only one state has would look like a change of all the others.
    figures = [(old[key], new[key]) for old, new in sides if key in old and key in new]
    return " → ".join(amount(key, sum(side)) for side in zip(*figures, strict=True))


def _amounts(cost: CostChange, key: str) -> str:
    figures = [(side or {}).get(key) for side in (cost.old, cost.new)]
    return " → ".join(ABSENT if figure is None else amount(key, figure) for figure in figures)


def amount(key: str, figure: float) -> str:
    """Return a cost in its unit."""
    if key == "dollars":
        return f"${money(figure)}"
    if key == "peak_rss_mib":
        return f"{figure:,.0f} MiB"
    minutes, seconds = divmod(round(figure), 60)
    return f"{minutes:,} min {seconds:02d} s" if minutes else f"{figure:.1f} s"


def _metrics_values(report: Report) -> dict[str, Any]:
    changed = [metric for metric in report.metrics if metric.old != metric.new]
    rank = {Word.BETTER: 0, Word.WORSE: 0, Word.NOISE: 2}  # what is certain comes first
    ordered = sorted(changed, key=lambda metric: rank.get(metric.word, 1))
    files = dict.fromkeys(metric.file for metric in changed)
    return {
        "metrics": {path: [metric for metric in ordered if metric.file == path] for path in files},
        "metrics_summary": ", ".join(word_counts(changed)),
        "unchanged": len(report.metrics) - len(changed),
        "shared_rows_note": shared_rows_note(report),
        "interval_drawing": _interval_drawing,
    }


def _details_values(report: Report) -> dict[str, Any]:
    """Return what the sections on data, notebooks and code need besides the report."""
    shifted = sum(
        (column.drift or 0) >= SHIFTED for table in report.tables for column in table.columns
    )
    cells = sum(len(notebook.cells) for notebook in report.notebooks)
    code = ((len(report.commits), "commit"), (len(report.files), "file"))
    return {
        "tables": sorted(report.tables, key=lambda t: -max(t.old_rows or 0, t.new_rows or 0)),
        "tables_summary": counted(len(report.tables), "table")
        + (f", {counted(shifted, 'column')} shifted" if shifted else ""),
        "rows_summary": _rows,
        "by_drift": lambda columns: sorted(columns, key=lambda column: -(column.drift or 0)),
        "drift": _drift,
        "notebooks_summary": f"{counted(len(report.notebooks), 'run')},"
        f" {counted(cells, 'cell')} changed",
        "difference_lines": difference_lines,
        "head_lines": _head,
        "output_pairs": _output_pairs,
        "image_uri": drawing.image_uri,
        "code_summary": ", ".join(counted(count, noun) for count, noun in code if count),
        "files": sorted(report.files, key=lambda file: (not file.stages, file.path)),
        "statuses": STATUS,
    }


def _rows(table: TableChange) -> str:
    old, new = table.old_rows, table.new_rows
    if old is None or new is None:
        if old is None and new is None:
            return "could not be compared" if table.note else ""
        return f"{'new' if old is None else 'gone'}, {counted(new or old or 0, 'row')}"
    summary = counted(new, "row")
    if old != new:
        summary += f" ({signed(new - old)})"
    if table.columns:
        summary += f", {counted(len(table.columns), 'column')} changed"
    greatest = max(table.columns, key=lambda column: column.drift or 0, default=None)
    if greatest and greatest.drift:
        summary += f", greatest drift {greatest.drift:.2f} ({greatest.name})"
    return summary


def _drift(column: ColumnChange) -> tuple[str, str] | None:
    """Return the badge of a column's drift; None where there is nothing to say."""
    if column.old_type is None or column.new_type is None:
        return "calm", "new" if column.old_type is None else "gone"
    if column.drift is None:
        return ("calm", "type changed") if column.old_type != column.new_type else None
    kind, word = ("bad", "shift") if column.drift >= SHIFTED else ("calm", "moved")
    kind, word = ("", "steady") if column.drift < STEADY else (kind, word)
    return kind, f"{column.drift:.2f} {word}"


def _head(code: str) -> str:
    lines = code.splitlines()
    return "\n".join([*lines[:CODE_LINES], *(["…"] if len(lines) > CODE_LINES else [])])


def _output_pairs(cell: CellChange) -> Iterator[tuple[CellOutput | None, CellOutput | None]]:
    """Yield a cell's outputs side by side; what has no partner stands alone."""
    old, new = cell.outputs or ((), ())
    for place in range(max(len(old), len(new))):
        yield tuple(side[place] if place < len(side) else None for side in (old, new))  # type: ignore[misc]


def difference_lines(old: str, new: str) -> Iterator[tuple[str, str]]:
    """Yield the tag and the text of each line that differs, with two lines around it."""
    lines = unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=2)
    tags = {"-": "del", "+": "ins"}
    for place, line in enumerate(islice(lines, 3, LINES + 4)):  # three lines of head
        if place == LINES:
            yield "span", "… and more lines"
        else:
            yield ("span", "⋯") if line[0] == "@" else (tags.get(line[0], "span"), line)
