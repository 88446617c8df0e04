"""The normal form of a run: identical for identical inputs.

Time stamps, durations, paths and random ids are removed; memory addresses in reprs are masked.
Nothing else in an output is changed.
"""

import io
import json
import re
from copy import deepcopy
from typing import Any, TextIO

import nbformat
from nbformat.v4.rwbase import split_lines, strip_transient

REPR = re.compile(r"(?:<|&lt;)[^<>\n]*")
ADDRESS = re.compile(r"(?<=\bat )0x[0-9a-fA-F]{6,16}\b")
INJECTED = "injected-parameters"
KERNELSPEC = ("name", "display_name", "language")
WIDGET = "application/vnd.jupyter.widget-view+json"
"""A widget's live view, by a random id: useless without its kernel."""
VOLATILE_CELL = ("papermill", "execution", "collapsed", "scrolled", "ExecuteTime")


def normalize(node: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Bring an executed notebook into normal form, in place, and return it.

    Normalising twice changes nothing more.
    """
    node.nbformat, node.nbformat_minor = 4, 5
    node.metadata = nbformat.from_dict(_notebook_metadata(node.metadata))
    for index, cell in enumerate(node.cells):
        _cell(cell, index)
    outputs(node)
    return node


def outputs(node: nbformat.NotebookNode) -> None:
    """Bring the outputs into normal form, in place: streams joined, counts from 1, reprs masked."""
    count = 0
    for cell in node.cells:
        if cell.cell_type != "code":
            continue
        cell.outputs = _merged(cell.outputs)
        for output in cell.outputs:
            _mask(output)
        if cell.execution_count is not None:
            count += 1
            _number(cell, count)


def text(node: nbformat.NotebookNode) -> str:
    """Return the notebook as the text of its file."""
    file = io.StringIO()
    write(node, file)
    return file.getvalue()


def write(node: nbformat.NotebookNode, file: TextIO) -> None:
    """Write the notebook as nbformat does, but in pieces: a large output is in memory once."""
    content = strip_transient(split_lines(deepcopy(node)))
    json.dump(content, file, indent=1, sort_keys=True, ensure_ascii=False, separators=(",", ": "))
    file.write("\n")


def _notebook_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    kernelspec = metadata.get("kernelspec", {})
    language = metadata.get("language_info", {}).get("name", kernelspec.get("language"))
    parts = {
        "kernelspec": {key: kernelspec[key] for key in KERNELSPEC if key in kernelspec},
        "language_info": {"name": language} if language else {},
    }
    return {name: content for name, content in parts.items() if content}


def _cell(cell: nbformat.NotebookNode, index: int) -> None:
    for key in VOLATILE_CELL:
        cell.metadata.pop(key, None)
    if not cell.metadata.get("tags"):
        cell.metadata.pop("tags", None)
    if INJECTED in cell.metadata.get("tags", []):
        cell.id = INJECTED
    elif "id" not in cell:
        cell.id = f"cell-{index}"


def _number(cell: nbformat.NotebookNode, count: int) -> None:
    cell.execution_count = count
    for output in cell.outputs:
        if output.output_type == "execute_result":
            output.execution_count = count


def _merged(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Join a stream's neighbouring pieces: where it was cut depends on timing."""
    merged: list[nbformat.NotebookNode] = []
    for output in outputs:
        last = merged[-1] if merged else None
        if last and output.output_type == "stream" == last.output_type and output.name == last.name:
            last.text += output.text
        else:
            merged.append(output)
    return merged


def _mask(output: nbformat.NotebookNode) -> None:
    """Mask the addresses in an output's text, such as <object object at 0x7f0a…>."""
    if output.output_type == "stream":
        output.text = _masked(output.text)
    elif output.output_type == "error":
        output.traceback = [_masked(line) for line in output.traceback]
        output.evalue = _masked(output.evalue)
    else:
        output.data.pop(WIDGET, None)
        for kind, value in output.data.items():
            if kind.startswith("text/") and isinstance(value, str):
                output.data[kind] = _masked(value)


def _masked(text: str) -> str:
    """Mask addresses within reprs, which begin with a <."""
    return REPR.sub(lambda match: ADDRESS.sub("0x…", match[0]), text)
