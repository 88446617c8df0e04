"""The normal form of a run: nothing in it but what the inputs determine.

Time stamps, durations, paths and random ids go; memory addresses in reprs are masked. Nothing else
of an output is ever changed: what a user's code prints stays.
"""

import re
from typing import Any

import nbformat

ADDRESS = re.compile(r"(?<=\bat )0x[0-9a-fA-F]{6,16}(?=>)")
INJECTED = "injected-parameters"
KERNELSPEC = ("name", "display_name", "language")
VOLATILE_CELL = ("papermill", "execution", "collapsed", "scrolled", "ExecuteTime")


def normalise(node: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Bring an executed notebook into normal form, in place, and return it.

    Normalising twice changes nothing more.
    """
    node.nbformat, node.nbformat_minor = 4, 5
    node.metadata = nbformat.from_dict(_notebook_metadata(node.metadata))
    count = 0
    for index, cell in enumerate(node.cells):
        _cell(cell, index)
        if cell.cell_type == "code" and cell.execution_count is not None:
            count += 1
            _number(cell, count)
    return node


def text(node: nbformat.NotebookNode) -> str:
    """Return the notebook as the text of its file."""
    return str(nbformat.writes(node, version=nbformat.NO_CONVERT)) + "\n"


def _notebook_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    kernelspec = metadata.get("kernelspec", {})
    language = metadata.get("language_info", {}).get("name", kernelspec.get("language"))
    kept = {
        "kernelspec": {key: kernelspec[key] for key in KERNELSPEC if key in kernelspec},
        "language_info": {"name": language} if language else {},
    }
    return {name: content for name, content in kept.items() if content}


def _cell(cell: nbformat.NotebookNode, index: int) -> None:
    for key in VOLATILE_CELL:
        cell.metadata.pop(key, None)
    if not cell.metadata.get("tags"):
        cell.metadata.pop("tags", None)
    if INJECTED in cell.metadata.get("tags", []):
        cell.id = INJECTED
    elif "id" not in cell:
        cell.id = f"cell-{index}"
    for output in cell.get("outputs", []):
        _mask(output)


def _number(cell: nbformat.NotebookNode, count: int) -> None:
    cell.execution_count = count
    for output in cell.outputs:
        if output.output_type == "execute_result":
            output.execution_count = count


def _mask(output: nbformat.NotebookNode) -> None:
    """Mask the addresses in an output's text, such as <object object at 0x7f0a…>."""
    if output.output_type == "stream":
        output.text = ADDRESS.sub("0x…", output.text)
    elif output.output_type == "error":
        output.traceback = [ADDRESS.sub("0x…", line) for line in output.traceback]
        output.evalue = ADDRESS.sub("0x…", output.evalue)
    else:
        for kind, value in output.data.items():
            if kind.startswith("text/") and isinstance(value, str):
                output.data[kind] = ADDRESS.sub("0x…", value)
