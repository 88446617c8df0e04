"""Run one stage: check, execute, and write what came of it."""

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from headrace import compute, cost, failure, files, metrics, normal, notebook, parameters
from headrace.errors import StageError
from headrace.notebook import Source
from headrace.parameters import Given
from headrace.project import Project

if TYPE_CHECKING:
    from headrace import engine


def run(project: Project, stage: str) -> None:
    """Run a stage of dvc.yaml: its source notebook in, `runs/STAGE.ipynb` out.

    Every refusal comes before the first cell runs.

    Errors:
        ProjectError, NotebookError, ParameterError: see `headrace.parameters`.
        StageError: a cell failed; the notebook as far as it got is kept in runs/failed.
    """
    meter = cost.start()
    source = notebook.read(project.notebook(stage))
    given = parameters.for_stage(project, stage, source)
    os.environ.update(_environment(project, given.compute))
    os.environ.pop("JUPYTER_PATH", None)  # a kernel from elsewhere would be another environment
    name = run_name(stage)
    print(f"  {name}: {source.name}, {len(source.node.cells)} cells", flush=True)
    _write(project, name, source.name, _execute(project, name, source, given))
    used = meter.read()
    metrics.write(used, project.root / "metrics/cost" / f"{name}.json")
    seconds, memory = used["wall_s"], used["peak_rss_mib"]
    print(f"  {name}: {seconds:.1f} s, peak memory {memory:,.0f} MiB", flush=True)


def _execute(project: Project, name: str, source: Source, given: Given) -> "engine.Execution":
    from headrace import engine  # slow to import: what can be refused has been refused by now

    progress = sys.stderr.isatty()
    return engine.execute(
        source.node, given.notebook, stage=name, folder=project.root, progress=progress
    )


def _write(project: Project, name: str, where: str, execution: "engine.Execution") -> None:
    """Write the run in normal form; one that stopped short is kept apart, and is no output."""
    node = normal.normalise(execution.node)
    failed = project.root / "runs/failed" / f"{name}.ipynb"
    if execution.failed is not None:
        files.write_text(failed, normal.text(node))
        raise StageError(failure.message(name, node, execution.failed, where))
    failed.unlink(missing_ok=True)
    files.write_text(project.root / "runs" / f"{name}.ipynb", normal.text(node))


def run_name(stage: str) -> str:
    """Return what a stage's files are called: "train", or "backtest-6" for "backtest@6"."""
    name, _, key = os.environ.get("DVC_STAGE", "").rpartition(":")[2].partition("@")
    return f"{stage}-{key}" if key and name == stage else stage


def _environment(project: Project, block: Mapping[str, Any]) -> dict[str, str]:
    """Return what the kernel must inherit: threads, BLAS kernel, this project's packages first.

    IPython looks into an empty folder, or a user's start-up files would be part of every result.
    """
    path = os.pathsep.join(filter(None, [str(project.source), os.environ.get("PYTHONPATH")]))
    ipython = project.root / ".headrace/ipython"
    ipython.mkdir(parents=True, exist_ok=True)
    return compute.environment(block) | {"PYTHONPATH": path, "IPYTHONDIR": str(ipython)}
