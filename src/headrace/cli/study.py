"""Commands that run a study: its stages, its notebooks, its parameters."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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


@command(
    "init",
    examples="""
    headrace init wine.csv --target kind              classes, by their names
    headrace init sales.csv --target price --time day judged by the latest rows
    headrace init survey.xlsx --task none             an analysis without a model
    """,
)
@click.argument("data", metavar="DATA")
@click.option("--target", default="", metavar="COLUMN", help="What is to be predicted.")
@click.option(
    "--task",
    type=click.Choice(["binary", "multiclass", "regression", "none"]),
    help="By default what the target's values look like.",
)
@click.option("--time", default="", metavar="COLUMN", help="The latest rows judge the models.")
@click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="COLUMN",
    help="Rows that stay together; may repeat.",
)
@click.option("--key", multiple=True, metavar="COLUMN", help="What tells rows apart; may repeat.")
@click.option("--positive", default="", metavar="CLASS", help="Of two classes the one looked for.")
@click.option("--dry-run", is_flag=True, help="Show what would be written, and write nothing.")
@in_study
def init(project: Project, data: str, task: str | None, dry_run: bool, **answers: Any) -> int:
    """Write a study for a table of yours.

    Contract, features, models, notebooks and tests, in a study that was started blank. DATA is a
    file, a folder of files with the same columns, or an address that DVC knows.
    """
    from headrace.scaffold import init as scaffold
    from headrace.scaffold.plan import Answers

    given = Answers(**answers, task=task or "")
    return scaffold.run(project, data, given, dry_run=dry_run)


@command(
    "new",
    examples="""
    headrace new clean --after prepare      a stage clean behind prepare
    headrace new sweep --matrix size=1,2,3  three runs of one notebook
    """,
)
@click.argument("name", metavar="STAGE")
@click.option(
    "--after", default="", metavar="STAGE", shell_complete=stage_names, help="By default the last."
)
@click.option("--matrix", "axes", multiple=True, metavar="NAME=a,b", help="One run for each value.")
@in_study
def new(project: Project, name: str, after: str, axes: tuple[str, ...]) -> int:
    """Add a stage, with its notebook and a first test.

    Its module, block of parameters, paths and place in dvc.yaml are written too.
    """
    from headrace.scaffold import new as module

    values = {name: texts.split(",") for name, _, texts in (axis.partition("=") for axis in axes)}
    if wrong := [name for name, texts in values.items() if not all(texts)]:
        raise click.UsageError(f"--matrix {wrong[0]} has no values. Next: --matrix {wrong[0]}=a,b")
    return module.run(project, name, after, {k: [*map(_scalar, v)] for k, v in values.items()})


def _scalar(text: str) -> Any:
    """Return a value as YAML has it: a number or true where it is one, else the text."""
    from headrace.core import yaml

    try:
        value = yaml.parse(f"a: {text}\n".encode(), "a value")["a"]
    except HeadraceError:
        return text
    return value if isinstance(value, bool | int | float) else text


@command(
    "lock",
    examples="""
    headrace lock                           after an edit of pyproject.toml
    headrace lock --upgrade-package numpy   a newer numpy, and nothing else
    headrace lock --upgrade                 the newest of all
    """,
)
@click.option("--upgrade", is_flag=True, help="Renew all versions.")
@click.option("--upgrade-package", "packages", multiple=True, metavar="NAME", help="Renew one.")
@in_study
def lock(project: Project, packages: tuple[str, ...], upgrade: bool) -> int:
    """Update requirements.lock, and show what changed.

    Versions stay as they are where pyproject.toml allows them.
    """
    from headrace.scaffold import packages as module

    return module.lock(project, packages, upgrade=upgrade)


@command("add", examples="headrace add lightgbm 'polars>=1.30'")
@click.argument("packages", nargs=-1, required=True, metavar="PACKAGE...")
@in_study
def add(project: Project, packages: tuple[str, ...]) -> int:
    """Add packages to pyproject.toml, the lock and .venv."""
    from headrace.scaffold import packages as module

    return module.add(project, packages)


COMMANDS = [init, new, add, lock, run, debug, lab, sync, schema, html, metrics, backtest]
