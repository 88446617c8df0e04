"""Run a stage in a process of its own, and watch it: it dies with DVC, and its death is told.

The stage's process is a new interpreter, because what changes a result must be set before Python
starts: the hash seed, the time zone, the language. This one stays small and waits.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from headrace.core import atomic, processes
from headrace.core.pipeline import Stage
from headrace.core.project import Project, run_name
from headrace.errors import StageError
from headrace.execution import isolation
from headrace.execution.progress import Progress, State
from headrace.execution.stage_process import INTERRUPTED

PINNED = {
    "PYTHONHASHSEED": "0",
    "TZ": "UTC",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "SOURCE_DATE_EPOCH": "0",  # the date in a figure's metadata
}
"""What would change the bytes of a result from one user, or one day, to the next."""

MATPLOTLIBRC = "svg.hashsalt: headrace\n"
"""Matplotlib's defaults, but for the names in an SVG, which are random otherwise."""


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
            env=environment(project, os.environ),
            pass_fds=[state.descriptor],
        )
        with _signals_handed_on(process), Progress(name, notebook, state) as progress:
            _wait(process, progress)
        if process.returncode or not state.ended:
            processes.end_children()  # what a stage that failed had started writes no more
        if state.ended:
            return process.returncode
        if process.returncode == INTERRUPTED and not state.cell:
            raise StageError(f"Stage {name} was interrupted before its first cell.")
        from headrace.execution import failure_message

        raise StageError(
            failure_message.of_death(project, name, notebook, state.cell, process.returncode)
        )


def _command(stage: Stage, state: State) -> list[str]:
    module = [sys.executable, "-m", "headrace.execution.stage_process"]
    return [*module, stage.name, str(state.descriptor), str(time.monotonic())]


def _wait(process: subprocess.Popen[bytes], progress: Progress) -> None:
    """Wait for the stage's end; when the DVC that started it is gone, end it at once."""
    dvc = processes.dvc()
    wait = processes.watcher(*filter(None, [process.pid, dvc]))
    while process.poll() is None:
        if dvc in wait(progress.draw()):
            processes.end_children()
            sys.exit(1)


def environment(project: Project, outer: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a stage: the user's, but for what would change a result.

    IPython and matplotlib are configured by the project: what a user keeps at home is no part of
    a study. A `matplotlibrc` in the study is. In a clean room nothing is fixed that the room has
    set: that a result needs it would be a finding.
    """
    inner = {name: value for name, value in outer.items() if not name.startswith("LC_")}
    pinned = PINNED | (isolation.world(outer) if isolation.active() else {})
    for name in ("JUPYTER_PATH", "LANGUAGE", "COLUMNS", "LINES"):
        inner.pop(name, None)
    path = os.pathsep.join(filter(None, [str(project.source), outer.get("PYTHONPATH")]))
    ipython, matplotlibrc = (
        project.root / ".headrace" / name for name in ("ipython", "matplotlibrc")
    )
    ipython.mkdir(parents=True, exist_ok=True)
    atomic.write_text(matplotlibrc, MATPLOTLIBRC)
    own = {"PYTHONPATH": path, "IPYTHONDIR": str(ipython), "MATPLOTLIBRC": str(matplotlibrc)}
    return inner | pinned | own


@contextmanager
def _signals_handed_on(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Hand SIGINT and SIGTERM on to the stage, which says where it stood and ends by itself."""

    def hand_on(number: int, _frame: Any) -> None:
        with suppress(ProcessLookupError):
            process.send_signal(number)

    before = {number: signal.signal(number, hand_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
