"""Run a stage in a process of its own, and watch it: it ends with DVC, and a crash is reported.

The stage's process is a new interpreter, because what changes a result must be set before Python
starts: the hash seed, the time zone, the language. This one stays small and waits.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from headrace.core import processes
from headrace.core.pipeline import Stage
from headrace.core.project import Project, run_name
from headrace.errors import StageError
from headrace.execution import environment, partial_run
from headrace.execution.progress import Progress, StageState
from headrace.execution.stage_process import INTERRUPTED

LIMIT_CHECK_S = 0.25
"""Seconds between two looks at the running cell's time limit."""

LIMIT_GRACE_S = 2.0
"""Seconds that a cell has to end by itself once its time is up: its own process shows more."""


def run(project: Project, stage: Stage) -> int:
    """Run a stage to its end; return its exit code.

    Errors:
        ProjectError: it has no notebook.
        StageError: its process died: killed, out of memory, or a crash in a C library.
    """
    notebook, name = project.notebook(stage), run_name(stage.name)
    processes.become_subreaper()
    partial_run.path_of(project, name).unlink(missing_ok=True)  # of a run that was killed
    with StageState.new() as state:
        process = subprocess.Popen(
            _command(stage, state),
            env=environment.of_stage(project, os.environ),
            pass_fds=[state.descriptor],
        )
        with _forwarding_signals(process, state), Progress(name, notebook, state) as progress:
            _wait(process, progress, state if _has_limits(project) else None)
        if process.returncode or not state.ended:
            processes.end_children()  # processes of a failed stage must not go on writing
        if state.ended:
            return process.returncode
        if process.returncode == INTERRUPTED and not state.cell:
            raise StageError(
                f"Stage {name} was interrupted before its first cell. Next: dvc repro {stage.name}"
            )
        from headrace.execution import failure_message

        raise StageError(
            failure_message.describe_death(project, name, notebook, state, process.returncode)
        )


def _command(stage: Stage, state: StageState) -> list[str]:
    module = [sys.executable, "-m", "headrace.execution.stage_process"]
    return [*module, stage.name, str(state.descriptor), str(time.monotonic())]


def _has_limits(project: Project) -> bool:
    return any(project.number(setting) for setting in ("cell_timeout", "notebook_timeout"))


def _wait(process: subprocess.Popen[bytes], progress: Progress, limits: StageState | None) -> None:
    """Wait for the stage's end; end it at once when the DVC that started it has ended.

    Where there are `limits`, end it as well when a cell has not heeded its own.
    """
    dvc = processes.parent_dvc()
    wait = processes.wait_for_any(*filter(None, [process.pid, dvc]))
    while process.poll() is None:
        seconds = progress.draw()
        if limits is not None:
            seconds = min(seconds or LIMIT_CHECK_S, LIMIT_CHECK_S)
            if time.monotonic() > limits.deadline + LIMIT_GRACE_S:
                process.kill()
                process.wait()
        if dvc in wait(seconds):
            processes.end_children()
            sys.exit(1)


@contextmanager
def _forwarding_signals(process: subprocess.Popen[bytes], state: StageState) -> Iterator[None]:
    """Forward SIGINT and SIGTERM to the stage, which reports its cell and ends by itself."""

    def forward(number: int, _frame: Any) -> None:
        state.interrupt()  # first: the stage tells by it whether a cell sent the signal to itself
        with suppress(ProcessLookupError):
            process.send_signal(number)

    before = {number: signal.signal(number, forward) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
