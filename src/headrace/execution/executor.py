"""Execute a stage's notebook: Python cells in this process, other languages in their kernel."""

from pathlib import Path

import nbformat

from headrace.errors import NotebookError
from headrace.execution import in_process_executor
from headrace.execution.in_process_executor import Rules, Watch

KERNEL = "python3"
"""The kernel whose cells run in this process."""


def execute(node: nbformat.NotebookNode, *, folder: Path, watch: Watch, rules: Rules) -> int | None:
    """Run a notebook in place, cell by cell, until its end or its first error.

    `folder` is the working directory of a kernel; Python runs in this process and in its folder.
    Returns the index of the cell at which the run stopped short, or None. The cell's outputs hold
    the error, unless a kernel died in it.

    Errors:
        NotebookError: the notebook names a kernel that is not installed.
    """
    kernel = (node.metadata.get("kernelspec") or {}).get("name") or KERNEL
    if kernel != KERNEL:
        return run_in_kernel(node, kernel=kernel, folder=folder, timeout=rules.timeout)
    return in_process_executor.run(node, rules, watch)


def _require_kernel(name: str) -> None:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        KernelSpecManager().get_kernel_spec(name)
    except NoSuchKernel:
        raise NotebookError(
            f"The notebook names the kernel {name}, which is not installed here. Next: choose"
            f" another in JupyterLab (Kernel, Change Kernel); the one of this study's Python is"
            f" {KERNEL}"
        ) from None


def run_in_kernel(
    node: nbformat.NotebookNode, *, kernel: str, folder: Path, timeout: float | None = None
) -> int | None:
    """Run a notebook in a kernel by papermill's own engine, until its end or its first error.

    `timeout` is in seconds, for each cell. Returns the index of the cell at which it stopped short,
    or None.
    """
    from nbclient.exceptions import CellTimeoutError, DeadKernelError  # slow, and seldom needed
    from papermill.engines import papermill_engines

    _require_kernel(kernel)
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
    stopped = next((index for index, exception in enumerate(failed) if exception), None)
    return in_process_executor.first_error(node) if stopped is None else stopped
