"""Commands that run a study: its stages, its notebooks, its parameters."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

import click

import headrace
from headrace.cli.base import command, in_study, show_page, stage_names
from headrace.core import pipeline, requirements
from headrace.core.project import Project
from headrace.core.stage import file_name, repro_command, split_target
from headrace.errors import HeadraceError, join_names, nearest_name

BACKTEST_RESULT, BACKTEST_PLOT = "metrics/backtest.json", "plots/backtest.svg"
WORDS = {"ignore_unknown_options": True, "help_option_names": ["--help"]}
"""For commands that hand words on to JupyterLab."""


@command("run", examples="headrace run train    run the stage train of dvc.yaml, as dvc repro does")
@click.argument("stage", shell_complete=stage_names)
@in_study
def run(project: Project, stage: str) -> int:
    """Run one stage of dvc.yaml; `dvc repro` calls this."""
    from headrace.execution import supervisor

    requirements.require_version(project.root, headrace.__version__)
    return supervisor.run(project, project.stage(stage))


@command("debug", examples="headrace debug train", context_settings=WORDS)
@click.argument("stage", shell_complete=stage_names)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[JUPYTERLAB OPTIONS]...")
@in_study
def debug(project: Project, stage: str, words: tuple[str, ...]) -> None:
    """Open a failed run in JupyterLab, at the cell that failed."""
    from headrace.lab import launch

    failed = project.root / f"runs/failed/{file_name(split_target(stage)[1])}.ipynb"
    if not failed.is_file():
        raise HeadraceError(_no_failed_run(project, stage))
    launch.start(project, words, failed=failed)


def _no_failed_run(project: Project, name: str) -> str:
    """Return the message where no run of a stage failed; a member may be named as its run is.

    Errors:
        ProjectError: there is no such stage.
    """
    stages = project.all_stages.values()
    meant = [stage for stage in stages if name in {*stage.aliases, file_name(stage.name)}]
    if not meant:
        project.stage(name)  # which names the nearest
    runs = (file_name(stage.name) for stage in meant)
    failed = [run for run in runs if (project.root / f"runs/failed/{run}.ipynb").is_file()]
    first = meant[0]
    command = first.command() if len(meant) == 1 else repro_command(first.file, first.group)
    step = f"headrace debug {shlex.quote(failed[0])}" if failed else command
    return f"There is no failed run of {name}. Next: {step}"


@command("lab", examples="headrace lab --no-browser --port 9999", context_settings=WORDS)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[JUPYTERLAB OPTIONS]...")
@in_study
def lab(project: Project, words: tuple[str, ...]) -> None:
    """Open JupyterLab; outputs are kept out of the notebooks."""
    from headrace.lab import launch

    launch.start(project, words)


@command(
    "sync",
    examples="""
    headrace sync --dry-run         what would change, and run again
    headrace sync                   once params.yaml was edited, before repro
    """,
)
@click.option("--dry-run", is_flag=True, help="Show what it costs, and change nothing.")
@in_study
def sync(project: Project, dry_run: bool) -> None:
    """Copy params.yaml into the notebooks' parameters cells."""
    from headrace.core import atomic
    from headrace.execution import parameters_cell
    from headrace.lint import locks

    changed = parameters_cell.outdated(project)
    print(*changed or ["nothing to change"], sep="\n")
    if changed:
        step = "headrace sync, then dvc repro" if dry_run else "dvc repro"
        print(f"Next: {step}{locks.cost_of_edit(project, changed)}", flush=True)
    for name, text in changed.items() if not dry_run else ():
        atomic.write_text(project.root / name, text)


@command("schema", examples="headrace schema                 after an edit of src/study/params.py")
@in_study
def schema(project: Project) -> None:
    """Write params.schema.json, for an editor to check by."""
    from headrace.execution import parameters_cell

    print(parameters_cell.SCHEMA, "written" if parameters_cell.schema(project) else "is up to date")


@command(
    "html",
    examples="""
    headrace html                   runs/html/notebooks/STAGE.html for each run
    headrace html --open            open the last one in a browser
    """,
)
@click.option("--open", "open_page", is_flag=True, help="Open the last stage's page in a browser.")
@in_study
def html(project: Project, open_page: bool) -> None:
    """Write the executed notebooks as pages."""
    from headrace.report import notebook_html

    pages = notebook_html.write(project)
    if not pages:
        raise HeadraceError("No notebook has been run yet. Next: dvc repro")
    print(*pages, sep="\n")
    if open_page:
        show_page(project.root / pages[-1])


@command("metrics", examples="headrace metrics metrics/evaluate.json")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
@in_study
def metrics(project: Project, files: tuple[Path, ...]) -> None:
    """Show metrics files as tables; by default all."""
    from headrace.report import metrics_table

    missing = [path for path in files if not path.exists()]
    written = _metrics_files(project) if missing or not files else []
    if not files and not written:
        raise HeadraceError("No metrics yet. Next: dvc repro")
    if missing and written:
        names = {file.stem: os.path.relpath(file) for file in written}
        raise HeadraceError(_missing(missing[0], names))
    for path in files or written:
        print(f"{os.path.relpath(path)}\n{metrics_table.show(path)}")


def _metrics_files(project: Project) -> list[Path]:
    """Return the metrics files that are here: those of the pipeline files, and in metrics/."""
    listed = pipeline.metrics_files(project.pipelines.values())
    paths = {project.root / path for path in listed} | {*(project.root / "metrics").glob("*.json")}
    return sorted(path for path in paths if path.is_file())


def _missing(path: Path, names: Mapping[str, str]) -> str:
    """Return the message about a metrics file that is not there, with those that are, by stem."""
    if near := nearest_name(path.stem, names):
        return f"{path} is missing. Did you mean {names[near]}?"
    return f"{path} is missing. Next: name one, of {join_names(names.values(), 5)}"


@command(
    "backtest",
    examples="""
    headrace backtest               each stage of backtest/dvc.yaml
    git add backtest metrics plots && git commit -m 'Run the backtest'
    """,
)
@in_study
def backtest(project: Project) -> int:
    """Run the backtest, and show its result."""
    from headrace.execution import backtest as stages
    from headrace.lint import command as lint
    from headrace.report import metrics_table

    stages.require(project)
    if code := lint.check(project, ["repro"], staged=False) or stages.repro(project.root):
        return code
    table = metrics_table.show(project.root / BACKTEST_RESULT)
    print(f"\n{BACKTEST_RESULT}\n{table}")
    print(
        f"\nThe plot is {BACKTEST_PLOT}. Next: git add both, and backtest/dvc.lock, and commit them"
    )
    return 0


COMMANDS = [run, debug, lab, sync, schema, html, metrics, backtest]
