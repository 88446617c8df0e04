"""The one place where a stage's notebook is executed."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat

KERNEL = "python3"
"""The kernel that needs none: cells for it run in this process."""

SAVE_EVERY = 30.0
"""Seconds, at least, from one saving of a running notebook to the next."""


@dataclass(frozen=True)
class Hooks:
    """What is called while a notebook runs: with each cell's index as it begins, and to save."""

    begin: Callable[[int], None]
    save: Callable[[], None]


@dataclass(frozen=True)
class Limits:
    """Seconds that a cell, and all cells together, may take; None: as long as it takes."""

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
        from headrace.execution import kernel_executor  # slow to import, and seldom needed

        return kernel_executor.run(node, kernel=kernel, folder=folder, timeout=limits.cell)
    from headrace.execution import in_process_executor

    rules = in_process_executor.Rules(timeout=limits.cell, total=limits.notebook)
    return in_process_executor.run(node, rules, begin=hooks.begin, end=_at_times(hooks.save))


def _at_times(save: Callable[[], None]) -> Callable[[int], None]:
    """Return what saves at a cell's end, when the last time is long enough ago."""
    last = time.monotonic()

    def end(_index: int) -> None:
        nonlocal last
        if time.monotonic() - last >= SAVE_EVERY:
            save()
            last = time.monotonic()

    return end
