"""Put a stage's parameters into its notebook, as data."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import nbformat

from headrace.core.notebook import TAG
from headrace.execution import normalize


def inject(source: nbformat.NotebookNode, values: Mapping[str, Any]) -> nbformat.NotebookNode:
    """Return a copy of a notebook with these values in a cell of their own, below the defaults.

    The cell is papermill's: the same tag, the same place. Its source is made of names that
    `parameters` has checked and of Python literals, so it gives back what was put in, in value and
    type, and nothing in it can run.
    """
    node = deepcopy(source)
    node.cells = [cell for cell in node.cells if not is_injected(cell)]
    if not values:
        return node
    lines = ["# Parameters", *(f"{name} = {value!r}" for name, value in values.items())]
    cell = nbformat.v4.new_code_cell(
        "\n".join(lines) + "\n", id=normalize.INJECTED, metadata={"tags": [normalize.INJECTED]}
    )
    place = next(index for index, cell in enumerate(node.cells) if TAG in _tags(cell))
    node.cells.insert(place + 1, cell)
    return node


def is_injected(cell: nbformat.NotebookNode) -> bool:
    """Tell whether a run put this cell in."""
    return normalize.INJECTED in _tags(cell)


def _tags(cell: nbformat.NotebookNode) -> list[str]:
    tags: list[str] = cell.metadata.get("tags", [])
    return tags
