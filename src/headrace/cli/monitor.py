"""The command `headrace monitor`: the rules' word on each batch, a page, and who is told."""

import argparse
import os
import sys
import webbrowser
from collections.abc import Iterator

from headrace.alerts import notify, update
from headrace.core import atomic
from headrace.core.project import Project
from headrace.gates.live import Light, State
from headrace.monitor import page
from headrace.monitor import results as founds
from headrace.monitor.results import Found
from headrace.report.terminal import table
from headrace.report.text import number, plain

PAGE = "runs/html/monitor.html"
SIGNS = {Light.OK: "ok", Light.NOTICE: "NOTICE", Light.ACT: "ACT", Light.UNKNOWN: "-"}


def run(project: Project, args: argparse.Namespace) -> int:
    """Show what the stage found, write the page, tell who is to be told; 1 with `--gate` on act.

    Errors:
        DataError: the stage has not been run.
        ProjectError: gates.yaml is not as it must be.
    """
    found = founds.read(project.root)
    print("\n".join(_lines(found)), flush=True)
    told = update.update(project.root, found.figures, found.rules)
    notify.notify(project, told, issue=args.issue)
    atomic.write_text(project.root / PAGE, page.render(found))
    print(f"\n{PAGE} shows it all.")
    if _has_screen() and not args.quiet:
        webbrowser.open((project.root / PAGE).as_uri())
    newest = [*found.lights.values()][-1:] if found.lights else []
    return int(args.gate and any(Light.ACT in row.values() for row in newest))


def _lines(found: Found) -> Iterator[str]:
    """Yield a table of traffic lights, the rules that fire, and what could not be judged."""
    if not found.figures and not len(found.tables["notes"]):
        yield "No batch yet. Next: headrace ingest FILE"
    if found.figures:
        yield from _table(found)
    for one in found.verdicts:
        if one.state is State.FIRES:
            yield f"  {one.batch}  {one.rule.level}: {plain(one.rule.name)}"
    for name, says in found.tables["notes"].itertuples(index=False):
        yield f"  {name}  {plain(str(says))}"
    if found.behind:
        yield f"Not judged yet: {', '.join(found.behind)}. Next: dvc repro monitor"


def _table(found: Found) -> Iterator[str]:
    heads = ["batch", "rows", *found.checks]
    rows = [
        [name, number(found.figures[name]["rows"]), *(SIGNS[row[check]] for check in found.checks)]
        for name, row in found.lights.items()
    ]
    yield from table(heads, rows, words=len(found.checks))


def _has_screen() -> bool:
    """Tell whether a person sits before a screen, and not before a log."""
    display = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    return sys.stdout.isatty() and (display or sys.platform == "darwin")
