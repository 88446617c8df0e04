"""Compare the committed dvc.lock and metrics with what `dvc repro` has just made."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from headrace.core import dvc_cache, lockfile
from headrace.core.lockfile import Record
from headrace.core.project import Project
from headrace.verify import clean_room, result

NEXT = "Next: dvc repro, then git add . && git commit"
Lock = dict[str, Record]


def check(project: Project) -> bool:
    """Print each difference, and return whether there is none.

    On another kind of processor than the one that made the outputs, bytes may differ, and metrics
    are compared up to a tolerance.

    Errors:
        ProjectError: there is no commit, or a dvc.lock cannot be read.
    """
    with tempfile.TemporaryDirectory() as folder:
        _, head = clean_room.checkout(project, Path(folder) / "tree", worktree=False)
        differences = [*_differences(project, head)]
    print(*differences or ["dvc.lock and the metrics in git match the last dvc repro"], sep="\n")
    return not differences


def _differences(project: Project, head: Project) -> Iterator[str]:
    old, new = head.records, project.records
    if not old:
        yield f"No dvc.lock is committed. {NEXT}"
        return
    outs = {out.path for record in new.values() for out in record.outs}
    for stage in dict.fromkeys([*old, *new]):
        if stage not in old:
            yield f"stage {stage} is not in the committed dvc.lock. {NEXT}"
        elif stage not in new:
            yield f"stage {stage} is in the committed dvc.lock, but not in dvc.yaml. {NEXT}"
        elif changes := [*_changed_inputs(old[stage], new[stage], outs)]:
            yield f"stage {stage} has not run since a change of {', '.join(changes)}. {NEXT}"
        else:
            yield from _changed_outputs(project, head.root, stage, old[stage], new[stage])


def _changed_inputs(old: Record, new: Record, outs: set[str]) -> Iterator[str]:
    """Name the changed inputs of a stage; a change of an output is reported for its own stage."""
    before, after = ({dep.path: dep.md5 for dep in record.deps} for record in (old, new))
    changed = _changed_keys(before, after)
    yield from (path for path in changed if path not in outs)
    for file in old.params.keys() | new.params.keys():
        values = old.params.get(file, {}), new.params.get(file, {})
        yield from (f"{file}: {name}" for name in _changed_keys(*values))
    if old.cmd != new.cmd:
        yield "its command"


def _changed_keys(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    keys = sorted(before.keys() | after.keys())
    return [key for key in keys if before.get(key) != after.get(key)]


def _changed_outputs(
    project: Project, head: Path, stage: str, committed: Record, now: Record
) -> Iterator[str]:
    """Name the outputs that differ from the committed ones.

    Where the stage before it made other data, that stage is named, and not this one too; on
    another kind of processor each stage's metrics are compared.
    """
    tolerance = result.tolerance(project) if result.made_elsewhere(head, stage) else None
    if tolerance is None and committed.deps != now.deps:
        return
    store = dvc_cache.store_of(project.root)
    for out in committed.outs:
        output = result.compare(out, project.root / out.path, head, store, tolerance=tolerance)
        in_git = head / out.path
        if not output.passed:
            yield f"stage {stage}: {out.path} {output.where}. Next: make verify finds the cause"
        elif output.identical and in_git.is_file() and lockfile.md5(in_git) != out.md5:
            yield f"{out.path} was edited after stage {stage} wrote it. {NEXT}"
