"""Execute a stage's notebook: Python cells in this process, other languages in their kernel."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat

KERNEL = "python3"
"""The kernel whose cells run in this process."""

SAVE_EVERY = 30.0
"""Least seconds between two savings of a running notebook."""


@dataclass(frozen=True)
class Hooks:
    """Callbacks of a run: `begin` with each cell's index as it begins, `save` to keep the rest."""

    begin: Callable[[int], None]
    save: Callable[[], None]


@dataclass(frozen=True)
class Limits:
    """Time limits in seconds, for each cell and for all together; None for no limit."""

    cell: float | None = None
    notebook: float | None = None


def execute(
    node: nbformat.NotebookNode, *, folder: Path, hooks: Hooks, limits: Limits
) -> int | None:
    """Run a notebook in place, cell by cell, until its end or its first error.

    `folder` is the working directory of a kernel; Python runs in this process and in its folder.
    Returns the index of the cell at which the run stopped short, or None. The cell's outputs hold
    the error, unless a kernel died in it.
    """
    hooks.save()
    kernel = node.metadata.get("kernelspec", {}).get("name", KERNEL)
    if kernel != KERNEL:
        return run_in_kernel(node, kernel=kernel, folder=folder, timeout=limits.cell)
    from headrace.execution import in_process_executor

    rules = in_process_executor.Rules(timeout=limits.cell, total=limits.notebook)
    return in_process_executor.run(
        node, rules, begin=hooks.begin, end=_saving_now_and_then(hooks.save)
    )


def _saving_now_and_then(save: Callable[[], None]) -> Callable[[int], None]:
    """Return a callback for a cell's end that saves at most every SAVE_EVERY seconds."""
    last = time.monotonic()

    def end(_index: int) -> None:
        nonlocal last
        if time.monotonic() - last >= SAVE_EVERY:
            save()
            last = time.monotonic()

    return end


def run_in_kernel(
    node: nbformat.NotebookNode, *, kernel: str, folder: Path, timeout: float | None = None
) -> int | None:
    """Run a notebook in a kernel by papermill's own engine, until its end or its first error.

    `timeout` is in seconds, for each cell. Returns the index of the cell at which it stopped short,
    or None.
    """
    from nbclient.exceptions import CellTimeoutError, DeadKernelError  # slow, and seldom needed
    from papermill.engines import papermill_engines

    for part in (node, *node.cells):
        part.metadata.setdefault("papermill", {})
        part.metadata.setdefault("tags", [])
    try:
        papermill_engines.execute_notebook_with_engine(
            "nbclient",
            node,
            kernel_name=kernel,
            progress_bar=False,
            execution_timeout=timeout,
            resources={"metadata": {"path": str(folder)}},
        )
    except (DeadKernelError, CellTimeoutError):
        started = [bool(cell.metadata.papermill["start_time"]) for cell in node.cells]
        return max(index for index, begun in enumerate(started) if begun)
    failed = (cell.metadata.papermill["exception"] for cell in node.cells)
    return next((index for index, exception in enumerate(failed) if exception), None)
