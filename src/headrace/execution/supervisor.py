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
from headrace.execution import environment
from headrace.execution.progress import Progress, State
from headrace.execution.stage_process import INTERRUPTED


def run(project: Project, stage: Stage) -> int:
    """Run a stage to its end; return its exit code.

    Errors:
        ProjectError: it has no notebook.
        StageError: its process died: killed, out of memory, or a crash in a C library.
    """
    notebook, name = project.notebook(stage), run_name(stage.name)
    processes.adopt()
    with State.new() as state:
        process = subprocess.Popen(
            _command(stage, state),
            env=environment.of_stage(project, os.environ),
            pass_fds=[state.descriptor],
        )
        with _forwarding_signals(process), Progress(name, notebook, state) as progress:
            _wait(process, progress)
        if process.returncode or not state.ended:
            processes.end_children()  # processes of a failed stage must not go on writing
        if state.ended:
            return process.returncode
        if process.returncode == INTERRUPTED and not state.cell:
            raise StageError(f"Stage {name} was interrupted before its first cell.")
        from headrace.execution import failure_message

        raise StageError(
            failure_message.describe_death(project, name, notebook, state.cell, process.returncode)
        )


def _command(stage: Stage, state: State) -> list[str]:
    module = [sys.executable, "-m", "headrace.execution.stage_process"]
    return [*module, stage.name, str(state.descriptor), str(time.monotonic())]


def _wait(process: subprocess.Popen[bytes], progress: Progress) -> None:
    """Wait for the stage's end; end it at once when the DVC that started it has ended."""
    dvc = processes.dvc()
    wait = processes.watcher(*filter(None, [process.pid, dvc]))
    while process.poll() is None:
        if dvc in wait(progress.draw()):
            processes.end_children()
            sys.exit(1)


@contextmanager
def _forwarding_signals(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Forward SIGINT and SIGTERM to the stage, which reports its cell and ends by itself."""

    def forward(number: int, _frame: Any) -> None:
        with suppress(ProcessLookupError):
            process.send_signal(number)

    before = {number: signal.signal(number, forward) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
