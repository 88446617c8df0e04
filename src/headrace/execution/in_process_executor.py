"""Run a notebook's cells in this process, one after the other."""

import asyncio
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import nbformat

from headrace.execution import interrupts, ipython_shell, output_capture
from headrace.execution.interrupts import CellTimeout, Interrupted, Interrupts, TimeLimit
from headrace.execution.output_recorder import Recorder

__all__ = ["CellTimeout", "Interrupted", "Rules", "Watch", "run"]

SKIP = "skip-execution"
MAY_FAIL = "raises-exception"
LEAVING = ("", "0")
"""Values of a SystemExit that asks to leave with success."""


@dataclass(frozen=True)
class Rules:
    """Whether errors are allowed in any cell, and the time limits in seconds (None: no limit).

    `timeout` is for each cell, `total` for all of them together. `interrupted` tells whether a user
    has asked for the end, where that is known from outside.
    """

    allow_errors: bool = False
    timeout: float | None = None
    total: float | None = None
    interrupted: Callable[[], bool] = lambda: False


class Watch:
    """Is called before and after each cell, with its index; it does nothing by itself."""

    def begin(self, index: int, deadline: float) -> None:
        """Take note that a cell begins, and until which time of `time.monotonic` it may run."""

    def end(self, index: int) -> None:
        """Take note that a cell has ended, and that its outputs are complete."""

    def stop(self, error: BaseException) -> None:
        """Take note of the error at which the run stops."""


def run(
    node: nbformat.NotebookNode,
    rules: Rules = Rules(),  # frozen
    watch: Watch | None = None,
) -> int | None:
    """Run all code cells and keep their outputs in the notebook, in place.

    Returns the index of the cell at which the run stopped short, or of the first that holds an
    error output in the end, as papermill has it; or None. The notebook's module is
    `sys.modules["__main__"]` meanwhile; an event loop is running, as in a kernel.

    Errors:
        Interrupted: Ctrl-C, or SIGTERM; the outputs up to then are in the notebook.
    """
    clear_outputs(node)
    recorder = Recorder()
    with interrupts.handle_signals(rules.interrupted) as received, _loop() as loop:
        try:
            with (
                output_capture.capture(recorder.stream) as flush,
                ipython_shell.start_shell(recorder) as shell,
            ):
                runner = _Runner(node, rules, recorder, flush, shell, received)
                stopped = loop.run_until_complete(runner.run_all(watch or Watch()))
        except KeyboardInterrupt:
            raise Interrupted(received.name) from None
        finally:
            recorder.end()
    return first_error(node) if stopped is None and not rules.allow_errors else stopped


def clear_outputs(node: nbformat.NotebookNode) -> None:
    """Remove all outputs: those in the source are not this run's."""
    for cell in node.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None


def first_error(node: nbformat.NotebookNode) -> int | None:
    """Return the index of the first cell with an error output; None for none.

    An error may come from within a cell that went on: `%run`, `get_ipython().run_cell`, or a cell
    tagged "raises-exception".
    """
    errors = (
        index
        for index, cell in enumerate(node.cells)
        for output in cell.get("outputs", [])
        if output.output_type == "error"
        and not (output.ename == "SystemExit" and output.evalue in LEAVING)
    )
    return next(errors, None)


@contextmanager
def _loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield loop
    finally:
        asyncio.set_event_loop(None)
        loop.close()


@dataclass(frozen=True)
class _Runner:
    node: nbformat.NotebookNode
    rules: Rules
    recorder: Recorder
    flush: Callable[[], None]
    shell: Any  # of classes that are untyped in part
    received: Interrupts

    async def run_all(self, watch: Watch) -> int | None:
        until = time.monotonic() + (self.rules.total or math.inf)
        for index, cell in enumerate(self.node.cells):
            limit = TimeLimit(min(self.rules.timeout or math.inf, until - time.monotonic()))
            watch.begin(index, limit.deadline)
            error = await self.run_cell(cell, limit) if _is_executed(cell) else None
            if self.received.end_run(error):
                raise KeyboardInterrupt
            watch.end(index)
            if error and not self._allowed(cell, error):
                watch.stop(error)
                return index
        return None

    async def run_cell(self, cell: nbformat.NotebookNode, limit: TimeLimit) -> BaseException | None:
        """Run one cell within its time; return the error that it ended in."""
        self.recorder.begin(cell)
        cell.execution_count = self.shell.execution_count
        self._set_parent(cell.execution_count)
        process = os.getpid()
        with limit.enforce():
            result = await self._execute(cell.source)
        error: BaseException | None = result.error_before_exec or result.error_in_exec
        if os.getpid() != process:
            _leave_child(error)
        await _run_tasks(limit)
        self.flush()
        ipython_shell.forget_long_texts(self.shell, cell.execution_count, output_capture.PIECE)
        if limit.passed and not isinstance(error, CellTimeout):
            error = self._time_out(limit)
        self.recorder.end()
        return error

    def _set_parent(self, count: int) -> None:
        """Name the request that the cell's messages belong to, as a client does."""
        parent = {"header": {"msg_id": f"cell-{count}", "msg_type": "execute_request"}}
        self.shell.kernel.set_parent([b""], parent)
        self.shell.set_parent(parent)

    def _time_out(self, limit: TimeLimit) -> CellTimeout:
        """Show that a cell took too long, in the place of the error by which it was stopped."""
        error = limit.error()
        self.recorder.remove_error("CancelledError")
        self.shell.showtraceback((CellTimeout, error, None))
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


async def _run_tasks(limit: TimeLimit) -> None:
    """Let tasks that the cell started run."""
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:  # the time was up just as the cell ended
        if not limit.passed:
            raise


def _leave_child(error: BaseException | None) -> None:
    """End a child that a cell forked and that did not leave: the run is its parent's."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1 if error else 0)


def _is_executed(cell: nbformat.NotebookNode) -> bool:
    return (
        cell.cell_type == "code"
        and bool(cell.source.strip())
        and SKIP not in cell.metadata.get("tags", [])
    )
