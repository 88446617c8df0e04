"""Execute in.ipynb to out.ipynb in each folder given: `run_notebooks.py ENGINE FOLDER …`."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import nbformat

ENGINE, *FOLDERS = sys.argv[1:]
ALONE = ("work in other processes",)
"""Notebooks that fork: they get a new interpreter, in which no library has started a thread."""
LIMIT_S = 120
"""Seconds for a notebook of few cells; one that takes longer hangs, and is named."""


def by_papermill() -> None:
    import papermill

    with suppress(papermill.PapermillExecutionError):
        papermill.execute_notebook(
            "in.ipynb", "out.ipynb", progress_bar=False, execution_timeout=LIMIT_S
        )


def by_headrace() -> None:
    """Run in a child, so that no notebook finds what another one left in the process."""
    from headrace.core import processes
    from headrace.execution import in_process_executor

    child = os.fork()
    if child:
        if not processes.wait_for_any(child)(LIMIT_S):
            processes.end_tree(child)
            raise TimeoutError(f"{Path.cwd().name} hangs after {LIMIT_S} s")
        assert os.waitpid(child, 0)[1] == 0, Path.cwd().name
        return
    node = nbformat.read("in.ipynb", as_version=4)
    in_process_executor.run(node)
    nbformat.write(node, "out.ipynb")
    os._exit(0)


for folder in FOLDERS:
    os.chdir(folder)
    if Path(folder).name in ALONE and len(FOLDERS) > 1:
        subprocess.run([sys.executable, __file__, ENGINE, folder], check=True)
    else:
        by_papermill() if ENGINE == "papermill" else by_headrace()
