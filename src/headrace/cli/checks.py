"""Commands that check, verify and compare a study."""

import os
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from headrace.cli.base import (
    command,
    completion,
    in_study,
    page_options,
    report_form,
    report_options,
    revision_names,
    stage_names,
)
from headrace.core import states
from headrace.core.project import Project


@completion
def rule_names() -> list[str]:
    """Return the names of the rules, and of the group of those that stop a run."""
    from headrace.lint.check import REPRO
    from headrace.lint.rules import RULES

    return [REPRO, *RULES]


@command(
    "check",
    examples="""
    headrace check                  all rules
    headrace check secret           one rule
    headrace check repro            the rules whose violation makes a run fail
    headrace check --staged         what a commit would hold now
    """,
)
@click.argument("rules", nargs=-1, metavar="[RULE]...", shell_complete=rule_names)
@click.option("--staged", is_flag=True, help="Check what a commit would hold now.")
@click.option("--list", "show", is_flag=True, help="Show the rules.")
@in_study
def check(project: Project, rules: tuple[str, ...], staged: bool, show: bool) -> int:
    """Lint the study; nothing is run or changed.

    Notebooks, pipeline, parameters, environment and repository are looked at.
    """
    from headrace.lint import command as lint

    if show:
        lint.show()
        return 0
    return lint.check(project, [*rules], staged=staged)


@command(
    "fix",
    examples="""
    headrace fix                    strip notebooks, complete the stages' deps
    headrace check                  what is left to be fixed by hand
    """,
)
@in_study
def fix(project: Project) -> None:
    """Apply the automatic fixes of headrace check."""
    from headrace.lint import command as lint

    for line in lint.fix(project) or ["Nothing to fix."]:
        print(line)


@command(
    "hook",
    examples="""
    headrace hook
    headrace hook --remove
    git commit --no-verify          one commit without the check
    """,
)
@click.option("--remove", is_flag=True, help="Uninstall the hook.")
@in_study
def hook(project: Project, remove: bool) -> None:
    """Install a git hook that checks each commit."""
    from headrace.lint import hook as module

    print((module.remove if remove else module.install)(project))


@command(
    "verify",
    examples="""
    headrace verify                 all stages, with a certificate at the end
    headrace verify train --worktree
    """,
)
@click.argument("stages", nargs=-1, metavar="[STAGE]...", shell_complete=stage_names)
@click.option("--worktree", is_flag=True, help="Verify the files as they are, not as committed.")
@click.option("--jobs", type=int, metavar="N", help="Stages side by side.  [default: cores]")
@in_study
def verify(project: Project, stages: tuple[str, ...], worktree: bool, jobs: int | None) -> int:
    """Prove that each stage reproduces, in a clean room."""
    from headrace.verify import command as module

    return module.run(project, stages, worktree=worktree, jobs=jobs)


@command(
    "diff",
    examples="""
    headrace diff                   since this branch left main, or HEAD
    headrace diff main              since main
    headrace diff v1 v2 --html diff.html
    headrace diff --open            as a page, in a browser
    """,
)
@click.argument("revisions", nargs=-1, metavar="[REVISION]...", shell_complete=revision_names)
@report_options
@click.option("--gate", is_flag=True, help="Exit with 1 when a gate breaks.")
@click.option(
    "--shallow", is_flag=True, help="Metrics, parameters and cost alone: quick, without intervals."
)
@in_study
def diff(
    project: Project, revisions: tuple[str, ...], gate: bool, shallow: bool, **options: Any
) -> int:
    """Compare two states: what changed, and whether it is real.

    Metrics with intervals, gates, parameters, cost, data, notebooks and code.
    """
    from headrace.compare import command as module

    with report_form(project.root, "diff", **options) as (form, page):
        return module.run(project, revisions, form=form, html=page, gate=gate, shallow=shallow)


@command(
    "history",
    examples="""
    headrace history model.roc_auc --since '2 weeks ago'
    headrace history 'model.*' --html history.html
    headrace history --open         as a page, in a browser
    """,
)
@click.argument("metrics", nargs=-1, metavar="[METRIC]...")
@click.option("--since", metavar="DATE", help="Begin at a date or a revision.")
@click.option("--max-count", type=int, metavar="N", help="At most so many commits.")
@click.option("--all", "everywhere", is_flag=True, help="Of all branches.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@page_options
@in_study
def history(
    project: Project,
    metrics: tuple[str, ...],
    html: Path | None,
    open_page: bool,
    **options: Any,
) -> None:
    """Show metrics over the commits of a branch.

    METRIC is a name such as model.roc_auc, a file and a name
    (metrics/evaluate.json:model.roc_auc), or a pattern ('model.*').
    """
    from headrace.history import command as module

    with report_form(project.root, "history", html=html, open_page=open_page) as (_, page):
        module.run(project, metrics, html=page, **options)


@command("ci", examples="headrace ci --base main")
@click.option(
    "--base",
    shell_complete=revision_names,
    metavar="REVISION",
    default=lambda: os.environ.get("HEADRACE_BASE", ""),
    help="What to compare with.  [default: $HEADRACE_BASE, or as headrace diff]",
)
@in_study
def ci(project: Project, base: str) -> int:
    """Run the steps that CI runs."""
    # A name that somebody types is checked before an hour of steps. The workflow's variable may
    # name a commit that a forced push has removed; the comparison then takes the commit before.
    if click.get_current_context().get_parameter_source("base") is ParameterSource.COMMANDLINE:
        states.require(project.root, base)
    from headrace.ci import steps

    return steps.run(project, base)


COMMANDS = [check, fix, hook, verify, diff, history, ci]
