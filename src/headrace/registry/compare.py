"""Champion against challenger: the comparison of `headrace diff`, and what of it is evidence."""

from typing import Any

from headrace.compare import report as reports
from headrace.compare.model import Report
from headrace.core.git import Objects
from headrace.core.project import Project
from headrace.core.states import State
from headrace.registry.tag_reader import Event
from headrace.stats.recipe import Interval


def compare(
    project: Project, objects: Objects, champion: Event | None, challenger: Event, stage: str
) -> Report:
    """Compare a version with the one in a stage; where none is, with itself, for the bounds.

    Errors:
        ProjectError: dvc.yaml, params.yaml or gates.yaml of a commit cannot be read.
    """
    version = challenger.name.version
    new = State(project.root, version, challenger.commit, "challenger", objects)
    if champion is None:
        why = f"against itself, since nothing is in {stage}"
        return reports.build(project, State(new.root, version, new.commit, why, objects), new)
    why = f"champion in {stage}"
    old = State(project.root, champion.name.version, champion.commit, why, objects)
    return reports.build(project, old, new)


def as_evidence(report: Report) -> dict[str, Any]:
    """Return what a tag holds of a comparison: metrics that changed, intervals, gates, notes."""
    return {
        "metrics": [
            {
                "file": one.file,
                "name": one.name,
                "old": one.old,
                "new": one.new,
                "word": str(one.word),
                "interval": _interval(one.interval),
            }
            for one in report.metrics
        ],
        "gates": [{"name": g.name, "kept": g.kept, "says": g.says} for g in report.gates],
        "notes": [*report.notes],
    }


def _interval(found: Interval | None) -> dict[str, float] | None:
    if found is None:
        return None
    return {
        "low": found.low,
        "high": found.high,
        "rows": found.rows,
        "resamples": found.resamples,
    }
