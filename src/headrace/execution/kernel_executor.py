"""Run a notebook in a kernel, by papermill's own engine: for another language than Python."""

from pathlib import Path

import nbformat
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.engines import papermill_engines


def run(
    node: nbformat.NotebookNode, *, kernel: str, folder: Path, timeout: float | None = None
) -> int | None:
    """Run a notebook in the kernel of this name, in place, until its end or its first error.

    `timeout` is in seconds, for each cell. Returns the index of the cell at which it stopped short,
    or None.
    """
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
        return _last_started(node)
    return _failed(node)


def _failed(node: nbformat.NotebookNode) -> int | None:
    for index, cell in enumerate(node.cells):
        if cell.metadata.papermill["exception"]:
            return index
    return None


def _last_started(node: nbformat.NotebookNode) -> int:
    started = [bool(cell.metadata.papermill["start_time"]) for cell in node.cells]
    return max(index for index, begun in enumerate(started) if begun)
