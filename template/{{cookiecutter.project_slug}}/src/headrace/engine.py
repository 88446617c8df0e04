"""The one place where a notebook is executed: today by papermill's own engine, in a kernel.

Another engine slots in here: `execute` is all that the runner knows of it.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbclient.exceptions import DeadKernelError
from papermill.engines import papermill_engines
from papermill.parameterize import parameterize_notebook

ENGINE = "nbclient"
KERNEL = "python3"
QUIET = "--IPKernelApp.log_level=CRITICAL"
"""A kernel warns at every start that its sockets, on this machine's loopback, are in plain text."""


@dataclass(frozen=True)
class Execution:
    """The executed notebook, and the index of the cell at which it stopped short, if it did.

    The cell's outputs hold the error, unless the process died in it.
    """

    node: nbformat.NotebookNode
    failed: int | None


def execute(
    source: nbformat.NotebookNode,
    values: Mapping[str, Any],
    *,
    stage: str,
    folder: Path,
    progress: bool,
) -> Execution:
    """Run a notebook with these parameters, cell by cell, until its end or its first error.

    `folder` is the working directory; `progress` draws a bar, named after the stage, on standard
    error. The source is left as it is.
    """
    node = _as_papermill_reads(source)
    node = parameterize_notebook(node, dict(values), kernel_name=KERNEL, language="python")
    try:
        papermill_engines.execute_notebook_with_engine(
            ENGINE,
            node,
            kernel_name=KERNEL,
            progress_bar={"desc": f"  {stage}", "leave": False} if progress else False,
            extra_arguments=[QUIET],
            resources={"metadata": {"path": str(folder)}},
        )
    except DeadKernelError:
        return Execution(node, _last_started(node))
    return Execution(node, _failed(node))


def _as_papermill_reads(source: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a copy with the metadata that papermill expects to find."""
    node = deepcopy(source)
    for part in (node, *node.cells):
        part.metadata.setdefault("papermill", {})
        part.metadata.setdefault("tags", [])
    return node


def _failed(node: nbformat.NotebookNode) -> int | None:
    for index, cell in enumerate(node.cells):
        if cell.metadata.papermill["exception"]:
            return index
    return None


def _last_started(node: nbformat.NotebookNode) -> int:
    started = [bool(cell.metadata.papermill["start_time"]) for cell in node.cells]
    return max(index for index, begun in enumerate(started) if begun)
