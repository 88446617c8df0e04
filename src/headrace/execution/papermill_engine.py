"""The papermill engine `headrace`: `papermill in.ipynb out.ipynb --engine headrace`.

`headrace run` calls papermill with it, and watches the cells; see `executor`. By the command
papermill the outputs are the same: papermill writes the file, and adds its times to the metadata.
"""

import math
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from papermill.engines import Engine, NBClientEngine
from papermill.exceptions import PapermillExecutionError
from papermill.translators import PythonTranslator, papermill_translators

from headrace.core.attributes import replaced
from headrace.execution import in_process_executor, normalize
from headrace.execution.progress import LIMIT_GRACE_S

ENGINE = "headrace"
KERNEL = "python3"
"""The kernel whose cells run in this process."""

QUICK_S = 0.05
"""Seconds that saving may take to be done at each cell's end."""
SHARE = 20
"""A saving that takes longer is done when so many times its duration have passed."""


class LiteralTranslator(PythonTranslator):  # type: ignore[misc]  # papermill is untyped
    """Writes parameters as Python literals: they give back what was put in, and nothing runs."""

    @classmethod
    def translate_str(cls, val: str) -> str:
        """Return a text as a literal."""
        return repr(val)

    @classmethod
    def codify(cls, parameters: Mapping[str, Any], comment: str = "Parameters") -> str:
        """Return the source of the injected cell."""
        lines = (f"{name} = {cls.translate(value)}" for name, value in parameters.items())
        return "\n".join([f"# {comment}", *lines, ""])


papermill_translators.register("python", LiteralTranslator)


class StageWatch(in_process_executor.Watch):
    """Keeps the notebook that papermill made of a stage's, and where it stopped."""

    node: nbformat.NotebookNode | None = None
    stopped: int | None = None
    error: BaseException | None = None

    def start(self, node: nbformat.NotebookNode) -> None:
        """Take note that the notebook begins, with its parameters."""
        self.node = node


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
        stage, rules = options.pop("watch", None), options.pop("rules", None)
        if stage is not None:
            stage.start(nb_man.nb)
        if kernel_name != KERNEL:
            NBClientEngine.execute_managed_notebook(nb_man, kernel_name, **options)
            normalize.outputs(nb_man.nb, Path.cwd())
        elif stage is not None:  # which brings the run into normal form itself, when it writes it
            with _logging(stage, nb_man.nb, is_on=options["log_output"]) as watch:
                failed = in_process_executor.run(nb_man.nb, rules, watch)
            _report_failure(nb_man, failed, stage.error)
        else:
            rules = in_process_executor.Rules(
                allow_errors=bool(options.get("allow_errors")),
                timeout=options.get("execution_timeout"),
            )
            own = _Watch(nb_man)
            with _logging(own, nb_man.nb, is_on=options["log_output"]) as watch:
                failed = _run(nb_man, rules, own, watch)
            normalize.outputs(nb_man.nb, Path.cwd())
            _escape_surrogates(nb_man.nb)
            _report_failure(nb_man, failed, own.error)


def _report_failure(nb_man: Any, failed: int | None, error: BaseException | None) -> None:
    """Let papermill know of the cell at which the run stopped, by its index."""
    if failed is not None:
        nb_man.cell_exception(nb_man.nb.cells[failed], cell_index=failed)
        _refuse_success(nb_man.nb.cells[failed], failed, error)


def _run(
    nb_man: Any, rules: in_process_executor.Rules, own: "_Watch", watch: in_process_executor.Watch
) -> int | None:
    """Run the cells; papermill's manager hears of each, but writes no file twice per cell."""
    path, nb_man.output_path = nb_man.output_path, None
    own.path = path
    try:
        with _leaving_is_failure(own):
            return in_process_executor.run(nb_man.nb, rules, watch)
    except in_process_executor.Interrupted:
        raise KeyboardInterrupt from None
    finally:
        nb_man.output_path = path
        own.close()


@contextmanager
def _logging(
    watch: in_process_executor.Watch, node: nbformat.NotebookNode, *, is_on: bool
) -> Iterator[in_process_executor.Watch]:
    """Provide the watch or, where the option `log_output` is on, one that also prints."""
    if not is_on:
        yield watch
        return
    descriptor = os.dup(2)  # while cells run, descriptor 2 leads into their outputs
    try:
        yield _Log(watch, node, descriptor)
    finally:
        os.close(descriptor)


class _Log(in_process_executor.Watch):
    """Prints each cell's outputs to stderr at its end, in papermill's form."""

    def __init__(
        self, watch: in_process_executor.Watch, node: nbformat.NotebookNode, descriptor: int
    ) -> None:
        self._watch, self._node, self._descriptor = watch, node, descriptor
        self.stop = watch.stop  # type: ignore[method-assign]

    def begin(self, index: int, deadline: float) -> None:
        """Print that a cell begins."""
        self._print(f"Executing Cell {index + 1:-<40}")
        self._watch.begin(index, deadline)

    def end(self, index: int) -> None:
        """Print a cell's outputs, and that it ends."""
        for output in self._node.cells[index].get("outputs", []):
            text = output.get("text") or output.get("data", {}).get("text/plain", "")
            self._print(text or "\n".join(output.get("traceback", [])))
        self._print(f"Ending Cell {index + 1:-<43}")
        self._watch.end(index)

    def _print(self, text: str) -> None:
        os.write(self._descriptor, f"{text.rstrip()}\n".encode("utf-8", "backslashreplace"))


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
