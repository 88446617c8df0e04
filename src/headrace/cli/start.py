"""Commands that write a study: for a table, another stage, more packages."""

from typing import Any

import click

from headrace.cli.base import command, in_study, stage_names
from headrace.core.project import Project
from headrace.errors import HeadraceError


@command(
    "init",
    examples="""
    headrace init wine.csv --target kind               classes, by their names
    headrace init sales.csv --target price --time day  judged by the latest rows
    headrace init survey.xlsx --task none              an analysis, with no model
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

    Its module, block of parameters and place in dvc.yaml are written too.
    """
    from headrace.scaffold import new as module

    values = {name: texts.split(",") for name, _, texts in (axis.partition("=") for axis in axes)}
    if len(values) < len(axes):
        raise click.UsageError("--matrix has a name twice. Next: --matrix NAME=a,b,c")
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


@command("remove", examples="headrace remove clean --dry-run    what would go")
@click.argument("name", metavar="STAGE", shell_complete=stage_names)
@click.option("--dry-run", is_flag=True, help="Show what would go, and change nothing.")
@in_study
def remove(project: Project, name: str, dry_run: bool) -> int:
    """Remove a stage, its files and its outputs.

    Its block of parameters goes where no other stage lists it.
    """
    from headrace.scaffold import remove as module

    return module.run(project, name, dry_run=dry_run)


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


COMMANDS = [init, new, remove, add, lock]
