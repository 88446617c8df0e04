"""Commands that bundle a model, register and approve it, and let it answer."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.base import command, in_study, report_form, report_options
from headrace.core import project as projects
from headrace.core.project import Project
from headrace.errors import ProjectError
from headrace.serve import serve_options

if TYPE_CHECKING:
    from headrace.bundle.model_service import Champion

FILE = click.Path(path_type=Path)
SOURCE = "A bundle's file, model#prod or model@v1.2.0.  [default: the artifact of dvc.yaml]"


@command("bundle", examples="headrace bundle models/bundle.tar")
@click.argument("file", required=False, type=FILE)
@in_study
def bundle(project: Project, file: Path | None) -> None:
    """Check a bundle, and show what it holds.

    FILE is by default the artifact of dvc.yaml.
    """
    from headrace.bundle import load

    load.print_summary(project, file)


@command("trust", examples="headrace trust models/model.skops")
@click.argument("files", nargs=-1, type=FILE, metavar="[FILE]...")
@in_study
def trust(project: Project, files: tuple[Path, ...]) -> int:
    """Show which types of a model file are not trusted yet.

    FILE is by default each model file that a stage writes.
    """
    from headrace.bundle import trust as module

    return module.run(project, files)


def artifact_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that names an artifact."""
    text = "One of dvc.yaml's artifacts, where there are several."
    return click.option("--artifact", metavar="NAME", help=text)(function)


def consent_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of what a person must agree to."""
    reason = click.option("--reason", metavar="TEXT", help="Why; asked for where it is not given.")
    return click.option("--yes", is_flag=True, help="Do not ask.")(reason(function))


@command("register", examples="headrace register --dry-run    show the version that is proposed")
@click.option(
    "--bump",
    type=click.Choice(["major", "minor", "patch"]),
    help="Raise the proposed version; never lower it.",
)
@click.option("--dry-run", is_flag=True, help="Propose only.")
@artifact_option
@in_study
def register(project: Project, **options: Any) -> None:
    """Make HEAD the next version of the model."""
    from headrace.registry import register as module

    module.register(project, **options)


@command("promote", examples="headrace promote v1.2.0 --to prod --reason 'better recall'")
@click.argument("version")
@click.option("--to", required=True, metavar="STAGE", help="dev, staging or prod.")
@click.option(
    "--override", metavar="REASON", help="Promote though a gate breaks; the reason is kept."
)
@consent_options
@artifact_option
@in_study
def promote(project: Project, **options: Any) -> None:
    """Assign a version to a stage."""
    from headrace.registry import promote as module

    module.promote(project, **options)


@command("rollback", examples="headrace rollback --stage prod --reason 'too slow'")
@click.option("--stage", metavar="STAGE", help="[default: the last one]")
@consent_options
@artifact_option
@in_study
def rollback(project: Project, **options: Any) -> None:
    """Assign the version before to a stage again."""
    from headrace.registry import rollback as module

    module.rollback(project, **options)


@command("demote", examples="headrace demote staging")
@click.argument("stage")
@consent_options
@artifact_option
@in_study
def demote(project: Project, **options: Any) -> None:
    """Unassign the current version of a stage."""
    from headrace.registry import rollback as module

    module.demote(project, **options)


@command(
    "audit",
    examples="""
    headrace audit                  this study
    headrace audit clone.git --html audit.html
    headrace audit --open           as a page, in a browser
    """,
)
@click.argument("repository", required=False, type=FILE)
@report_options
@artifact_option
def audit(repository: Path | None, artifact: str | None, **options: Any) -> int:
    """Show the history of every version, and check its evidence.

    REPOSITORY may be a bare clone; by default it is this one.
    """
    from headrace.registry import audit_command

    study = None if repository else _study()
    with report_form(study.root if study else Path.cwd(), "audit", **options) as (form, page):
        return audit_command.run(study, repository, artifact=artifact, form=form, html=page)


def _study() -> Project | None:
    """Return the study that the command is run in; None where there is none."""
    with suppress(ProjectError):
        return projects.find_project()
    return None


@command(
    "serve",
    examples="""
    headrace serve                  the bundle of this study
    headrace serve model#prod --port 8080 --tokens tokens
    headrace serve bundle.tar       a file, in a study or not
    """,
)
@serve_options
def serve(**options: Any) -> None:
    """Answer over HTTP from a bundle.

    SOURCE is a bundle's file, model#prod or model@v1.2.0; by default the artifact of dvc.yaml.
    """
    # Before anything reads it: more threads answer one row no faster, and many clients much slower.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from headrace.serve import command as module

    selected = module.Options(**options)
    if project := _study_unless_file(selected.source):
        selected = module.with_study_log(project, selected)
    module.run(_champion(project, selected.source), selected)


def _study_unless_file(source: str) -> Project | None:
    """Return the study; None outside of one, where a bundle's file is enough.

    Errors:
        ProjectError: there is no study, and the source is no file.
    """
    is_file = source and not {"#", "@"} & {*source}
    return None if is_file and _study() is None else projects.find_project()


def _champion(project: Project | None, source: str) -> "Callable[[], Champion]":
    """Return a function that loads the bundle of a source; without a study it is a file."""
    from headrace.bundle import model_service
    from headrace.registry import fetch

    if project is None:
        return lambda: model_service.load_champion(Path(source))
    return lambda: fetch.champion(project, source)


@command("score", examples="headrace score rows.csv predictions.parquet --model model#prod")
@click.argument("rows", type=FILE, metavar="IN")
@click.argument("scored", type=FILE, metavar="OUT")
@click.option("--model", default="", metavar="SOURCE", help=SOURCE)
def score(rows: Path, scored: Path, model: str) -> int:
    """Predict a file of rows.

    IN and OUT are CSV or Parquet, and may be larger than memory. Refused rows are written beside
    OUT, with their reasons.
    """
    from headrace.score import command as module

    return module.score_file(_champion(_study_unless_file(model), model)(), rows, scored)


@command("token", examples="headrace token alice predict metrics >> tokens")
@click.argument("name")
@click.argument("scopes", nargs=-1)
def token(name: str, scopes: tuple[str, ...]) -> None:
    """Make a token for headrace serve.

    SCOPES are predict, metrics and admin; by default predict.
    """
    from headrace.serve import tokens

    projects.find_project()
    tokens.print_token(name, scopes)


@command("image", examples="headrace image model#prod")
@click.argument("source", required=False, default="")
@in_study
def image(project: Project, source: str) -> None:
    """Write deploy/app, from which an image is built."""
    from headrace.serve import image as module

    module.image(project, source)


@command("wheelhouse", examples="headrace wheelhouse model@v1.2.0")
@click.argument("source", required=False, default="")
@in_study
def wheelhouse(project: Project, source: str) -> None:
    """Write deploy/app, and the packages that it needs."""
    from headrace.serve import image as module

    module.wheelhouse(project, source)


REGISTRY = [bundle, trust, register, promote, rollback, demote, audit]
SERVING = [serve, score, token, image, wheelhouse]
