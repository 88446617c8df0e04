"""What ends a cell before its own end: a signal, or its time limit.

What does not heed the limit is ended from outside: see `supervisor`.
"""

import asyncio
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

DEFAULTS: dict[int, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}
"""Python's own handlers of signals."""

SHELL_FRAME = "run_code"
"""IPython's function that runs a cell's code: below it in the stack an error is the cell's own."""


class Interrupted(BaseException):
    """A signal ended the run; the outputs up to then are in the notebook."""


class Interrupts:
    """The signals that came while cells ran.

    `from_outside` tells whether a user has asked for the end: a cell may send itself a SIGINT,
    catch it and go on.
    """

    def __init__(self, from_outside: Callable[[], bool]) -> None:
        self._from_outside = from_outside
        self._received: list[str] = []

    @property
    def name(self) -> str:
        """The first signal's name."""
        return (self._received or ["SIGINT"])[0]

    def receive(self, name: str) -> None:
        """Raise KeyboardInterrupt at the first signal; ignore others while the run is reported."""
        self._received.append(name)
        if len(self._received) == 1:
            raise KeyboardInterrupt(name)

    def end_run(self, error: BaseException | None) -> bool:
        """Tell at the end of a cell whether a signal ends the run; forget one that does not."""
        if not self._received:
            return False
        uncaught = isinstance(error, KeyboardInterrupt)
        if uncaught or signal.SIGTERM.name in self._received or self._from_outside():
            return True
        self._received.clear()
        return False

    @property
    def received(self) -> bool:
        """Whether any signal has come that was not forgotten."""
        return bool(self._received)


@contextmanager
def handle_signals(from_outside: Callable[[], bool]) -> Iterator[Interrupts]:
    """Raise KeyboardInterrupt at the first Ctrl-C or SIGTERM.

    A child that a cell forks handles them as any process does: a handler in Python may wait for
    ever in a lock that a pool's worker holds while the pool ends it.
    """
    interrupts = Interrupts(from_outside)
    process = os.getpid()

    def stop(number: int, _frame: Any) -> None:
        if os.getpid() != process:  # it came before the child was set up
            signal.signal(number, DEFAULTS[number])
            os.kill(os.getpid(), number)
            return
        interrupts.receive(signal.Signals(number).name)

    if threading.current_thread() is not threading.main_thread():
        yield interrupts
        return

    def restore_in_child() -> None:
        for number, default in DEFAULTS.items():
            if signal.getsignal(number) is stop:
                signal.signal(number, default)

    os.register_at_fork(after_in_child=restore_in_child)
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupts
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if interrupts.received else handler)


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
    def enforce(self) -> Iterator[None]:
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
