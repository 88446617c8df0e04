"""Keep outputs out of source notebooks: split them off on saving, join them on opening.

DVC hashes the file on disk, so an output saved in a source notebook would be a change to its stage.
"""

import hashlib
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat

from headrace.core import atomic

VOLATILE_NOTEBOOK = ("language_info", "widgets", "signature")
VOLATILE_CELL = ("collapsed", "scrolled", "execution", "ExecuteTime", "trusted")

Outputs = dict[str, dict[str, Any]]
"""By cell id: the outputs, the execution count, and the hash of the source that made them."""


def split(node: nbformat.NotebookNode) -> tuple[nbformat.NotebookNode, Outputs]:
    """Return the notebook without outputs, and the outputs of its cells."""
    clean: nbformat.NotebookNode = deepcopy(node)
    outputs: Outputs = {}
    for key in VOLATILE_NOTEBOOK:
        clean.metadata.pop(key, None)
    for index, cell in enumerate(clean.cells):
        for key in VOLATILE_CELL:
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            if cell.outputs or cell.execution_count:
                outputs[_key(cell, index)] = {
                    "source": _hash(cell),
                    "execution_count": cell.execution_count,
                    "outputs": cell.outputs,
                }
            cell.outputs, cell.execution_count = [], None
    return clean, outputs


def join(clean: nbformat.NotebookNode, outputs: Outputs) -> nbformat.NotebookNode:
    """Give each cell its outputs back, unless its source has changed."""
    node: nbformat.NotebookNode = deepcopy(clean)
    for index, cell in enumerate(node.cells):
        stored = outputs.get(_key(cell, index))
        if cell.cell_type != "code" or cell.outputs or not stored:
            continue
        if stored["source"] == _hash(cell):
            cell.outputs = [nbformat.from_dict(output) for output in stored["outputs"]]
            cell.execution_count = stored["execution_count"]
    return node


def _key(cell: nbformat.NotebookNode, index: int) -> str:
    return str(cell.get("id", f"#{index}"))


def _hash(cell: nbformat.NotebookNode) -> str:
    return hashlib.sha256(cell.source.encode("utf-8", "surrogatepass")).hexdigest()


def read(path: Path) -> Outputs:
    """Read a side file; a missing or broken one counts as no outputs."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    fields = {"source", "execution_count", "outputs"}
    is_valid = isinstance(content, dict) and all(
        isinstance(cell, dict) and cell.keys() == fields for cell in content.values()
    )
    return content if is_valid else {}


def write(outputs: Outputs, path: Path) -> None:
    """Write a side file, or delete it where there are no outputs."""
    if outputs:
        atomic.write_text(path, json.dumps(outputs))
    else:
        path.unlink(missing_ok=True)
