"""`headrace diff`: compare two states, show the report, and fail where a gate breaks."""

import dataclasses
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from headrace.compare import report as reports
from headrace.compare.model import Report
from headrace.core import states
from headrace.core.git import Objects
from headrace.core.project import Project
from headrace.errors import HeadraceError


def run(
    project: Project,
    revisions: Sequence[str],
    *,
    form: str = "terminal",
    html: Path | None = None,
    gate: bool = False,
    shallow: bool = False,
) -> int:
    """Compare and show; return 1 where `gate` is set and a gate breaks.

    `form` is "terminal", "markdown" or "json"; `html` names a page to write instead.

    Errors:
        ProjectError: there are not two states to compare, or a file cannot be read.
    """
    if len(revisions) > 2:
        raise HeadraceError(f"{len(revisions)} revisions are too many. Next: name two")
    with Objects(project.root) as objects:
        old, new = states.pair(project, revisions, objects)
        report = reports.build(project, old, new, deep=not shallow)
    _show(project, report, form, html)
    if not (gate and report.broken):
        return 0
    for broken in report.broken:
        print(f"gate broken: {broken.name}", file=sys.stderr)
    return 1


def _show(project: Project, report: Report, form: str, html: Path | None) -> None:
    if html:
        from headrace.compare import page
        from headrace.report import pages

        pages.write(html, page.render(report, project.root.name))
        print(html)
    elif form == "markdown":
        from headrace.compare import markdown

        print(markdown.render(report), end="")
    elif form == "json":
        print(to_json(report))
    else:
        from headrace.compare import terminal
        from headrace.report.terminal import has_colours

        print(terminal.render(report, colour=has_colours()))


def to_json(report: Report) -> str:
    """Return the report as JSON: the names of `headrace.compare.model`, always in this order."""
    content = dataclasses.asdict(report)
    for entry, metric in zip(content["metrics"], report.metrics, strict=True):
        is_known = metric.change is not None and math.isfinite(metric.change)
        entry["change"] = metric.change if is_known else None
    content["broken"] = [gate.name for gate in report.broken]
    return json.dumps(content, ensure_ascii=False, indent=2, default=str)
