"""Whether a stage's output came out as dvc.lock and git have it."""

from pathlib import Path

from headrace.core import cpu, lockfile
from headrace.core.dvc_cache import Store
from headrace.core.lockfile import File
from headrace.core.project import Project, file_name
from headrace.execution import resource_usage
from headrace.verify import compare
from headrace.verify.result import Output

TOLERANCE = 0.01
"""How far, of its value, a metric may move on another kind of processor, where nobody says."""


def tolerance(project: Project) -> float:
    """Return how far, of its value, a metric may move on another kind of processor.

    Errors:
        ProjectError: pyproject.toml says something that is no number above 0.
    """
    return project.number("metric_tolerance") or TOLERANCE


def made_elsewhere(tree: Path, stage: str) -> bool:
    """Tell whether a tree's results of a stage come from another kind of processor than this."""
    made_on = resource_usage.recorded_processor(tree, file_name(stage))
    return made_on is not None and made_on != cpu.kind()


def hold(out: File, made: Path, tree: Path, store: Store, *, tolerance: float | None) -> Output:
    """Hold an output against its hash, and say where it differs from what git or the cache has.

    With a tolerance, of their values, metrics may differ so far, and other files as they will.
    """
    if not made.exists():
        return Output(out.path, out.md5, identical=False, where="was not written")
    if lockfile.md5(made) == out.md5:
        return Output(out.path, out.md5, identical=True)
    tolerated = tolerance is not None
    committed = tree / out.path
    old = committed if committed.is_file() else store.find(out)
    if old is None:
        where = "differs; what it was is not in DVC's cache, so nothing more can be said"
        return Output(out.path, out.md5, identical=False, where=where, tolerated=tolerated)
    where = f"differs: {compare.describe(made, old)}" if made.is_file() else "differs"
    if tolerance is not None and out.path.endswith(".json"):
        tolerated = compare.within(made, old, tolerance=tolerance)
    return Output(out.path, out.md5, identical=False, where=where, tolerated=tolerated)
