"""Run one stage: check, execute, write the run and its cost."""

import os
from collections.abc import Mapping
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

import nbformat

from headrace.core import notebook, parameters, processes
from headrace.core.notebook import Source
from headrace.core.project import Project
from headrace.core.stage import Stage, file_name
from headrace.errors import HeadraceError, StageError
from headrace.execution import (
    executor,
    failure_message,
    isolation,
    left_processes,
    normalize,
    parameters_cell,
    partial_run,
    process_end,
    progress,
    resource_usage,
)
from headrace.execution.in_process_executor import Interrupted, Rules
from headrace.execution.inputs import Inputs
from headrace.execution.papermill_engine import StageWatch
from headrace.execution.partial_run import PartialRun
from headrace.execution.progress import StageState
from headrace.execution.resource_usage import Meter


def run(project: Project, stage: Stage, state: StageState, meter: Meter) -> None:
    """Run a stage of dvc.yaml: its source notebook in, `runs/STAGE.ipynb` out.

    It works in the stage's folder, which is the study's own where dvc.yaml has no `wdir`.
    All checks come before the first cell; `state` records each cell that begins, `meter` each
    part that ends.

    Errors:
        ProjectError, NotebookError, ParameterError: see `headrace.core.parameters`.
        DataError: an input has other bytes than another stage made, or `dvc add` recorded.
        StageError: a cell failed; the partial notebook is in runs/failed.
        Interrupted: Ctrl-C or SIGTERM ended it; the partial notebook is there as well.
    """
    processes.become_subreaper()  # what outlives its own parent is still this stage's to end
    inputs = Inputs(project, stage)
    end = partial(left_processes.end, stage, project.root)
    process_end.check_at_end(end, inputs.require_unchanged)
    source = notebook.read(project.notebook(stage))
    values = parameters.for_stage(project, stage, source)
    inputs.require_promised()
    os.chdir(project.root / stage.wdir)
    name = file_name(stage.name)
    print(f"  {name}: {source.name}, {len(source.node.cells)} cells", flush=True)
    meter.mark("checks")
    _execute(project, stage, source, values, state, meter)
    meter.mark("writing")
    used = meter.read()
    resource_usage.write(used, project.root, name)
    progress.clear()
    seconds, memory = used["wall_s"], used["peak_rss_mib"]
    print(f"  {name}: {seconds:.1f} s, peak memory {memory:,.0f} MiB", flush=True)


def _execute(
    project: Project,
    stage: Stage,
    source: Source,
    values: Mapping[str, Any],
    state: StageState,
    meter: Meter,
) -> None:
    """Execute the notebook and write the run in normal form.

    One that stopped short goes to runs/failed, and is not an output. Whatever nobody expected
    leaves the partial run to the supervisor, whose process no cell has touched.
    """
    name, root = file_name(stage.name), project.root
    complete, failed = root / stage.run, root / f"runs/failed/{name}.ipynb"
    watch = _StageWatch(state, partial_run.path_of(project, name))
    try:
        with isolation.recording():
            rules = _rules(project, state)
            node, stopped = executor.execute(project, source.node, values, watch, rules)
        meter.mark("cells")
        normalize.save(complete if stopped is None else failed, node, root)
    except Interrupted as by:
        assert watch.node is not None  # it came while a cell ran
        normalize.save(failed, watch.node, root)
        message = failure_message.describe_interruption(name, state.cell, source.name, str(by))
        watch.remove()
        raise Interrupted(message) from None
    except HeadraceError:
        watch.remove()
        raise
    except BaseException:
        watch.keep_running_cell()
        raise
    watch.remove()
    if stopped is not None:
        raise StageError(
            failure_message.describe_error(root, name, node, stopped, source.name, watch.error)
        )
    failed.unlink(missing_ok=True)


def _rules(project: Project, state: StageState) -> Rules:
    timeout, total = project.number("cell_timeout"), project.number("notebook_timeout")
    return Rules(timeout=timeout, total=total, interrupted=lambda: state.interrupted)


class _StageWatch(StageWatch):
    """Keeps the supervisor up to date: the running cell, its time limit, the outputs so far."""

    def __init__(self, state: StageState, path: Path) -> None:
        self._state, self._path = state, path
        self._partial: PartialRun | None = None
        self._index = 0
        self._numbers: list[int] = []

    def start(self, node: nbformat.NotebookNode) -> None:
        """Begin the file of the outputs so far."""
        super().start(node)
        self._partial = PartialRun(self._path, node)
        is_source = (not parameters_cell.is_injected(cell) for cell in node.cells)
        self._numbers = list(accumulate(is_source))

    def begin(self, index: int, deadline: float) -> None:
        """Record a cell's number in the source notebook, from 1, and until when it may run."""
        self._index = index
        self._state.begin(self._numbers[index], deadline)

    def end(self, index: int) -> None:
        """Keep the outputs of a cell that ended."""
        self._state.end_cell()
        if self._partial:
            self._partial.add(index)

    def stop(self, error: BaseException) -> None:
        """Keep the error for the message: not every one is shown as an output."""
        self.error, self.stopped = error, self._index

    def keep_running_cell(self) -> None:
        """Keep what the running cell has shown so far, for the supervisor."""
        if self._partial:
            self._partial.add(self._index)
            self._partial.close()

    def remove(self) -> None:
        """Remove the file of the outputs so far: the run is written, or is a failed one."""
        if self._partial:
            self._partial.remove()
