"""Rules on runs: what a stage ran with is what dvc.lock says it ran with."""

import json
import os
import shlex
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from headrace.core import dvc_cache, notebook, yaml
from headrace.core.lockfile import NAME, File, Record
from headrace.core.metrics import is_same
from headrace.core.param_files import COMPUTE
from headrace.core.stage import Stage
from headrace.errors import join_names
from headrace.lint.context import Location, Study
from headrace.lint.locks import stage_records
from headrace.lint.rules import Violation, rule

INJECTED = "injected-parameters"
"""The tag of the cell that papermill, or headrace in its place, puts a run's parameters into."""
MAX_NAMED = 3


@rule()
def run_parameters(study: Study) -> Iterator[Violation]:
    """The stage did not run with what {lock} records: {problem}.

    Next: {step}
    """
    # It was edited while the stage ran; DVC records what it reads at a stage's end.
    for stage in study.stages.values():
        for name, record in stage_records(study, stage).items() if stage.is_run else ():
            out = next((out for out in record.outs if out.path == stage.run), None)
            if out is None or not _is_run(study, stage.run, out):
                continue
            recorded = _recorded(record)
            differences = [
                f"{parameter} was {value!r}, and {recorded[parameter]!r} is recorded"
                for parameter, value in _injected(study.root / stage.run).items()
                if parameter in recorded and not is_same(value, recorded[parameter])
            ]
            if differences:
                lock = PurePosixPath(stage.file).with_name(NAME).as_posix()
                problem = join_names(differences, MAX_NAMED)
                step = _step(study, stage, out)
                yield Violation(
                    Location(stage.run), problem=problem, lock=lock, step=step, stage=name
                )


def _is_run(study: Study, run: str, out: File) -> bool:
    """Tell whether this is the run in dvc.lock; `lock_behind` reports another one."""
    return study.is_file(run) and study.cache.md5(study.root / run) == out.md5


def _recorded(record: Record) -> dict[str, Any]:
    """Return the parameters of a record by the names that they have in the notebook."""
    values: dict[str, Any] = {}
    for content in record.params.values():
        for dotted, value in yaml.or_empty(content, dict).items():
            if dotted.split(".")[0] != COMPUTE:
                values |= value if isinstance(value, dict) else {dotted.split(".")[-1]: value}
    return values


def _injected(path: Path) -> dict[str, Any]:
    """Return the parameters that a run was given; none where it is no notebook."""
    try:
        cells = json.loads(path.read_text("utf-8"))["cells"]
        tagged = (cell for cell in cells if INJECTED in cell["metadata"].get("tags", []))
        return {
            name: value
            for cell in tagged
            for name, value in notebook.defaults("".join(cell["source"]), path).items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _step(study: Study, stage: Stage, run: File) -> str:
    """Return what runs the stage again, and makes DVC forget that it has such a run."""
    command = stage.command().replace("dvc repro", "dvc repro --force")
    runs = [folder / "runs" for folder in dvc_cache.store_of(study.root).folders[:1]]
    kept = [path for folder in runs for path in folder.glob("*/*/*") if _holds(path, run.md5)]
    names = [os.path.relpath(path, study.root) for path in kept]
    return f"{shlex.join(['rm', '-f', *names])} && {command}" if names else command


def _holds(path: Path, md5: str) -> bool:
    """Tell whether an entry of DVC's run cache is of the run with this hash."""
    return path.is_file() and md5.encode() in path.read_bytes()
