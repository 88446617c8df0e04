"""Execute in.ipynb to out.ipynb in each of the given folders: `execute.py ENGINE FOLDER …`."""

import os
import sys
from contextlib import suppress

import nbformat

ENGINE, *FOLDERS = sys.argv[1:]
sys.modules.setdefault("rfc3987_syntax", None)  # see headrace.cli.main


def by_papermill() -> None:
    import papermill

    with suppress(papermill.PapermillExecutionError):
        papermill.execute_notebook("in.ipynb", "out.ipynb", progress_bar=False)


def by_headrace() -> None:
    """Run in a child, so that no notebook finds what another one left in the process."""
    from headrace.execution import in_process_executor

    child = os.fork()
    if child:
        assert os.waitpid(child, 0)[1] == 0
        return
    node = nbformat.read("in.ipynb", as_version=4)
    in_process_executor.run(node)
    nbformat.write(node, "out.ipynb")
    os._exit(0)


for folder in FOLDERS:
    os.chdir(folder)
    by_papermill() if ENGINE == "papermill" else by_headrace()
