"""Commands that watch a model in production: batches, monitoring, alerts, retraining."""

from pathlib import Path
from typing import Any

import click

from headrace.cli.base import Command, Group, command, in_study
from headrace.core.project import Project


@command(
    "ingest",
    examples="""
    headrace ingest 2013-10.csv
    headrace ingest data/served --batch 2013-11     what the server logged
    headrace ingest labels.csv --truth 2013-10      the labels of a batch
    """,
)
@click.argument("source", type=click.Path(path_type=Path), metavar="FILE")
@click.option(
    "--batch", "name", default="", metavar="NAME", help="Its name.  [default: the file's]"
)
@click.option(
    "--truth", "labels_of", default="", metavar="BATCH", help="FILE holds the labels of this batch."
)
@click.option(
    "--replace", is_flag=True, help="Replace a batch of this name; known labels are kept."
)
@click.option(
    "--forget-truth",
    "forget",
    is_flag=True,
    help="With --replace: drop known labels of rows that the new batch does not have.",
)
@in_study
def ingest(project: Project, **options: Any) -> None:
    """Import a batch of live data, or its labels.

    FILE is a CSV or Parquet file, the folder of a server's log, or a name that the study's own
    `arrivals` knows.
    """
    from headrace.ingest import command as module

    module.run(project, **options)


@command("monitor", examples="headrace monitor --gate")
@click.option(
    "--gate", is_flag=True, help="Exit with 1 when an act rule fires in the newest batch."
)
@click.option("--issue", is_flag=True, help="Keep one GitHub issue for each incident, by gh.")
@click.option("--quiet", is_flag=True, help="Open no page.")
@in_study
def monitor(project: Project, **options: Any) -> int:
    """Evaluate alert rules and notify."""
    from headrace.cli import monitor as module

    return module.run(project, **options)


INCIDENT = "errors-cost-far-more-2026-03"
"""An incident's id: the name of its rule, and the first batch."""


@click.group(
    "alert",
    cls=Group,
    invoke_without_command=True,
    examples=f"""
    headrace alert                  open incidents, and what can be done
    headrace alert dismiss {INCIDENT} --reason 'a holiday'
    headrace alert decide {INCIDENT} retrain --reason 'worse'
    """,
)
@click.pass_context
def alert(ctx: click.Context) -> None:
    """List incidents, and record decisions about them."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(incidents)


@command("list", examples="headrace alert list")
@in_study
def incidents(project: Project) -> None:
    """List the incidents; so does `headrace alert` alone."""
    from headrace.alerts import command as module

    module.list_incidents(project)


REASON = click.option("--reason", metavar="TEXT", required=True, help="Why; it is kept in git.")


@command("dismiss", examples=f"headrace alert dismiss {INCIDENT} --reason 'a holiday'")
@click.argument("id")
@REASON
@in_study
def dismiss(project: Project, id: str, reason: str) -> None:
    """Stop notifications of an incident."""
    from headrace.alerts import command as module

    module.decide(project, id, "dismiss", reason)


@command("decide", examples=f"headrace alert decide {INCIDENT} retrain --reason 'worse'")
@click.argument("id")
@click.argument("decision", type=click.Choice(["rollback", "retrain"]))
@REASON
@in_study
def decide(project: Project, id: str, decision: str, reason: str) -> None:
    """Record what is done about an incident, and why."""
    from headrace.alerts import command as module

    module.decide(project, id, decision, reason)


@command("retrain", examples="headrace retrain --batch 2013-12 --pull-request")
@click.option(
    "--batch",
    default="",
    metavar="NAME",
    help="The batch both models are compared on.  [default: the newest with enough labels]",
)
@click.option(
    "--pull-request", is_flag=True, help="Push the branch and open a pull request, by gh."
)
@in_study
def retrain(project: Project, **options: Any) -> int:
    """Train a challenger, and compare it with the champion."""
    from headrace.retrain import command as module

    return module.run(project, **options)


assert isinstance(alert, Group)
alert.add_section("Commands", [incidents, dismiss, decide])
COMMANDS: list[Command | Group] = [ingest, monitor, alert, retrain]
