"""Other processes: find DVC's, wait for the end of one, end one with all its children."""

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

POLL_S = 0.5
"""Seconds between two looks at a process, where the system cannot tell when it ends."""

ROUNDS = 20
"""How often processes are ended that were not there before; some may belong to another user."""

SHELLS = {"sh", "bash", "dash", "zsh", "ksh", "fish", "busybox"}
SUBREAPER, PARENT_DEATH_SIGNAL = 36, 1
"""Options of Linux's prctl."""
PARENT, START = 1, 19
"""Fields of /proc/PID/stat, counted behind the process's name."""
FORWARDED = (signal.SIGINT, signal.SIGTERM)
"""Signals that a process which waits for a stage hands on to it."""


def parent_dvc() -> int | None:
    """Return the id of the DVC that started this process, or None if none did.

    DVC runs a stage's command by the user's shell, which may stay in between or not.
    """
    if "DVC_STAGE" not in os.environ:
        return None
    with suppress(OSError, ValueError):  # a parent may end, or belong to another user
        return _first_but_shells() if sys.platform == "linux" else _first_but_shells_by_psutil()
    return None


def _first_but_shells() -> int | None:
    """Return the nearest ancestor that is no shell with a command, read from Linux's /proc.

    Where DVC was killed meanwhile, init has taken its place. In a container DVC may itself be the
    first process, and then has this one in its session.
    """
    process = os.getppid()
    while process > 1 or (process == 1 and os.getsid(1) == os.getsid(0)):
        words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
        name = Path(f"/proc/{process}/comm").read_text().strip()
        if name not in SHELLS or b"-c" not in words:
            return process
        process = int(_stat(process)[PARENT])
    return None


def _first_but_shells_by_psutil() -> int | None:
    import psutil  # slow to import

    with suppress(psutil.Error):
        parent = psutil.Process().parent()
        while parent and Path(parent.name()).name in SHELLS and "-c" in parent.cmdline():
            parent = parent.parent()
        return parent.pid if parent else None
    return None


def start_time(process: int) -> int:
    """Return when a process began, in ticks since the machine did: its id may be used again."""
    return int(_stat(process)[START])


def _stat(process: int) -> list[str]:
    """Return the fields of /proc/PID/stat behind the process's name (see proc(5))."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()


def dvc_command(*arguments: str) -> list[str]:
    """Return the command line that runs the DVC of this environment, whatever PATH says."""
    return [sys.executable, "-m", "dvc", *arguments]


def wait_for_any(*processes: int) -> Callable[[float | None], set[int]]:
    """Return a function that waits until one of these processes ends, or for so many seconds.

    It returns the ids of those that have ended.
    """
    if not hasattr(os, "pidfd_open"):
        return _polling(processes)
    ended: set[int] = set()
    poll, descriptors = select.poll(), {}
    for process in processes:
        try:
            descriptor = os.pidfd_open(process)
        except ProcessLookupError:
            ended.add(process)
        else:
            descriptors[descriptor] = process
            poll.register(descriptor, select.POLLIN)

    def wait(seconds: float | None) -> set[int]:
        timeout = 0 if ended else None if seconds is None else seconds * 1000
        return ended | {descriptors[descriptor] for descriptor, _ in poll.poll(timeout)}

    return wait


def _polling(processes: tuple[int, ...]) -> Callable[[float | None], set[int]]:
    def wait(seconds: float | None) -> set[int]:
        time.sleep(POLL_S if seconds is None else min(seconds, POLL_S))
        return {process for process in processes if _has_ended(process)}

    return wait


def _has_ended(process: int) -> bool:
    import psutil

    with suppress(psutil.Error):
        return bool(psutil.Process(process).status() == psutil.STATUS_ZOMBIE)
    return True


def become_subreaper() -> None:
    """Let children of a child that ended become this process's own (on Linux), so none is lost."""
    _prctl(SUBREAPER, 1)


def die_with_parent() -> None:
    """Let the system end this process when its parent dies (on Linux)."""
    _prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        import ctypes  # not for whoever only asks for the DVC above

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def end_tree(process: int) -> None:
    """End a process, and all that it started, at once."""
    import psutil

    with suppress(psutil.Error):
        # The children first: those of a process that is gone are nobody's, and not found again.
        end_children(process)
        psutil.Process(process).kill()


def has_children() -> bool:
    """Tell whether this process has children that still run; those that ended are reaped."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
        return True
    return False


def end_children(process: int | None = None, grace: float = 0) -> None:
    """End all that a process (by default this one) started, and what those started, at once.

    Within `grace` seconds they may end by themselves.
    """
    if process is None and not has_children():
        return
    import psutil

    parent = psutil.Process(process)
    psutil.wait_procs(parent.children(recursive=True), timeout=grace)
    end_all(lambda: parent.children(recursive=True))


def end_all(find: Callable[[], Sequence["psutil.Process"]]) -> None:
    """End the processes that a function finds, at once, until it finds no more."""
    import psutil

    for _ in range(ROUNDS):  # one may have started another while it was being ended
        processes = find()
        for process in processes:
            with suppress(psutil.Error):
                process.kill()
        if not processes:
            return
        psutil.wait_procs(processes, timeout=POLL_S)
