"""What is no source in a source notebook: results, and the marks that editors leave.

It works on plain JSON, as `headrace check` reads it, and on nbformat's nodes alike.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from headrace.core.yaml import or_empty

PYTHON = {"display_name": "Python 3", "language": "python", "name": "python3"}
"""The kernelspec of Python; editors write the name of an environment in place of "Python 3"."""
VSCODE_KERNEL = re.compile(r"python\w*jvsc74a57bd0\w*")
"""The name under which VS Code kept an interpreter of its own."""
NOTEBOOK_MARKS = {
    *("language_info", "widgets", "signature", "orig_nbformat", "orig_nbformat_minor"),
    *("execution", "papermill", "varInspector", "toc", "kernel_info", "nteract", "record_timing"),
    *("vscode", "interpreter", "pycharm", "datalore", "colab", "accelerator", "gpuClass"),
}
CELL_MARKS = {
    *("collapsed", "scrolled", "hidden", "heading_collapsed", "jp-MarkdownHeadingCollapsed"),
    *("execution", "ExecuteTime", "executionInfo", "papermill", "trusted", "nteract", "gather"),
    *("vscode", "pycharm", "datalore", "colab", "colab_type", "id", "outputId", "azdata"),
}
"""Keys of metadata: of Jupyter and papermill, then of other editors."""
PREFIXES = ("application/vnd.", "deepnote")
VIEW = ("outputs_hidden", "is_executing")
"""Keys below a cell's `jupyter` that say how it is shown."""
DEFAULTS = {
    "jupyter": {},
    "tags": [],
    "editable": True,
    "deletable": True,
    "slideshow": {"slide_type": ""},
}
"""Metadata that mean the same as none: they go, but nobody is asked to remove them."""
RESULTS = ("outputs", "execution counts in its outputs", "an execution count")


def strip(metadata: object, cells: Sequence[dict[str, Any]]) -> list[tuple[int, str]]:
    """Remove what is no source, in place; return cell (0 for the notebook) and name of each part.

    Outputs that a user marked as kept, in nbstripout's way, stay.
    """
    own = or_empty(metadata, dict)
    names = [(0, f"metadata.{name}") for name in _strip_notebook(own)]
    for number, cell in enumerate(cells, start=1):
        in_cell = or_empty(cell.get("metadata"), dict)
        names += [(number, name) for name in _strip_results(cell, own)]
        names += [(number, f"metadata.{name}") for name in _strip_cell(in_cell)]
    return names


def _strip_notebook(metadata: dict[str, Any]) -> Iterator[str]:
    yield from _strip_keys(metadata, NOTEBOOK_MARKS)
    spec = or_empty(metadata.get("kernelspec"), dict)
    name = str(spec.get("name", ""))
    is_python = name == PYTHON["name"] or VSCODE_KERNEL.fullmatch(name)
    plain = PYTHON if is_python else {key: spec[key] for key in PYTHON if key in spec}
    if changed := sorted(key for key in plain.keys() | spec if plain.get(key) != spec.get(key)):
        metadata["kernelspec"] = type(spec)(plain)
        yield from (f"kernelspec.{key}" for key in changed)


def _strip_cell(metadata: dict[str, Any]) -> Iterator[str]:
    yield from _strip_keys(metadata, CELL_MARKS)
    view = or_empty(metadata.get("jupyter"), dict)
    yield from (f"jupyter.{key}" for key in _strip_keys(view, VIEW))
    for key in [key for key, default in DEFAULTS.items() if metadata.get(key) == default]:
        del metadata[key]


def _strip_keys(metadata: dict[str, Any], marks: Sequence[str] | set[str]) -> Iterator[str]:
    for key in [key for key in metadata if key in marks or key.startswith(PREFIXES)]:
        del metadata[key]
        yield key


def _strip_results(cell: dict[str, Any], notebook_metadata: dict[str, Any]) -> Iterator[str]:
    outputs = or_empty(cell.get("outputs"), list)
    counted = [out for out in outputs if isinstance(out, dict) and out.get("execution_count")]
    if outputs and not is_kept(cell, notebook_metadata):
        cell["outputs"] = []
        yield RESULTS[0]
    elif counted:
        for output in counted:
            output["execution_count"] = None
        yield RESULTS[1]
    if cell.get("execution_count") or cell.get("prompt_number"):
        cell["execution_count"] = None
        cell.pop("prompt_number", None)  # before nbformat 4
        yield RESULTS[2]


def is_kept(cell: dict[str, Any], notebook_metadata: dict[str, Any]) -> bool:
    """Tell whether a user marked a cell's outputs as part of the source."""
    metadata = or_empty(cell.get("metadata"), dict)
    if "init_cell" in metadata:
        return bool(metadata["init_cell"])
    if "keep_output" in metadata or "keep_output" in or_empty(metadata.get("tags"), list):
        return bool(metadata.get("keep_output", True))
    return bool(notebook_metadata.get("keep_output", False))
