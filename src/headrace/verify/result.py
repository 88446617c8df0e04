"""The result of one stage in its room: each output against its hash in dvc.lock."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headrace.core import cpu, lockfile
from headrace.core.dvc_cache import Store
from headrace.core.lockfile import File
from headrace.core.project import Project
from headrace.core.stage import file_name
from headrace.execution import resource_usage
from headrace.verify import file_diff

TOLERANCE = 0.01
"""The default of `metric_tolerance`, as a share of a metric's value."""


@dataclass(frozen=True)
class Output:
    """One output: whether it has its hash in dvc.lock, and if not, where it differs.

    `tolerated`: it may differ, since it was made on another kind of processor.
    """

    path: str
    md5: str
    identical: bool
    where: str = ""
    tolerated: bool = False

    @property
    def passed(self) -> bool:
        """Whether it is identical, or its difference is tolerated."""
        return self.identical or self.tolerated

    def as_json(self) -> dict[str, Any]:
        """Return it for the certificate."""
        content = {"path": self.path, "md5": self.md5, "identical": self.identical}
        where = {"where": self.where} if self.where else {}
        return content | where | ({"tolerated": True} if self.tolerated else {})


@dataclass
class Outcome:
    """The result of one stage with `declared` outputs.

    `findings` are messages; `log` is the end of what the stage printed, if it failed.
    """

    stage: str
    declared: int = 0
    outputs: list[Output] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    made_on: str | None = None
    network: str = ""
    log: str = ""

    @property
    def passed(self) -> bool:
        """Whether there is no finding, and every output is identical or tolerated."""
        return not self.findings and all(output.passed for output in self.outputs)

    @property
    def identical(self) -> int:
        """The number of outputs that are identical byte for byte."""
        return sum(output.identical for output in self.outputs)

    def as_json(self) -> dict[str, Any]:
        """Return it for the certificate."""
        return {
            "name": self.stage,
            "identical": all(output.identical for output in self.outputs) and not self.findings,
            "seconds": round(self.seconds, 1),
            "made_on": self.made_on,
            "outputs": [output.as_json() for output in self.outputs],
            "findings": self.findings,
        }


def tolerance(project: Project) -> float:
    """Return the share of its value by which a metric may differ on another kind of processor.

    Errors:
        ProjectError: pyproject.toml has a value that is not a number above 0.
    """
    return project.number("metric_tolerance") or TOLERANCE


def made_elsewhere(tree: Path, stage: str) -> bool:
    """Tell whether a tree's outputs of a stage were made on another kind of processor."""
    made_on = resource_usage.recorded_processor(tree, file_name(stage))
    return made_on is not None and made_on != cpu.kind()


def compare(out: File, new: Path, tree: Path, store: Store, *, tolerance: float | None) -> Output:
    """Compare an output with its hash; where it differs, with the bytes in git or in the cache.

    With a `tolerance`, metrics may differ by that share of their value, other files in any way.
    """
    if not new.exists():
        return Output(out.path, out.md5, identical=False, where="was not written")
    if lockfile.md5(new) == out.md5:
        return Output(out.path, out.md5, identical=True)
    tolerated = tolerance is not None
    committed = tree / out.path
    old = committed if committed.is_file() else store.find(out)
    if old is None:
        where = "differs; the old file is not in DVC's cache, so the place is not known"
        return Output(out.path, out.md5, identical=False, where=where, tolerated=tolerated)
    where = f"differs: {file_diff.describe(new, old)}" if new.is_file() else "differs"
    if tolerance is not None and out.path.endswith(file_diff.METRICS):
        tolerated = file_diff.within(new, old, tolerance=tolerance)
    return Output(out.path, out.md5, identical=False, where=where, tolerated=tolerated)
