"""Become JupyterLab on a study: its root, its contents manager, and no word from elsewhere."""

import json
import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

from headrace.core.project import Project

OPTIONS = (
    "--ServerApp.contents_manager_class=headrace.lab.jupyter_contents.ContentsManager",
    "--LabApp.news_url=None",  # neither news, nor the question whether one wants any
    "--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate",
)
"""Before the user's own options, which therefore count."""
EXTENSIONS = Path(__file__).with_name("labextension")


def start(project: Project, words: Sequence[str], *, failed: Path | None = None) -> NoReturn:
    """Replace this process by JupyterLab, whose options are `words`.

    It opens a failed run, if one is given, at the cell that failed.

    Errors:
        ModuleNotFoundError: JupyterLab is not installed.
    """
    if find_spec("jupyterlab") is None:
        raise ModuleNotFoundError(name="jupyterlab")
    from headrace.lab import output_store

    output_store.follow_moves(project.root)
    path = os.pathsep.join(filter(None, [str(project.source), os.environ.get("PYTHONPATH")]))
    options = [*OPTIONS, f"--ServerApp.root_dir={project.root}"]
    options += _options_at_cell(project.root, failed) if failed else []
    os.chdir(project.root)
    sys.stdout.flush()  # what is still in Python's buffer would be lost
    os.execve(
        sys.executable,
        [sys.executable, "-m", "jupyterlab", *options, *words],
        os.environ | {"PYTHONPATH": path},
    )


def _options_at_cell(root: Path, failed: Path) -> list[str]:
    """Return the options by which our extension of JupyterLab opens a run at its failed cell."""
    cells = json.loads(failed.read_text("utf-8"))["cells"]
    cell = cells[_failed(cells)]["id"] if cells else ""
    page = {"headraceCell": {"path": failed.relative_to(root).as_posix(), "cell": cell}}
    return [
        f"--LabApp.extra_labextensions_path={EXTENSIONS}",
        f"--ServerApp.tornado_settings={ {'page_config_data': page}!r}",
    ]


def _failed(cells: Sequence[dict[str, Any]]) -> int:
    """Return the index of the cell with an error; else of the one after the last that ended.

    A process that died left no error.
    """
    code = [index for index, cell in enumerate(cells) if cell["cell_type"] == "code"]
    for index in code:
        if any(output["output_type"] == "error" for output in cells[index]["outputs"]):
            return index
    ended = [index for index in code if cells[index]["execution_count"]]
    return next((index for index in code if not ended or index > ended[-1]), 0)
