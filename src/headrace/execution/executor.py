"""Execute a stage's notebook by papermill's own `execute_notebook`."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
import papermill.execute
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.engines import papermill_engines
from papermill.exceptions import PapermillExecutionError
from papermill.execute import remove_error_markers

from headrace.core.attributes import replaced
from headrace.core.project import Project
from headrace.errors import NotebookError, ProjectError, nearest
from headrace.execution import parameters_cell
from headrace.execution.in_process_executor import Rules
from headrace.execution.papermill_engine import ENGINE, KERNEL, HeadraceEngine, StageWatch

papermill_engines.register(ENGINE, HeadraceEngine)  # also where no entry point is installed


def execute(
    project: Project,
    source: nbformat.NotebookNode,
    values: Mapping[str, Any],
    watch: StageWatch,
    rules: Rules,
) -> tuple[nbformat.NotebookNode, int | None]:
    """Run a copy of a notebook with these parameters, until its end or its first error.

    Returns the executed notebook and the index of the cell at which it stopped short, or None. The
    cell's outputs hold the error, unless a kernel died in it. The cells of an engine that is not
    headrace's are not watched.

    Errors:
        NotebookError: the notebook names a kernel that is not installed.
        ProjectError: an option of [tool.headrace] is not one that papermill takes.
    """
    engine = _engine(project)
    kernel = (source.metadata.get("kernelspec") or {}).get("name") or KERNEL
    if kernel != KERNEL or engine != ENGINE:
        _require_kernel(kernel)
    options = _options(project) | {"engine_name": engine, "kernel_name": kernel}
    if kernel == KERNEL:
        options["language"] = "python"
    if engine == ENGINE:
        options |= {"watch": watch, "rules": rules}
    options["execution_timeout"] = rules.timeout
    node = deepcopy(source)
    node.cells = [cell for cell in node.cells if not parameters_cell.is_injected(cell)]
    with _no_file() if engine == ENGINE else TemporaryDirectory() as folder:
        # Another engine leaves no trace of a notebook that failed but its file.
        output = Path(folder) / "run.ipynb" if folder else None
        try:
            return papermill.execute_notebook(node, output, dict(values), **options), None
        except PapermillExecutionError as error:
            stopped = error.cell_index if watch.stopped is None else watch.stopped
            return _partial(watch, output), stopped
        except (DeadKernelError, CellTimeoutError):
            partial = _partial(watch, output)
            return partial, _last_begun(partial)


def _no_file() -> AbstractContextManager[None]:
    """Let papermill write nothing for no path: it would make the run's whole text all the same.

    A cell may call papermill itself, with a path.
    """
    write = papermill.execute.write_ipynb
    return replaced(papermill.execute, "write_ipynb", lambda node, path: path and write(node, path))


def _last_begun(node: nbformat.NotebookNode) -> int:
    """Return the index of the last cell that a kernel began."""
    begun = [bool(cell.metadata.papermill["start_time"]) for cell in node.cells]
    return max((index for index, has_begun in enumerate(begun) if has_begun), default=0)


def _partial(watch: StageWatch, output: Path | None) -> nbformat.NotebookNode:
    """Return the notebook as far as it got, without the cells that papermill adds for an error."""
    node = nbformat.read(output, as_version=4) if output else watch.node
    partial: nbformat.NotebookNode = remove_error_markers(node)
    return partial


def _engine(project: Project) -> str:
    """Return the engine that [tool.headrace] names; by default ours."""
    name = project.settings.get("engine", ENGINE)
    engines = sorted(filter(None, papermill_engines._engines))
    if name not in engines:
        near = nearest(name, engines) if isinstance(name, str) else ""
        raise ProjectError(
            f"pyproject.toml: engine is {name!r}, which papermill does not have.{near} Next: name"
            f" one of {', '.join(engines)}, or install the package that brings it"
        )
    return str(name)


def _options(project: Project) -> dict[str, Any]:
    """Return papermill's own options in [tool.headrace]."""
    options: dict[str, Any] = {"progress_bar": False}
    for name in ("log_output", "report_mode"):
        value = project.settings.get(name, False)
        if not isinstance(value, bool):
            raise ProjectError(
                f"pyproject.toml: {name} is {value!r}. Next: write true or false, or remove it"
            )
        options[name] = value
    if seconds := project.number("start_timeout"):
        options["start_timeout"] = seconds
    return options


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
