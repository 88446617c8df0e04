"""Run a stage in a process of its own, and watch it: it ends with DVC, and a crash is reported.

The stage's process is a new interpreter, because what changes a result must be set before Python
starts: the hash seed, the time zone, the language. This one stays small and waits. Below a
`dvc repro` both are forks of a server, whose interpreter was started so (see `preload`).
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from headrace.core import atomic, processes
from headrace.core.project import Project
from headrace.core.stage import Stage, file_name
from headrace.errors import StageError
from headrace.execution import environment, partial_run
from headrace.execution.progress import LIMIT_GRACE_S, Progress, StageState
from headrace.execution.stage_process import INTERRUPTED

LIMIT_CHECK_S = 0.25
"""Seconds between two looks at the running cell's time limit."""

TRACKER_S = 1.0
"""Seconds that multiprocessing's tracker has, once a stage has ended, to remove shared memory."""


class Process(Protocol):
    """A stage's process: as much of subprocess.Popen as its supervisor needs."""

    pid: int

    def poll(self) -> int | None:
        """Return the exit code once it has ended."""

    def wait(self) -> int:
        """Wait until it has ended; return the exit code."""

    def kill(self) -> None:
        """End it at once."""

    def send_signal(self, number: int, /) -> None:
        """Send it a signal."""


Start = Callable[[Stage, StageState, dict[str, str]], Process]
"""Starts the process of a stage, which writes to its state, in an environment."""


def start_interpreter(stage: Stage, state: StageState, variables: dict[str, str]) -> Process:
    """Start a new interpreter that runs the stage."""
    module = [sys.executable, "-m", "headrace.execution.stage_process"]
    words = [stage.name, str(state.descriptor), str(time.monotonic())]
    return subprocess.Popen([*module, *words], env=variables, pass_fds=[state.descriptor])


def run(
    project: Project, stage: Stage, start: Start = start_interpreter, dvc: int | None = None
) -> int:
    """Run a stage to its end; return its exit code.

    It does not outlive `dvc`, by default the one that started this process, where there is one.

    Errors:
        ProjectError: it has no notebook.
        StageError: its process died: killed, out of memory, or a crash in a C library.
    """
    notebook, name = project.notebook(stage), file_name(stage.name)
    dvc = dvc or processes.parent_dvc()
    processes.become_subreaper()
    # Of a run that was killed:
    partial_run.path_of(project, name).unlink(missing_ok=True)
    atomic.remove_leftovers(project.root / stage.run)
    with StageState.new() as state:
        process = start(stage, state, environment.of_run(project, stage, os.environ))
        with _forwarding_signals(process, state), Progress(name, notebook, state) as progress:
            code = _wait(process, progress, dvc, state if _has_limits(project) else None)
        # What the stage could not end itself, as it died, must not go on writing.
        processes.end_children(grace=0 if code else TRACKER_S)
        if state.code is not None:
            return state.code
        if code == INTERRUPTED and not state.running:
            partial_run.keep(project, name)
            when = f"after cell {state.cell}" if state.cell else "before its first cell"
            raise StageError(f"Stage {name} was interrupted {when}. Next: {stage.command()}")
        from headrace.execution import failure_message

        raise StageError(failure_message.describe_death(project, stage, state, code))


def _has_limits(project: Project) -> bool:
    return any(project.number(setting) for setting in ("cell_timeout", "notebook_timeout"))


def _wait(process: Process, progress: Progress, dvc: int | None, limits: StageState | None) -> int:
    """Wait for the stage's end, and return its exit code.

    It is ended at once when the DVC that started it has ended and, where there are `limits`, when
    a cell has not heeded its own.
    """
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
    return process.wait()


@contextmanager
def _forwarding_signals(process: Process, state: StageState) -> Iterator[None]:
    """Forward SIGINT and SIGTERM to the stage, which reports its cell and ends by itself."""

    def forward(number: int, _frame: Any) -> None:
        state.interrupt()  # first: the stage tells by it whether a cell sent the signal to itself
        with suppress(ProcessLookupError):
            process.send_signal(number)

    before = {number: signal.signal(number, forward) for number in processes.FORWARDED}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
