"""Run one stage: check, execute, write the run and its cost."""

import os
from collections.abc import Callable, Mapping
from copy import deepcopy
from itertools import accumulate
from pathlib import Path
from typing import Any

import nbformat

from headrace.core import atomic, notebook, parameters
from headrace.core.notebook import Source
from headrace.core.pipeline import Stage
from headrace.core.project import Project, run_name
from headrace.errors import StageError
from headrace.execution import (
    environment,
    executor,
    failure_message,
    isolation,
    normalize,
    parameters_cell,
    progress,
    resource_usage,
)
from headrace.execution.executor import Hooks, Limits
from headrace.execution.in_process_executor import Interrupted
from headrace.execution.progress import State
from headrace.execution.resource_usage import Meter


def run(project: Project, stage: Stage, state: State, meter: Meter) -> None:
    """Run a stage of dvc.yaml: its source notebook in, `runs/STAGE.ipynb` out.

    All checks come before the first cell; `state` records each cell that begins, `meter` each
    part that ends.

    Errors:
        ProjectError, NotebookError, ParameterError: see `headrace.core.parameters`.
        StageError: a cell failed; the partial notebook is in runs/failed.
        Interrupted: Ctrl-C or SIGTERM ended it; the partial notebook is there as well.
    """
    source = notebook.read(project.notebook(stage))
    values = parameters.for_stage(project, stage, source)
    os.environ.update(environment.compute_variables(values.compute))
    os.chdir(project.root)
    name = run_name(stage.name)
    print(f"  {name}: {source.name}, {len(source.node.cells)} cells", flush=True)
    meter.mark("checks")
    _execute(project, name, source, values.notebook, state, meter)
    meter.mark("writing")
    used = meter.read()
    resource_usage.write(used, project.root, name)
    progress.clear()
    seconds, memory = used["wall_s"], used["peak_rss_mib"]
    print(f"  {name}: {seconds:.1f} s, peak memory {memory:,.0f} MiB", flush=True)


def _execute(
    project: Project,
    name: str,
    source: Source,
    values: Mapping[str, Any],
    state: State,
    meter: Meter,
) -> None:
    """Execute the notebook and write the run in normal form.

    One that stopped short goes to runs/failed, and is not an output.
    """
    runs = project.root / "runs"
    complete, failed, partial = (
        runs / part / f"{name}.ipynb" for part in ("", "failed", ".partial")
    )
    limits = Limits(project.number("cell_timeout"), project.number("notebook_timeout"))
    node = parameters_cell.inject(source.node, values)
    hooks = Hooks(_begin(node, state), lambda: _write(partial, node))
    try:
        with isolation.recording():
            stopped = executor.execute(node, folder=project.root, hooks=hooks, limits=limits)
    except Interrupted as by:
        _write(failed, node)
        message = failure_message.describe_interruption(name, state.cell, source.name, str(by))
        raise Interrupted(message) from None
    finally:
        partial.unlink(missing_ok=True)
    meter.mark("cells")
    if stopped is not None:
        _write(failed, node)
        raise StageError(failure_message.describe_error(name, node, stopped, source.name))
    failed.unlink(missing_ok=True)
    _write(complete, node)


def _begin(node: nbformat.NotebookNode, state: State) -> Callable[[int], None]:
    """Return a callback that records a cell's number in the source notebook, from 1."""
    numbers = list(accumulate(not parameters_cell.is_injected(cell) for cell in node.cells))
    return lambda index: state.begin(numbers[index])


def _write(path: Path, node: nbformat.NotebookNode) -> None:
    content = normalize.normalize(deepcopy(node))

    def fill(temporary: Path) -> None:
        # A lone surrogate, which UTF-8 cannot hold, becomes JSON's own escape of it.
        escape = "backslashreplace"
        with temporary.open("w", encoding="utf-8", newline="\n", errors=escape) as file:
            normalize.write(content, file)

    atomic.write_whole(path, fill)
