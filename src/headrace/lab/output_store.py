"""Keep outputs out of source notebooks: split them off on saving, join them on opening.

DVC hashes the file on disk, so an output saved in a source notebook would be a change to its stage.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat

from headrace.core import atomic, pipeline, source_form
from headrace.core.stage import is_source

FOLDER = ".headrace/outputs"
"""Where outputs are kept, below the study; git ignores it."""

Outputs = dict[str, dict[str, Any]]
"""By cell id: the outputs, the execution count, and the hash of the source that made them."""


def split(node: nbformat.NotebookNode) -> tuple[nbformat.NotebookNode, Outputs]:
    """Return the notebook's source, and the outputs of its cells."""
    clean: nbformat.NotebookNode = deepcopy(node)
    outputs: Outputs = {
        _key(cell, index): {
            "source": _hash(cell),
            "execution_count": cell.execution_count,
            "outputs": cell.outputs,
        }
        for index, cell in enumerate(node.cells)
        if cell.cell_type == "code" and (cell.outputs or cell.execution_count)
    }
    source_form.strip(clean.metadata, clean.cells)
    return clean, outputs


def is_same(stored: nbformat.NotebookNode, saved: nbformat.NotebookNode) -> bool:
    """Tell whether a notebook from disk is the one to save, whatever its layout and marks."""
    has_ids = (stored.nbformat, stored.nbformat_minor) >= (4, 5)  # else they have been made since
    old, new = (_content(node, with_ids=has_ids) for node in (stored, saved))
    return old == new


def _content(node: nbformat.NotebookNode, *, with_ids: bool) -> tuple[Any, ...]:
    """Return what counts of a notebook: its source, and its results."""
    copy = nbformat.convert(deepcopy(node), 4)
    results = [(cell.get("outputs"), cell.get("execution_count")) for cell in copy.cells]
    source_form.strip(copy.metadata, copy.cells)
    copy.metadata.setdefault("kernelspec", source_form.PYTHON)  # as JupyterLab adds it
    for cell in () if with_ids else copy.cells:
        cell.pop("id", None)
    return copy.metadata, copy.cells, results


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


def path_of(root: Path, name: str) -> Path:
    """Return the side file of a notebook, by its path from the study on."""
    return root / FOLDER / f"{name}.json"


def follow_moves(root: Path) -> None:
    """Give outputs to the notebook that was moved elsewhere than in JupyterLab; remove orphans."""
    folder = root / FOLDER
    sides = {path: path.relative_to(folder).with_suffix("") for path in folder.rglob("*.json")}
    orphans = sorted(path for path, name in sides.items() if not (root / name).is_file())
    candidates = list(_without_outputs(root)) if orphans else []
    for side in orphans:
        if moved := _moved_notebook(read(side), candidates):
            target = path_of(root, moved.relative_to(root).as_posix())
            target.parent.mkdir(parents=True, exist_ok=True)
            side.replace(target)
            candidates.remove(moved)
        else:
            side.unlink()


def _without_outputs(root: Path) -> Iterator[Path]:
    """Yield the notebooks of a study, runs left out, for which no outputs are kept."""
    for folder, files in pipeline.folders(root):
        for name in (str(folder / file) for file in files):
            if is_source(name) and not path_of(root, name).exists():
                yield root / name


def _moved_notebook(outputs: Outputs, candidates: Iterable[Path]) -> Path | None:
    """Return the notebook that has most of the cells that outputs are of; None without a half.

    A cell is the same by its id and its source: notebooks of one template share ids, and imports.
    """
    sources = {(key, cell["source"]) for key, cell in outputs.items()}
    best, most = None, len(sources) / 2
    for path in candidates if sources else ():
        with suppress(Exception):  # nbformat raises whatever its readers raise
            cells = nbformat.read(path, as_version=4).cells
            same = sources & {(_key(cell, index), _hash(cell)) for index, cell in enumerate(cells)}
            if len(same) > most:
                best, most = path, len(same)
    return best
