"""Run a notebook's cells in this process, one after the other."""

import asyncio
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import nbformat

from headrace.execution import ipython_shell, output_capture
from headrace.execution.output_recorder import Recorder

SKIP = "skip-execution"
MAY_FAIL = "raises-exception"

DEFAULTS: dict[int, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}
"""Python's own handlers of signals."""

Watch = Callable[[int], None]
"""Called with a cell's index."""


class CellTimeout(BaseException):
    """A cell, or the notebook, exceeded its time limit."""


class Interrupted(BaseException):
    """A signal ended the run; the outputs up to then are in the notebook."""


@dataclass(frozen=True)
class Rules:
    """Whether errors are allowed in any cell, and the time limits in seconds (None: no limit).

    `timeout` is for each cell, `total` for all of them together.
    """

    allow_errors: bool = False
    timeout: float | None = None
    total: float | None = None


def run(
    node: nbformat.NotebookNode,
    rules: Rules = Rules(),  # frozen
    *,
    begin: Watch = lambda index: None,
    end: Watch = lambda index: None,
) -> int | None:
    """Run all code cells and keep their outputs in the notebook, in place.

    Returns the index of the cell at which the run stopped short, or None. The notebook's module is
    `sys.modules["__main__"]` meanwhile; an event loop is running, as in a kernel.

    Errors:
        Interrupted: Ctrl-C, or SIGTERM; the outputs up to then are in the notebook.
    """
    recorder = Recorder()
    with _signals() as signals, _loop() as loop:
        try:
            with (
                output_capture.captured(recorder.stream) as flush,
                ipython_shell.started(recorder) as shell,
            ):
                runner = _Runner(node, rules, recorder, flush, shell, signals)
                return loop.run_until_complete(runner.run_all(begin, end))
        except KeyboardInterrupt:
            raise Interrupted((signals or ["SIGINT"])[0]) from None
        finally:
            recorder.end()


@contextmanager
def _loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield loop
    finally:
        asyncio.set_event_loop(None)
        loop.close()


@contextmanager
def _signals() -> Iterator[list[str]]:
    """Raise KeyboardInterrupt at the first Ctrl-C or SIGTERM; yield the names of those received.

    After the first, others are ignored while the run is reported. A child that a cell forks
    handles them as any process does: a handler in Python may wait for ever in a lock that a
    pool's worker holds while the pool ends it.
    """
    received: list[str] = []
    process = os.getpid()

    def stop(number: int, _frame: Any) -> None:
        if os.getpid() != process:  # it came before the child was set up
            signal.signal(number, DEFAULTS[number])
            os.kill(os.getpid(), number)
            return
        received.append(signal.Signals(number).name)
        if len(received) == 1:
            raise KeyboardInterrupt(received[0])

    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    def restore_in_child() -> None:
        for number, default in DEFAULTS.items():
            if signal.getsignal(number) is stop:
                signal.signal(number, default)

    os.register_at_fork(after_in_child=restore_in_child)
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if received else handler)


@dataclass(frozen=True)
class _Runner:
    node: nbformat.NotebookNode
    rules: Rules
    recorder: Recorder
    flush: Callable[[], None]
    shell: Any  # of classes that are untyped in part
    signals: list[str]

    async def run_all(self, begin: Watch, end: Watch) -> int | None:
        until = time.monotonic() + (self.rules.total or math.inf)
        for index, cell in enumerate(self.node.cells):
            begin(index)
            limit = min(self.rules.timeout or math.inf, until - time.monotonic())
            error = await self.run_cell(cell, limit) if _is_executed(cell) else None
            if self.signals:
                raise KeyboardInterrupt
            end(index)
            if error and not self._allowed(cell, error):
                return index
        return None

    async def run_cell(self, cell: nbformat.NotebookNode, limit: float) -> BaseException | None:
        """Run one cell, within so many seconds; return the error that it ended in."""
        self.recorder.begin(cell)
        cell.execution_count = self.shell.execution_count
        with _time_limit(limit):
            result = await self._execute(cell.source)
        await asyncio.sleep(0)  # let tasks that the cell started run
        self.flush()
        self.recorder.end()
        error: BaseException | None = result.error_before_exec or result.error_in_exec
        return error

    async def _execute(self, source: str) -> Any:
        """Run a cell's source as a kernel does: in the running loop if it awaits at its top."""
        failed = None
        try:
            transformed = self.shell.transform_cell(source)
        except Exception:  # the shell shows it, as an error of the cell
            transformed, failed = source, sys.exc_info()
        options = {"transformed_cell": transformed, "preprocessing_exc_tuple": failed}
        if not self.shell.should_run_async(source, **options):
            return self.shell.run_cell(source, store_history=True)
        result = None
        try:
            result = await self.shell.run_cell_async(source, store_history=True, **options)
            return result
        finally:
            self.shell.events.trigger("post_execute")
            self.shell.events.trigger("post_run_cell", result)

    def _allowed(self, cell: nbformat.NotebookNode, error: BaseException) -> bool:
        """Tell whether the run goes on after this error."""
        if isinstance(error, CellTimeout):
            return False
        return self.rules.allow_errors or MAY_FAIL in cell.metadata.get("tags", [])


def _is_executed(cell: nbformat.NotebookNode) -> bool:
    return (
        cell.cell_type == "code"
        and bool(cell.source.strip())
        and SKIP not in cell.metadata.get("tags", [])
    )


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Raise CellTimeout in the block when it runs for longer than this."""
    if math.isinf(seconds):
        yield
        return

    def stop(_signal: int, _frame: Any) -> NoReturn:
        raise CellTimeout(f"stopped after {seconds:.1f} s: the cell's or the notebook's time is up")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-6))  # 0 would switch it off
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
