"""Whether what is committed is what `dvc repro` has just made: dvc.lock, and the metrics in git."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from headrace.core import dvc_cache, lockfile
from headrace.core.lockfile import Record
from headrace.core.project import Project
from headrace.verify import clean_room, outputs

NEXT = "Next: dvc repro, then git add . && git commit"
Lock = dict[str, Record]


def check(project: Project) -> bool:
    """Print each difference, and return whether there is none that counts.

    On another kind of processor than the one that a stage's outputs were made on, bytes may differ
    and metrics are held to a tolerance instead.

    Errors:
        ProjectError: there is no commit, or a dvc.lock cannot be read.
    """
    with tempfile.TemporaryDirectory() as folder:
        _, head = clean_room.checkout(project, Path(folder) / "tree", worktree=False)
        found = [*_differences(project, head.root)]
    print(*found or ["dvc.lock and the metrics in git are as dvc repro makes them"], sep="\n")
    return not found


def _differences(project: Project, head: Path) -> Iterator[str]:
    old, new = lockfile.read(head), lockfile.read(project.root)
    if not old:
        yield f"No dvc.lock is committed. {NEXT}"
        return
    for stage in dict.fromkeys([*old, *new]):
        if stage not in old:
            yield f"stage {stage} is not in the committed dvc.lock. {NEXT}"
        elif stage not in new:
            yield f"stage {stage} is in the committed dvc.lock, and not in dvc.yaml. {NEXT}"
        elif was := _changed(old[stage], new[stage], _made(new)):
            yield f"stage {stage} was not run again after a change of {was}. {NEXT}"
        else:
            yield from _outputs(project, head, stage, old[stage], new[stage])


def _made(lock: Lock) -> set[str]:
    return {out.path for record in lock.values() for out in record.outs}


def _changed(old: Record, new: Record, made: set[str]) -> str:
    """Name what the stage runs with that changed; what another stage makes is that one's matter."""
    before, after = ({dep.path: dep.md5 for dep in one.deps} for one in (old, new))
    names = sorted(before.keys() | after.keys())
    found = [name for name in names if before.get(name) != after.get(name) and name not in made]
    found += [*_parameters(old, new)]
    return ", ".join([*found, *(["its command"] if old.cmd != new.cmd else [])])


def _parameters(old: Record, new: Record) -> Iterator[str]:
    for file in old.params.keys() | new.params.keys():
        before, after = old.params.get(file, {}), new.params.get(file, {})
        names = sorted(before.keys() | after.keys())
        yield from (f"{file}: {name}" for name in names if before.get(name) != after.get(name))


def _outputs(
    project: Project, head: Path, stage: str, record: Record, now: Record
) -> Iterator[str]:
    """Name the outputs that came out otherwise than committed.

    On the same kind of processor nothing is said of a stage that got other data from the one before
    it: that one is named.
    """
    tolerance = outputs.tolerance(project) if outputs.made_elsewhere(head, stage) else None
    if tolerance is None and record.deps != now.deps:
        return
    kept = dvc_cache.store_of(project.root)
    for out in record.outs:
        held = outputs.hold(out, project.root / out.path, head, kept, tolerance=tolerance)
        committed = head / out.path
        if not (held.identical or held.tolerated):
            yield f"stage {stage}: {out.path} {held.where}. Next: make verify shows why"
        elif held.identical and committed.is_file() and lockfile.md5(committed) != out.md5:
            yield f"{out.path} was edited after stage {stage} had made it. {NEXT}"
