"""End the processes that a stage has left running after its last cell.

Papermill ends them too, with the kernel. A script leaves them running, and a stage must not: DVC
takes its outputs as soon as it ends. On Linux the stage's process is a subreaper, so that a daemon
is found as well; elsewhere one that has left the process group is not.
"""

import gc
import os
import re
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.core import hash_cache, processes
from headrace.core.entry import Entry
from headrace.core.hash_cache import Signature
from headrace.core.stage import Stage, file_name
from headrace.errors import StageError, join_names

if TYPE_CHECKING:
    import psutil

TRACKER = "resource_tracker"
"""A process of multiprocessing's or loky's that removes shared memory once this one has ended."""
WORKERS = ("multiprocessing.spawn", "multiprocessing.forkserver", "loky", "--multiprocessing-fork")
"""What the commands of idle workers hold; nobody needs to hear that they were ended."""
NO_PARTS = (".lock", ".log")
"""How files beside an out are called that never become one."""
LOOK_S = 0.3
"""Seconds in which a process may end by itself, or is seen to write."""
TERMINATION_S = 2.0
"""Seconds between SIGTERM and SIGKILL."""


def end(stage: Stage, root: Path, threads: bool) -> None:
    """End what this process has started, and what that started; name what is no idle worker.

    `threads`: some of this process itself still run. Its daemons are cut as it exits, and what it
    has not yet written of an open file is lost.

    Errors:
        StageError: one of them was still writing an out, or held it open for writing.
    """
    running = _running()
    threads = threads or _holds_out(root, stage.outs) or threading.active_count() > 1
    if not running and not threads:
        return
    import psutil

    name, outs = file_name(stage.name), stage.outs
    before = dict(_states(root, outs))
    _, left = psutil.wait_procs(running, timeout=LOOK_S)
    written = {process: {*_written(process, root, outs)} for process in left}
    writers = [process for process in left if written[process]]
    names = [_describe(process) for process in left if not _has(process, *WORKERS)]
    culprits = [_describe(process) for process in writers] or names
    touched = set().union(*written.values())
    if threads:
        touched |= {*_written(psutil.Process(), root, outs)}
    _end(left)
    touched |= {out for out, state in _states(root, outs) if before.get(out) != state}
    if touched:
        what = join_names(culprits, 3) or "a thread or an open file of its own"
        raise StageError(
            f"Stage {name} came to its end while {what} was still writing"
            f" {join_names(sorted(touched), 3)}. Next: let the notebook wait for what it starts,"
            f" such as by process.wait(), and close its files, then {stage.command()}"
        )
    if names:
        print(f"  Ended what {name} left running: {', '.join(names)}.", file=sys.stderr)


def _running() -> list["psutil.Process"]:
    """Return the processes below this one, and on macOS the orphans of its group; no trackers."""
    is_linux = sys.platform == "linux"
    if is_linux and not processes.has_children():
        return []
    import psutil

    found = psutil.Process().children(recursive=True)
    if not is_linux:
        found += _orphans()
    return [process for process in found if not _has(process, TRACKER)]


def _orphans() -> Iterator["psutil.Process"]:
    """Yield the processes of this group that have begun since and whose parent has ended."""
    import psutil

    began = psutil.Process().create_time()
    for process in psutil.process_iter(["ppid", "create_time"]):
        with suppress(psutil.Error, OSError):
            is_younger = process.info["ppid"] == 1 and process.info["create_time"] >= began
            if is_younger and os.getpgid(process.pid) == os.getpgrp():
                yield process


def _has(process: "psutil.Process", *words: str) -> bool:
    """Tell whether a process's command holds one of some words."""
    import psutil

    with suppress(psutil.Error):
        command = " ".join(process.cmdline())
        return any(word in command for word in words)
    return False


def _describe(process: "psutil.Process") -> str:
    import psutil

    with suppress(psutil.Error):
        return f"{process.name()} ({process.pid})"
    return str(process.pid)


def _end(running: Sequence["psutil.Process"]) -> None:
    """Ask processes to end, then end them, and all that they have started meanwhile."""
    import psutil

    for process in running:
        with suppress(psutil.Error):
            process.terminate()
    psutil.wait_procs(running, timeout=TERMINATION_S)
    processes.end_all(_running)


def _holds_out(root: Path, outs: Sequence[Entry]) -> bool:
    """Tell whether this process has an out open that no mere cycle of objects holds."""
    if not any(_outs_at(_open_paths(), root, outs)):
        return False
    gc.collect()
    return any(_outs_at(_open_paths(), root, outs))


def _open_paths() -> Iterator[str]:
    """Yield the files that this process has open, where the system is Linux."""
    for descriptor in Path("/proc/self/fd").glob("*"):
        with suppress(OSError):  # the list's own is closed again
            yield str(descriptor.readlink())


def _written(process: "psutil.Process", root: Path, outs: Sequence[Entry]) -> Iterator[str]:
    """Yield the outs that a process holds open for writing, or the like under a temporary name."""
    import psutil

    paths: list[str] = []
    with suppress(psutil.Error):
        files = process.open_files()
        paths += (file.path for file in files if getattr(file, "mode", "w") != "r")
    with suppress(OSError):  # only Linux has it: memory that is shared with a file
        maps = Path(f"/proc/{process.pid}/maps").read_text("utf-8", "replace").splitlines()
        shared = (line.split(maxsplit=5) for line in maps if " rw-s " in line)
        paths += (parts[5] for parts in shared if len(parts) > 5)
    yield from _outs_at(paths, root, outs)


def _outs_at(paths: Iterable[str], root: Path, outs: Sequence[Entry]) -> Iterator[str]:
    """Yield the outs to which files belong."""
    for path in (Path(path) for path in paths):
        if path.is_relative_to(root.resolve()):
            name = path.relative_to(root.resolve()).as_posix()
            yield from (out.path for out in outs if out.covers(name) or _is_part(name, out.path))


def _is_part(name: str, out: str) -> bool:
    """Tell whether a file may become an out by a rename: models/.model.skops.x7 or the like."""
    folder, _, stem = out.rpartition("/")
    beside, _, file = name.rpartition("/")
    is_named = re.search(rf"(^|[._~-]){re.escape(stem)}($|[._~-])", file) is not None
    return is_named and beside == folder and not file.endswith(NO_PARTS)


def _states(root: Path, outs: Sequence[Entry]) -> Iterator[tuple[str, Signature]]:
    """Yield the outs' files with their states."""
    for path in (root / out.path for out in outs):
        for file in path.rglob("*") if path.is_dir() else [path]:
            with suppress(OSError):
                yield os.path.relpath(file, root), hash_cache.signature(file)
