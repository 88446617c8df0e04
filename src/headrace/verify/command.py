"""The command `headrace verify`: a row per stage as it ends, then the findings and the verdict."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from headrace.core import dvc_cache, git, requirements
from headrace.core.project import MAX_LISTED, Project
from headrace.core.stage import Stage
from headrace.errors import HeadraceError, ProjectError, join_names, nearest
from headrace.report.text import counted
from headrace.verify import certificate, clean_room, perturb, result
from headrace.verify.result import Outcome
from headrace.verify.run_stage import VerifiedStudy
from headrace.verify.scheduler import Scheduler


def run(project: Project, stages: Sequence[str], *, worktree: bool, jobs: int | None) -> int:
    """Verify these stages (default: all), print the result, and return 1 if anything differs.

    Without `stages` a certificate is written.

    Errors:
        ProjectError: there is no git repository, commit or dvc.lock, or no such stage.
    """
    with clean_room.temporary_folder() as folder:
        tree, checkout = clean_room.checkout(project, folder / "tree", worktree=worktree)
        jobs = _jobs(jobs)
        store = dvc_cache.store_of(project.root)
        study = VerifiedStudy(project, checkout, store, result.tolerance(project))
        scheduler = Scheduler(study, jobs=jobs)
        if not scheduler.records:
            raise ProjectError(_no_lock(worktree))
        selected = _select(scheduler.stages, stages)
        _announce(project, tree, selected, jobs, worktree=worktree)
        outcomes = _verify(scheduler, selected, folder / "rooms")
        print(*_details(outcomes), _verdict(outcomes), sep="\n")
        if not stages:
            circumstances = _circumstances(scheduler, outcomes, worktree=worktree)
            if circumstances["environment"]:
                print(f"Warning: {circumstances['environment']}. Next: make check")
            path = certificate.write(project.root, tree, checkout.root, outcomes, circumstances)
            print(f"Certificate: {os.path.relpath(path)}")
    return int(not all(outcome.passed for outcome in outcomes))


def _jobs(jobs: int | None) -> int:
    if jobs is not None and jobs < 1:
        raise HeadraceError(f"--jobs is {jobs}. Next: a number from 1 on")
    return jobs or len(perturb.processors()) or os.cpu_count() or 1


def _no_lock(worktree: bool) -> str:
    where = "The working tree" if worktree else "HEAD"
    return (
        f"{where} has no dvc.lock, so there is no result to compare with. Next: dvc repro,"
        " git add . && git commit -m 'Run the pipeline'"
    )


def _select(stages: Mapping[str, Stage], names: Sequence[str]) -> list[str]:
    for name in names:
        if not any(name in {key, *stage.aliases} for key, stage in stages.items()):
            raise ProjectError(
                f"dvc.lock has no stage {name!r}.{nearest(name, stages)}"
                f" Stages: {join_names(stages, MAX_LISTED)}."
                " Next: name one, or run yours first: dvc repro"
            )
    wanted = {*names}
    return [key for key, stage in stages.items() if not names or wanted & {key, *stage.aliases}]


def _announce(
    project: Project, tree: str, stages: Sequence[str], jobs: int, *, worktree: bool
) -> None:
    state = "the working tree" if worktree else "HEAD"
    parallel = min(jobs, len(stages))
    at_a_time = f", {parallel} in parallel" if parallel > 1 else ""
    count = counted(len(stages), "stage")
    print(f"{count} of {state} (tree {tree[:10]}){at_a_time}, each in a clean room", flush=True)
    changed = [] if worktree else git.changed_files(project.root)
    if changed:
        print(
            f"The working tree differs from HEAD in {join_names(changed, 1)}; this verifies HEAD"
            " (--worktree verifies the files as they are)",
            flush=True,
        )


def _verify(scheduler: Scheduler, stages: Sequence[str], folder: Path) -> list[Outcome]:
    """Print a row as each stage ends; return the outcomes in the order of the pipeline."""
    folder.mkdir()
    width = max(map(len, ["stage", *stages]))
    print(f"  {'stage':<{width}}  outputs  identical    seconds", flush=True)
    outcomes = []
    for outcome in scheduler.run(stages, folder):
        print(_row(outcome, width), flush=True)
        outcomes.append(outcome)
    for reason in sorted({outcome.network for outcome in outcomes if outcome.network}):
        print(f"The rooms had a network: {reason}. Each access is reported all the same.")
    return sorted(outcomes, key=lambda outcome: stages.index(outcome.stage))


def _row(outcome: Outcome, width: int) -> str:
    counts = f"{outcome.declared:>7}  {outcome.identical:>9}  {outcome.seconds:>9.1f}"
    return f"  {outcome.stage:<{width}}  {counts}{'' if outcome.passed else '   ✗'}"


def _details(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield the findings stage by stage, then which outputs differ and where."""
    for outcome in outcomes:
        yield from outcome.findings
        for output in outcome.outputs:
            if not output.identical:
                may = ", as it may on another kind of processor" if output.tolerated else ""
                yield f"stage {outcome.stage}: {output.path} {output.where}{may}"
        if outcome.log:
            yield "\n".join(f"    {line}" for line in outcome.log.splitlines())


def _verdict(outcomes: Sequence[Outcome]) -> str:
    outputs = sum(outcome.declared for outcome in outcomes)
    identical = sum(outcome.identical for outcome in outcomes)
    passed = sum(outcome.passed for outcome in outcomes)
    if passed < len(outcomes):
        return (
            f"{passed} of {len(outcomes)} stages reproduce; {identical} of {outputs} outputs are"
            " identical."
        )
    how = "identical" if identical == outputs else f"within tolerance, {identical} identical"
    stages = f"All {passed} stages reproduce" if passed > 1 else "The stage reproduces"
    return f"{stages}: {counted(outputs, 'output')}, {how}."


def _circumstances(
    scheduler: Scheduler, outcomes: Sequence[Outcome], *, worktree: bool
) -> dict[str, Any]:
    """Return the certificate's entries on the state, the environment and the rooms."""
    study = scheduler.study
    reasons = {outcome.network for outcome in outcomes}
    network = "none" if reasons <= {""} else ", ".join(sorted(filter(None, reasons)))
    return {
        "of": "working tree" if worktree else "HEAD",
        "environment": _environment(study.tree),
        "perturbations": {**perturb.describe(scheduler.jobs, study.threads), "network": network},
        "metric_tolerance": study.tolerance,
    }


def _environment(tree: Project) -> str:
    """Return how the environment differs from requirements.lock; empty where it does not."""
    if not (tree.root / requirements.NAME).is_file():
        return f"{requirements.NAME} is missing"
    return join_names(requirements.differences(tree.root), requirements.MAX_LISTED)
