"""Start a command whose stage waits, and see what it leaves."""

import subprocess
import time
from contextlib import suppress

import psutil
from mini_study import Mini

from lab import bake

BOUND_S = 60


def begin(project: Mini, *command: str, **variables: str) -> subprocess.Popen[str]:
    """Start a command in a session of its own, and return when its stage has written `pids`."""
    (project.root / "pids").unlink(missing_ok=True)
    process = subprocess.Popen(
        command,
        cwd=project.root,
        env=bake.environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    until = time.monotonic() + BOUND_S
    while not (project.root / "pids").exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < until
    return process


def noted(project: Mini) -> list[int]:
    """Return the processes that the waiting stage has written to `pids`."""
    return [int(pid) for pid in (project.root / "pids").read_text().split()]


def have_ended(*pids: int) -> bool:
    """Wait for processes to end, within a bound; tell whether they did."""
    processes = []
    for pid in pids:
        with suppress(psutil.NoSuchProcess):  # it may end between two looks
            processes.append(psutil.Process(pid))
    return not psutil.wait_procs(processes, timeout=BOUND_S)[1]
