"""The command `headrace verify`."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headrace.core import dvc_cache, git, requirements
from headrace.core.project import Project
from headrace.core.suggest import nearest
from headrace.errors import HeadraceError, ProjectError
from headrace.verify import certificate, clean_room, outputs, perturb, report
from headrace.verify.pipeline import Pipeline
from headrace.verify.result import Outcome
from headrace.verify.run_stage import Study


def run(found: Project, args: argparse.Namespace) -> int:
    """Verify the study, print what was found, and return 1 if anything differs.

    Errors:
        ProjectError: there is no git repository, commit or dvc.lock, or no such stage.
    """
    with clean_room.folder() as folder:
        tree, checkout = clean_room.checkout(found, folder / "tree", worktree=args.worktree)
        jobs = _jobs(args.jobs)
        study = Study(found, checkout, dvc_cache.store_of(found.root), outputs.tolerance(found))
        pipeline = Pipeline(study, jobs=jobs)
        if not pipeline.records:
            raise ProjectError(_no_lock(args.worktree))
        stages = _chosen(pipeline.stages, args.stages)
        _announce(found, tree, stages, jobs, worktree=args.worktree)
        outcomes = _verify(pipeline, stages, folder / "rooms")
        for line in report.details(outcomes):
            print(line)
        print(report.verdict(outcomes))
        if not args.stages:
            circumstances = _circumstances(pipeline, outcomes, worktree=args.worktree)
            if circumstances["environment"]:
                print(f"Take care: {circumstances['environment']}. Next: make check")
            path = certificate.write(found.root, tree, checkout.root, outcomes, circumstances)
            print(f"Certificate: {os.path.relpath(path)}")
    return int(not all(outcome.good for outcome in outcomes))


def _jobs(asked: int | None) -> int:
    if asked is not None and asked < 1:
        raise HeadraceError(f"--jobs {asked}: at least one stage must run")
    return asked or len(perturb.processors()) or os.cpu_count() or 1


def _no_lock(worktree: bool) -> str:
    where = "The working tree" if worktree else "HEAD"
    return (
        f"{where} has no dvc.lock, so there is nothing to hold a result against. Next: dvc repro,"
        " git add . && git commit -m 'Run the pipeline'"
    )


def _chosen(known: Sequence[str], asked: Sequence[str]) -> list[str]:
    for name in asked:
        if name not in known:
            raise ProjectError(f"dvc.lock has no stage {name!r}.{nearest(name, known)}")
    return [name for name in known if not asked or name in asked]


def _announce(
    found: Project, tree: str, stages: Sequence[str], jobs: int, *, worktree: bool
) -> None:
    of = "the working tree" if worktree else "HEAD"
    side_by_side = f", {min(jobs, len(stages))} side by side" if min(jobs, len(stages)) > 1 else ""
    count = f"{len(stages)} stages" if len(stages) > 1 else "1 stage"
    print(f"{count} of {of} (tree {tree[:10]}){side_by_side}, each in a clean room", flush=True)
    changed = [] if worktree else git.changed_files(found.root)
    if changed:
        print(
            f"The working tree differs from HEAD in {changed[0]}"
            f"{f' and {len(changed) - 1} more' if len(changed) > 1 else ''}; what is verified is"
            " HEAD (--worktree: the files as they are)",
            flush=True,
        )


def _verify(pipeline: Pipeline, stages: Sequence[str], folder: Path) -> list[Outcome]:
    """Print a row as each stage ends; return the outcomes in the order of the pipeline."""
    folder.mkdir()
    print(report.head(stages), flush=True)
    outcomes = []
    for outcome in pipeline.verify(stages, folder):
        print(report.row(stages, outcome), flush=True)
        outcomes.append(outcome)
    for reason in sorted({one.network for one in outcomes if one.network}):
        print(f"The rooms had a network: {reason}. Who asked for it is named all the same.")
    return sorted(outcomes, key=lambda outcome: stages.index(outcome.stage))


def _environment(tree: Project) -> str:
    """Say in what the environment is not what requirements.lock says; nothing where it is."""
    if not (tree.root / requirements.NAME).is_file():
        return f"{requirements.NAME} is missing"
    wrong = requirements.differences(tree.root)
    return f"{requirements.some(wrong)}" if wrong else ""


def _circumstances(
    pipeline: Pipeline, outcomes: Sequence[Outcome], *, worktree: bool
) -> dict[str, Any]:
    reasons = {outcome.network for outcome in outcomes}
    perturbed = perturb.describe(pipeline.jobs, pipeline.study.threads)
    perturbed["network"] = "none" if reasons <= {""} else ", ".join(sorted(filter(None, reasons)))
    return {
        "of": "working tree" if worktree else "HEAD",
        "environment": _environment(pipeline.study.tree),
        "perturbations": perturbed,
        "metric_tolerance": pipeline.study.tolerance,
    }
