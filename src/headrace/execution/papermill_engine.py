"""The papermill engine `headrace`: `papermill in.ipynb out.ipynb --engine headrace`.

The outputs are those of `headrace run`. Papermill writes the file, and adds its times to the
metadata.
"""

import math
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from papermill.engines import Engine, NBClientEngine
from papermill.exceptions import PapermillExecutionError

from headrace.core.attributes import replaced
from headrace.execution import in_process_executor, normalize
from headrace.execution.executor import KERNEL
from headrace.execution.supervisor import LIMIT_GRACE_S

QUICK_S = 0.05
"""Seconds that saving may take to be done at each cell's end."""
SHARE = 20
"""A saving that takes longer is done when so many times its duration have passed."""


class HeadraceEngine(Engine):  # type: ignore[misc]  # papermill is untyped
    """Runs Python notebooks in papermill's own process, and others in their kernel."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> Any:
        """Run the notebook that papermill manages, and bring its outputs into normal form.

        Errors:
            PapermillExecutionError: a cell failed without an error that papermill counts: it asked
                to leave with success (`SystemExit(0)`), which papermill takes for the notebook's
                end, or IPython showed the error as text only, as for an unknown magic.
        """
        if kernel_name != KERNEL:
            NBClientEngine.execute_managed_notebook(nb_man, kernel_name, **options)
            normalize.outputs(nb_man.nb, Path.cwd())
            return
        rules = in_process_executor.Rules(
            allow_errors=bool(options.get("allow_errors")), timeout=options.get("execution_timeout")
        )
        watch = _Watch(nb_man)
        failed = _run(nb_man, rules, watch)
        normalize.outputs(nb_man.nb, Path.cwd())
        _escape_surrogates(nb_man.nb)
        if failed is not None:
            nb_man.cell_exception(nb_man.nb.cells[failed], cell_index=failed)
            _refuse_success(nb_man.nb.cells[failed], failed, watch.error)


def _run(nb_man: Any, rules: in_process_executor.Rules, watch: "_Watch") -> int | None:
    """Run the cells; papermill's manager hears of each, but writes no file twice per cell."""
    path, nb_man.output_path = nb_man.output_path, None
    watch.path = path
    try:
        with _leaving_is_failure(watch):
            return in_process_executor.run(nb_man.nb, rules, watch)
    except in_process_executor.Interrupted:
        raise KeyboardInterrupt from None
    finally:
        nb_man.output_path = path
        watch.close()


class _Watch(in_process_executor.Watch):
    """Tells papermill's manager of each cell, and saves the notebook at its end.

    There is no supervisor: a cell that does not heed its time limit ends papermill.
    """

    def __init__(self, nb_man: Any) -> None:
        self.path: str | None = None
        self.error: BaseException | None = None
        self._stderr = os.dup(2)  # while cells run, descriptor 2 leads into their outputs
        self._manager = nb_man
        self._saved_at, self._duration = -math.inf, 0.0
        self._timer: threading.Timer | None = None

    def begin(self, index: int, deadline: float) -> None:
        """Report that a cell begins."""
        self._manager.cell_start(self._manager.nb.cells[index], cell_index=index)
        if not math.isinf(deadline):
            seconds = max(deadline - time.monotonic(), 0) + LIMIT_GRACE_S
            self._timer = threading.Timer(seconds, self._end_papermill, [index])
            self._timer.daemon = True
            self._timer.start()

    def end(self, index: int) -> None:
        """Report that a cell has ended, and save the notebook unless that was just done."""
        if self._timer is not None:
            self._timer.cancel()
        self._manager.cell_complete(self._manager.nb.cells[index], cell_index=index)
        began = time.monotonic()
        if self._duration < QUICK_S or began - self._saved_at > SHARE * self._duration:
            self.save()
            self._saved_at, self._duration = began, time.monotonic() - began

    def stop(self, error: BaseException) -> None:
        """Keep the error for papermill's message."""
        self.error = error

    def save(self) -> None:
        """Save the notebook as far as it got."""
        _escape_surrogates(self._manager.nb)
        self._manager.output_path = self.path
        self._manager.save()
        self._manager.output_path = None

    def say(self, message: str) -> None:
        """Print a message on papermill's own stderr."""
        os.write(self._stderr, f"\n{message}\n".encode())

    def close(self) -> None:
        """Let go of papermill's stderr, and of the running cell's time."""
        if self._timer is not None:
            self._timer.cancel()
        os.close(self._stderr)

    def _end_papermill(self, index: int) -> None:
        self.save()
        self.say(f"Cell {index + 1} did not end: its time is up.")
        os._exit(1)


@contextmanager
def _leaving_is_failure(watch: _Watch) -> Iterator[None]:
    """Save the notebook where a cell leaves by `os._exit`, and let that be no success."""
    process, leave = os.getpid(), os._exit

    def leave_papermill(code: int) -> None:
        if os.getpid() == process:
            watch.save()
            watch.say(f"A cell left by os._exit({code}).")
        leave(code if os.getpid() != process else code or 1)

    with replaced(os, "_exit", leave_papermill):
        yield


def _escape_surrogates(node: nbformat.NotebookNode) -> None:
    """Write what UTF-8 cannot hold as Python's escape of it: papermill could not save it.

    In place, because a later cell may update an output of an earlier one.
    """
    for cell in node.cells:
        _escape(cell.get("outputs", []))


def _escape(value: Any) -> None:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for name, item in [*items]:
        if isinstance(item, str):
            if not item.isascii():
                value[name] = item.encode("utf-8", "backslashreplace").decode()
        elif isinstance(item, dict | list):
            _escape(item)


def _refuse_success(cell: nbformat.NotebookNode, index: int, raised: BaseException | None) -> None:
    """Raise the error of a failed cell that papermill would overlook."""
    error = next((output for output in cell.outputs if output.output_type == "error"), None)
    if error is None and raised is None:
        return
    if error is not None and error.ename != "SystemExit":
        return  # papermill raises it
    text = f"{type(raised).__name__}: {raised}"
    raise PapermillExecutionError(
        cell_index=index,
        exec_count=cell.execution_count,
        source=cell.source,
        ename=error.ename if error else type(raised).__name__,
        evalue=error.evalue if error else str(raised),
        traceback=error.traceback if error else [text],
    )
