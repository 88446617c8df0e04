"""The papermill engine `headrace`: `papermill in.ipynb out.ipynb --engine headrace`.

The outputs are those of `headrace run`. Papermill writes the file, and adds its times to the
metadata.
"""

from typing import Any

import nbformat
from papermill.engines import Engine, NBClientEngine
from papermill.exceptions import PapermillExecutionError

from headrace.execution import in_process_executor, normalize
from headrace.execution.executor import KERNEL


class HeadraceEngine(Engine):  # type: ignore[misc]  # papermill is untyped
    """Runs Python notebooks in papermill's own process, and others in their kernel."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> Any:
        """Run the notebook that papermill manages, and bring its outputs into normal form.

        Errors:
            PapermillExecutionError: a cell asked to leave with success (`SystemExit(0)`), which
                papermill itself takes for the notebook's end.
        """
        if kernel_name != KERNEL:
            NBClientEngine.execute_managed_notebook(nb_man, kernel_name, **options)
            normalize.outputs(nb_man.nb)
            return
        rules = in_process_executor.Rules(
            allow_errors=bool(options.get("allow_errors")), timeout=options.get("execution_timeout")
        )
        failed = _run(nb_man, rules)
        normalize.outputs(nb_man.nb)
        if failed is not None:
            nb_man.cell_exception(nb_man.nb.cells[failed], cell_index=failed)
            _refuse_to_leave(nb_man.nb.cells[failed], failed)


def _run(nb_man: Any, rules: in_process_executor.Rules) -> int | None:
    """Run the cells; papermill's manager hears of each, but writes no file twice per cell."""
    cells = nb_man.nb.cells
    path, nb_man.output_path = nb_man.output_path, None

    def end(index: int) -> None:
        nb_man.cell_complete(cells[index], cell_index=index)

    try:
        return in_process_executor.run(
            nb_man.nb,
            rules,
            begin=lambda index: nb_man.cell_start(cells[index], cell_index=index),
            end=end,
        )
    except in_process_executor.Interrupted:
        raise KeyboardInterrupt from None
    finally:
        nb_man.output_path = path


def _refuse_to_leave(cell: nbformat.NotebookNode, index: int) -> None:
    error = next((output for output in cell.outputs if output.output_type == "error"), None)
    if error is not None and error.ename == "SystemExit":
        raise PapermillExecutionError(
            cell_index=index,
            exec_count=cell.execution_count,
            source=cell.source,
            ename=error.ename,
            evalue=error.evalue,
            traceback=error.traceback,
        )
