"""Run one stage: check, execute, and write what came of it."""

import os
import sys

from headrace import compute, cost, failure, files, metrics, normal, notebook, parameters
from headrace.errors import StageError
from headrace.project import Project


def run(project: Project, stage: str) -> None:
    """Run a stage of dvc.yaml: its source notebook in, `runs/STAGE.ipynb` out.

    Every refusal comes before the first cell runs.

    Errors:
        ProjectError, NotebookError, ParameterError: see `headrace.parameters`.
        StageError: a cell failed; the notebook as far as it got is kept in runs/failed.
    """
    meter = cost.start()
    source = notebook.read(project.notebook(stage))
    values = parameters.for_stage(project, stage, source)
    os.environ.update(_environment(project, stage))
    from headrace import engine  # slow to import: what can be refused has been refused by now

    name = run_name(stage)
    where = f"notebooks/{source.path.name}"
    print(f"  {name}: {where}, {len(source.node.cells)} cells", flush=True)
    progress = sys.stderr.isatty()
    execution = engine.execute(
        source.node, values, stage=name, folder=project.root, progress=progress
    )
    node = normal.normalise(execution.node)
    failed = project.root / "runs/failed" / f"{name}.ipynb"
    if execution.failed is not None:
        files.write_text(failed, normal.text(node))
        raise StageError(failure.message(name, node, execution.failed, where))
    failed.unlink(missing_ok=True)
    files.write_text(project.root / "runs" / f"{name}.ipynb", normal.text(node))
    used = meter.read()
    metrics.write(used, project.root / "metrics/cost" / f"{name}.json")
    print(
        f"  {name}: {used['wall_s']:.1f} s, peak memory {used['peak_rss_mib']:,.0f} MiB", flush=True
    )


def run_name(stage: str) -> str:
    """Return what a stage's files are called: "train", or "backtest-6" for "backtest@6"."""
    name, _, key = os.environ.get("DVC_STAGE", "").rpartition(":")[2].partition("@")
    return f"{stage}-{key}" if key and name == stage else stage


def _environment(project: Project, stage: str) -> dict[str, str]:
    """Return what the kernel must inherit: threads, BLAS kernel, this project's packages first."""
    used = parameters.listed(project.stage(stage), stage)
    raw, _ = parameters.load(project)
    block = raw[parameters.COMPUTE] if parameters.COMPUTE in used else {}
    path = os.pathsep.join(filter(None, [str(project.source), os.environ.get("PYTHONPATH")]))
    return compute.environment(block) | {"PYTHONPATH": path}
