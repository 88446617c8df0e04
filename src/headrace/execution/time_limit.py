"""A cell's time limit, from within its process; what does not heed it `supervisor` ends."""

import asyncio
import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SHELL_FRAME = "run_code"
"""IPython's function that runs a cell's code: below it in the stack an error is the cell's own."""


class CellTimeout(BaseException):
    """A cell, or the notebook, exceeded its time limit."""


class TimeLimit:
    """The time that a cell has left: `deadline` is a reading of `time.monotonic`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.deadline = time.monotonic() + seconds

    @property
    def passed(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() > self.deadline

    def error(self) -> CellTimeout:
        """Return the error of a cell that took too long."""
        return CellTimeout(
            f"stopped after {max(self.seconds, 0):.1f} s: the cell's or the notebook's time is up"
        )

    @contextmanager
    def enforced(self) -> Iterator[None]:
        """Stop the cell when its time is up: by an error in its code, or where it awaits.

        An error raised while the event loop waits would end the loop instead of the cell. A cell
        may catch the error, reset the timer or run C code: that is why the limit is looked at
        again from outside.
        """
        if math.isinf(self.seconds) or threading.current_thread() is not threading.main_thread():
            yield
            return
        task, loop = asyncio.current_task(), asyncio.get_running_loop()

        def stop(_signal: int, frame: FrameType | None) -> None:
            if task is None or _runs_cell(frame):
                raise self.error()
            loop.call_soon_threadsafe(task.cancel)

        before = signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, max(self.seconds, 1e-6))  # 0 would switch it off
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            _forget_cancelling(task)


def _runs_cell(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_code.co_name != SHELL_FRAME:
        frame = frame.f_back
    return frame is not None


def _forget_cancelling(task: "asyncio.Task[Any] | None") -> None:
    while task is not None and task.cancelling():
        task.uncancel()
