"""What a running stage has shown so far, in a file that outlives its process.

Each cell's outputs are added when it ends: nothing is written twice, and what kills the process
takes no more than the cell that was running. The file's first line is the notebook without
outputs, each further one a cell's outputs.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from headrace.core.project import Project

if TYPE_CHECKING:
    import nbformat


def path_of(project: Project, name: str) -> Path:
    """Return the file of the run with this name."""
    return project.root / "runs/.partial" / f"{name}.jsonl"


PIECE = 1 << 22
"""Characters that are written at once."""


class PartialRun:
    """The file while the stage runs."""

    def __init__(self, path: Path, node: "nbformat.NotebookNode") -> None:
        self._path, self._node = path, node
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: TextIO = path.open("w", encoding="utf-8")
        self._write(node)

    def add(self, index: int) -> None:
        """Add the outputs of a cell, by its index; they replace those added before."""
        cell = self._node.cells[index]
        if cell.cell_type == "code":
            count = cell.execution_count
            self._write({"index": index, "execution_count": count, "outputs": cell.outputs})

    def _write(self, content: Any) -> None:
        # In ASCII, so that a lone surrogate is an escape; not synced to disk, because it has to
        # survive the process and not the machine.
        # Each piece is encoded by itself: a long text is in memory once more, and not four times.
        for part in json.JSONEncoder().iterencode(content):
            for start in range(0, len(part), PIECE):
                self._file.write(part[start : start + PIECE])
        self._file.write("\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file, and leave it to the supervisor."""
        self._file.close()

    def remove(self) -> None:
        """Remove the file: the run is written, or is a failed one."""
        self.close()
        self._path.unlink(missing_ok=True)


def keep(project: Project, name: str) -> "nbformat.NotebookNode | None":
    """Write what a dead stage left as a failed run; return it, or None if it left nothing."""
    path = path_of(project, name)
    node = _read(path)
    if node is not None:
        from headrace.execution import normalize

        failed = project.root / "runs/failed" / f"{name}.ipynb"
        normalize.save(failed, node, project.root)
    path.unlink(missing_ok=True)
    return node


def _read(path: Path) -> "nbformat.NotebookNode | None":
    import nbformat  # slow, and this is seldom needed

    try:
        first, *rest = path.read_text("utf-8").splitlines()
        node: nbformat.NotebookNode = nbformat.from_dict(json.loads(first))
    except (OSError, ValueError):
        return None
    for line in rest:
        try:
            content = nbformat.from_dict(json.loads(line))
        except ValueError:
            break  # the process died while it wrote
        cell = node.cells[content.index]
        cell.outputs, cell.execution_count = content.outputs, content.execution_count
    return node
