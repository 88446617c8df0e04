"""The command `headrace monitor`: evaluate alert rules on each batch, write a page, notify."""

import sys
from collections.abc import Iterator

from headrace.alerts import notify, update
from headrace.cli.base import has_screen, show_page
from headrace.core.project import Project
from headrace.gates.live import Light, RuleState
from headrace.monitor import page, results
from headrace.monitor.results import MonitorResults
from headrace.report import pages
from headrace.report.terminal import table
from headrace.report.text import number, plain

PAGE = "runs/html/monitor.html"
SIGNS = {Light.OK: "ok", Light.NOTICE: "NOTICE", Light.ACT: "ACT", Light.UNKNOWN: "-"}


def run(project: Project, *, gate: bool, issue: bool, quiet: bool) -> int:
    """Print the results of the stage, write the page and notify; 1 with `gate` on an act rule.

    Errors:
        DataError: the stage has not been run.
        ProjectError: gates.yaml is not valid.
    """
    monitored = results.read(project.root)
    print("\n".join(_lines(monitored)), flush=True)
    changes = update.update(project.root, monitored.figures, monitored.rules)
    notify.notify(project, changes, issue=issue)
    pages.write(project.root / PAGE, page.render(monitored))
    print(f"\n{PAGE} shows it all.")
    if sys.stdout.isatty() and has_screen() and not quiet:
        show_page(project.root / PAGE)
    newest = [*monitored.lights.values()][-1:]
    return int(gate and any(Light.ACT in lights.values() for lights in newest))


def _lines(monitored: MonitorResults) -> Iterator[str]:
    """Yield a table of lights, the rules that fire, and the notes."""
    if not monitored.figures and not len(monitored.tables["notes"]):
        yield "No batch yet. Next: headrace ingest FILE"
    if monitored.figures:
        yield from _table(monitored)
    for verdict in monitored.verdicts:
        if verdict.state is RuleState.FIRES:
            yield f"  {verdict.batch}  {verdict.rule.level}: {plain(verdict.rule.name)}"
    for name, note in monitored.tables["notes"].itertuples(index=False):
        yield f"  {name}  {plain(str(note))}"
    if monitored.behind:
        yield f"Not judged yet: {', '.join(monitored.behind)}. Next: dvc repro monitor"


def _table(monitored: MonitorResults) -> Iterator[str]:
    checks = monitored.checks
    rows = [
        [name, number(monitored.figures[name]["rows"]), *(SIGNS[lights[check]] for check in checks)]
        for name, lights in monitored.lights.items()
    ]
    yield from table(["batch", "rows", *checks], rows, words=len(checks))
