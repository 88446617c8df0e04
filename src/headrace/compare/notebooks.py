"""Executed notebooks that changed, matched cell by cell, and only the cells that changed."""

import json
import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import nbformat

from headrace.compare import images
from headrace.compare.changed_outputs import Changed, Find, changed_outputs, locate
from headrace.compare.model import CellChange, CellOutput, NotebookChange
from headrace.core.lockfile import File
from headrace.core.states import State
from headrace.errors import ProjectError

TEXT_LIMIT = 20_000
"""Characters of one output in the report."""
CELL_LIMIT = 200
"""Changed cells of one notebook in the report."""
FILE_LIMIT = 1 << 28
"""Bytes of a notebook that is compared at all."""
INVALID = (ValueError, AttributeError, KeyError, TypeError, RecursionError)
"""What nbformat raises where a file is not a notebook."""
ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
HEADING = re.compile(r"^#{1,6}\s+(.+)$", re.MULTILINE)

Cell = dict[str, Any]
Match = tuple[int | None, int | None]
"""The indexes of a cell in both notebooks; None where one of them has no such cell."""


def changes(old: State, new: State, find: Find) -> tuple[NotebookChange, ...]:
    """Return what differs in each executed notebook that is an output and changed."""
    pairs = changed_outputs(old, new, find, ".ipynb")
    return tuple(_change(pair, old, new, find) for pair in pairs)


def _change(pair: Changed, old: State, new: State, find: Find) -> NotebookChange:
    try:
        before = _read_cells(old, pair.old, find)
        after = _read_cells(new, pair.new, find)
    except ProjectError as error:
        return NotebookChange(pair.path, (), str(error))
    return compare_cells(pair.path, before, after)


def _read_cells(state: State, file: File | None, find: Find) -> list[Cell]:
    """Return a run's cells; none where the state has no such run."""
    if file is None:
        return []
    source = locate(state, file, find)
    name = f"{file.path} of {state.name}"
    content = source.read_bytes() if isinstance(source, Path) else source.getvalue()
    if len(content) > FILE_LIMIT:
        raise ProjectError(f"{name} is too large to compare. Next: nbdiff-web")
    try:
        node = nbformat.reads(content.decode("utf-8"), as_version=4)
        cells: list[Cell] = [dict(cell) for cell in node.cells]
    except (*INVALID, nbformat.ValidationError):
        raise ProjectError(f"{name} is no notebook. Next: dvc repro") from None
    return cells


def compare_cells(path: str, old: list[Cell], new: list[Cell]) -> NotebookChange:
    """Compare two notebooks' cells, matched by nbdime where it is installed, or by their ids.

    Outputs are text or pictures. HTML could do anything, so the text beside it stands for it.
    """
    matches, notes = match_cells(old, new)
    cells = [change for match in matches if (change := _cell_change(old, new, match)) is not None]
    if len(cells) > CELL_LIMIT:
        notes.append(f"{len(cells) - CELL_LIMIT} more cells changed. Next: nbdiff-web")
    if not cells:
        notes.append("No cell differs: only the notebook's metadata do.")
    return NotebookChange(path, tuple(cells[:CELL_LIMIT]), " ".join(notes))


def match_cells(old: list[Cell], new: list[Cell]) -> tuple[list[Match], list[str]]:
    """Match cells by their ids and sources, without outputs, which are large.

    Returns the matches in the new notebook's order, and notes.
    """
    before, after = ([_without_outputs(cell) for cell in cells] for cells in (old, new))
    try:
        from nbdime.diffing.notebooks import diff_notebooks
    except ImportError:
        note = "nbdime is not installed: cells are matched by their ids. Next: make setup"
        return [*_match_by_ids(before, after)], [note]
    frame = {"metadata": {}, "nbformat": 4, "nbformat_minor": 5}  # the first version with ids
    sides = (nbformat.from_dict({**frame, "cells": cells}) for cells in (before, after))
    patches = [op.diff for op in diff_notebooks(*sides) if op.op == "patch" and op.key == "cells"]
    return [*_match_by_operations(patches[0] if patches else [], len(old))], []


def _without_outputs(cell: Cell) -> Cell:
    bare: Cell = {key: cell[key] for key in ("cell_type", "source", "id") if key in cell}
    if bare["cell_type"] == "code":
        bare |= {"outputs": [], "execution_count": None}
    return bare | {"metadata": {}}


def _match_by_operations(operations: list[Any], length: int) -> Iterator[Match]:
    """Yield the matches that nbdime's operations on `length` cells leave."""
    index, shift = 0, 0  # in the old notebook, and from there to the new one
    for op in operations:
        yield from ((place, place + shift) for place in range(index, op.key))
        index = op.key
        if op.op == "addrange":
            yield from ((None, index + shift + step) for step in range(len(op.valuelist)))
            shift += len(op.valuelist)
        elif op.op == "removerange":
            yield from ((index + step, None) for step in range(op.length))
            index, shift = index + op.length, shift - op.length
        else:
            yield (index, index + shift)
            index += 1
    yield from ((place, place + shift) for place in range(index, length))


def _match_by_ids(old: list[Cell], new: list[Cell]) -> Iterator[Match]:
    before, after = (
        [str(cell.get("id") or cell["source"]) for cell in side] for side in (old, new)
    )
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, before, after, False).get_opcodes():
        if tag == "equal":
            yield from zip(range(i1, i2), range(j1, j2), strict=True)
        else:
            yield from ((place, None) for place in range(i1, i2))
            yield from ((None, place) for place in range(j1, j2))


def _cell_change(old: list[Cell], new: list[Cell], match: Match) -> CellChange | None:
    """Return how a cell changed; None where neither its source nor its outputs did."""
    old_place, new_place = match
    cells, place = (new, new_place) if new_place is not None else (old, old_place or 0)
    sources = _source(old, old_place), _source(new, new_place)
    before, after = _outputs(old, old_place), _outputs(new, new_place)
    if None not in match and len(before) == len(after):
        pairs = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
        before, after = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    has_new_source = sources[0] != sources[1]
    outputs = (tuple(before), tuple(after)) if before or after else None
    if not has_new_source and outputs is None:
        return None
    return CellChange(
        place + 1,
        _heading(cells[: place + 1]),
        sources if has_new_source else None,
        outputs,
        "" if has_new_source else sources[1],
    )


def _source(cells: list[Cell], place: int | None) -> str:
    return "" if place is None else str(cells[place].get("source", ""))


def _heading(cells: list[Cell]) -> str:
    """Return the nearest heading at or above the last of the cells."""
    for cell in reversed(cells):
        headings = HEADING.findall(cell["source"]) if cell.get("cell_type") == "markdown" else []
        if headings:
            return str(headings[-1]).strip()
    return ""


def _outputs(cells: list[Cell], place: int | None) -> list[CellOutput]:
    outputs = [] if place is None else cells[place].get("outputs", [])
    readable = [_output(output) for output in outputs]
    return [output for output in readable if output.text or output.picture]


def _output(output: dict[str, Any]) -> CellOutput:
    output_type = output.get("output_type")
    if output_type == "stream":
        return CellOutput(_text(output.get("text")))
    if output_type == "error":
        traceback = "\n".join(map(str, output.get("traceback") or []))
        return CellOutput(_text(traceback or f"{output.get('ename')}: {output.get('evalue')}"))
    data = output.get("data")
    return _mime_bundle(data) if isinstance(data, dict) else CellOutput()


def _mime_bundle(data: dict[str, Any]) -> CellOutput:
    """Return the picture of a MIME bundle with the text beside it, or else its text."""
    text = _text(data.get("text/plain"))
    for kind in images.KINDS:
        if kind in data:
            return CellOutput(*images.data_uri(kind, _joined(data[kind]), text))
    texts = (_text(data[kind]) for kind in data if kind.startswith("text/") and kind != "text/html")
    return CellOutput(text or next(texts, ""))


def _joined(value: object) -> str:
    if isinstance(value, list):
        return "".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value)


def _text(value: object) -> str:
    """Return text without a terminal's colours, cut where it is long."""
    text = ANSI.sub("", _joined(value)) if value is not None else ""
    omitted = len(text) - TEXT_LIMIT
    return text if omitted <= 0 else f"{text[:TEXT_LIMIT]}\n… and {omitted:,} more characters"
