"""End a stage's process as `python script.py` ends, whatever its cells left running."""

import atexit
import os
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

from headrace.core import processes
from headrace.core.attributes import replaced
from headrace.errors import HeadraceError

GRACE_S = 10.0
"""Seconds that threads and pools have to end by themselves after the last cell."""

_last_namespace: list[dict[str, Any]] = []
_checks: list[Callable[[bool], object]] = []
_awaited = [""]
"""What the process is waiting for at its end, where no thread of it runs."""


def check_at_end(*checks: Callable[[bool], object]) -> None:
    """Have functions called when all else has ended; an error of theirs fails the process.

    Each is told whether threads of the process still run.
    """
    _checks[:] = checks


def clear_at_end(namespace: dict[str, Any]) -> None:
    """Let go of a notebook's variables when the process ends: a file left open is written then."""
    _last_namespace[:] = [namespace]


def end_process(
    code: int, grace: float = GRACE_S, record: Callable[[int], object] = lambda code: None
) -> NoReturn:
    """Exit once pools and threads have ended and the exit functions have run.

    The order is Python's own: pools of `concurrent.futures` and joblib's workers are told first,
    then threads are waited for, then come the functions of `atexit`. A thread that never ends is
    not waited for beyond `grace` seconds. Then the notebook's variables go, so that what they hold
    is closed. At last come the checks, and `record` gets the exit code: whatever ends the process
    before has checked nothing. The interpreter itself is not taken down: for a large one that takes
    a tenth of a second.
    """
    watchdog = threading.Timer(grace, _end_at_once, [code, grace, record])
    watchdog.daemon = True
    watchdog.start()
    process = os.getpid()
    shutdown = threading._shutdown  # type: ignore[attr-defined]  # what Python calls at its own end
    steps = (
        (shutdown, "worker processes"),
        (atexit._run_exitfuncs, "an exit function"),
        (_clear_namespace, "the end of a variable"),
        (_flush, "a stream"),
    )
    for function, _awaited[0] in steps:
        try:
            function()
        except BaseException:  # an exit function's, which Python prints as well, and goes on
            with suppress(Exception):
                traceback.print_exc()
    if os.getpid() != process:  # an exit function's child: the stage is its parent's
        os._exit(code)
    watchdog.cancel()
    watchdog.join()  # once begun, it ends the process: what it ended lets this thread go on
    _exit(code, record, threads=False)


def _exit(code: int, record: Callable[[int], object], *, threads: bool) -> NoReturn:
    """Call the checks, unless something has failed before, and exit."""
    try:
        # What a check imports may want to be told of the threads' end, which is over.
        with replaced(threading, "_register_atexit", lambda *_, **__: None):
            for check in _checks if code == 0 else ():
                check(threads)
        if code:
            processes.end_children()
    except HeadraceError as error:
        print(f"\n{error}", file=sys.stderr)
        code = 1
    except BaseException:
        traceback.print_exc()
        code = 1
    _flush()
    with suppress(OSError):  # a cell may have closed all descriptors
        record(code)
    os._exit(code)


def _clear_namespace() -> None:
    for namespace in _last_namespace:
        namespace.clear()


def _end_at_once(code: int, grace: float, record: Callable[[int], object]) -> None:
    """End the process though threads or pools still run."""
    running = [thread.name for thread in threading.enumerate() if _is_waited_for(thread)]
    print(
        f"  Ended what still ran {grace:.0f} s after the last cell:"
        f" {', '.join(running) or _awaited[0]}.",
        file=sys.stderr,
    )
    _exit(code, record, threads=True)


def _is_waited_for(thread: threading.Thread) -> bool:
    return not thread.daemon and thread is not threading.main_thread()


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # nobody reads any more
            stream.flush()
