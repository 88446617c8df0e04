"""The normal form of a run: identical for identical inputs.

Time stamps and durations are removed; what `output_masks` knows by its form is masked. Nothing else
in an output is changed.
"""

import io
import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, TextIO

import nbformat
from nbformat.v4.rwbase import split_lines, strip_transient

from headrace.core import atomic
from headrace.core.notebook import INJECTED
from headrace.execution import output_masks

KERNELSPEC = ("name", "display_name", "language")
WIDGET = "application/vnd.jupyter.widget-view+json"
"""A widget's live view, by a random id: useless without its kernel."""
VOLATILE_CELL = ("papermill", "execution", "collapsed", "scrolled", "ExecuteTime")


MARKUP = ("text/html", "application/javascript")
"""Kinds of output in which libraries put random ids."""

LARGE = 1 << 20
"""Characters of a stream from which on its lines are written piece by piece."""

Mask = Callable[[str], str]


def normalize(node: nbformat.NotebookNode, root: Path | None = None) -> nbformat.NotebookNode:
    """Bring an executed notebook into normal form, in place, and return it.

    `root` is the clone that it ran in: places in its files become relative to it. Normalising twice
    changes nothing more.
    """
    node.nbformat, node.nbformat_minor = 4, 5
    node.metadata = nbformat.from_dict(_notebook_metadata(node.metadata))
    for index, cell in enumerate(node.cells):
        _cell(cell, index)
    outputs(node, root)
    return node


def outputs(node: nbformat.NotebookNode, root: Path | None = None) -> None:
    """Bring the outputs into normal form, in place: streams joined, counts from 1, texts masked."""
    relative = output_masks.relative_paths(root) if root else None

    def mask(text: str) -> str:
        masked = output_masks.mask_reprs(text)
        return relative(masked) if relative else masked

    count, ids = 0, output_masks.StableIds()
    for cell in node.cells:
        if cell.cell_type != "code":
            continue
        cell.outputs = _merged(cell.outputs)
        for output in cell.outputs:
            _mask(output, mask, ids.replace)
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
    content = deepcopy(node)
    for cell in content.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and len(output.text) > LARGE:
                output.text = _Lines(output.text)
    content = strip_transient(split_lines(content))
    json.dump(content, file, indent=1, sort_keys=True, ensure_ascii=False, separators=(",", ": "))
    file.write("\n")


class _Lines(list[str]):
    """A long text as the list of its lines, of which only some are in memory.

    Each line is a string of its own: millions of short ones take thirty times the text.
    """

    def __init__(self, text: str) -> None:
        super().__init__([""])  # not empty: an encoder asks
        self._text = text

    def __iter__(self) -> Iterator[str]:
        start, size = 0, len(self._text)
        while start < size:
            end = self._text.find("\n", start + LARGE) + 1 or size
            yield from self._text[start:end].splitlines(keepends=True)
            start = end


def save(path: Path, node: nbformat.NotebookNode, root: Path) -> None:
    """Write a copy of the notebook in normal form, whole or not at all."""
    content = normalize(deepcopy(node), root)

    def fill(temporary: Path) -> None:
        # A lone surrogate, which UTF-8 cannot hold, becomes JSON's own escape of it.
        escape = "backslashreplace"
        with temporary.open("w", encoding="utf-8", newline="\n", errors=escape) as file:
            write(content, file)

    atomic.write_whole(path, fill)


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


def _mask(output: nbformat.NotebookNode, mask: Mask, with_stable_ids: Mask) -> None:
    """Mask what differs from run to run in an output's texts."""
    if output.output_type == "stream":
        output.text = mask(output.text)
    elif output.output_type == "error":
        output.traceback = [mask(line) for line in output.traceback]
        output.evalue = mask(output.evalue)
    else:
        output.data.pop(WIDGET, None)
        for kind, value in output.data.items():
            if kind in MARKUP and isinstance(value, str):
                output.data[kind] = with_stable_ids(value)
            if kind.startswith("text/") and isinstance(value, str):
                output.data[kind] = mask(output.data[kind])
