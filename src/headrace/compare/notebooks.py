"""Executed notebooks that changed, matched cell by cell, and only the cells that did."""

import json
import re
from pathlib import Path
from typing import Any

import nbformat

from headrace.compare import cell_match, changed_outputs, images
from headrace.compare.cell_match import Cell, Match
from headrace.compare.changed_outputs import Changed, Find
from headrace.compare.model import CellChange, NotebookChange, Shown
from headrace.core.lockfile import File
from headrace.core.states import State
from headrace.errors import ProjectError

TEXT_LIMIT = 20_000
"""Characters of one output that are shown."""
CELL_LIMIT = 200
"""Changed cells of one notebook that are shown."""
FILE_LIMIT = 1 << 28
"""Bytes of a notebook that is looked into at all."""
BROKEN = (ValueError, AttributeError, KeyError, TypeError, RecursionError)
"""What nbformat raises of what is no notebook."""
ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
HEADING = re.compile(r"^#{1,6}\s+(.+)$", re.MULTILINE)


def changes(old: State, new: State, find: Find) -> tuple[NotebookChange, ...]:
    """Return what differs in each executed notebook that is an output and changed."""
    pairs = changed_outputs.changed(old, new, find, ".ipynb")
    return tuple(_change(pair, old, new, find) for pair in pairs)


def _change(pair: Changed, old: State, new: State, find: Find) -> NotebookChange:
    try:
        before = _cells(old, pair.old, find)
        after = _cells(new, pair.new, find)
    except ProjectError as error:
        return NotebookChange(pair.path, (), str(error))
    return compared(pair.path, before, after)


def compared(path: str, old: list[Cell], new: list[Cell]) -> NotebookChange:
    """Compare two notebooks' cells, matched by nbdime where it is installed, or else by their ids.

    Of a cell that changed, what it shows is told as text, or as a picture; HTML, which could do
    anything, only by the text that stands for it.
    """
    matches, notes = cell_match.matches(old, new)
    found = [change for match in matches if (change := _cell(old, new, match)) is not None]
    if len(found) > CELL_LIMIT:
        notes.append(f"{len(found) - CELL_LIMIT} more cells changed. Next: nbdiff-web")
    if not found:
        notes.append("No cell differs: only the notebook's metadata do.")
    return NotebookChange(path, tuple(found[:CELL_LIMIT]), " ".join(notes))


def _cells(state: State, file: File | None, find: Find) -> list[Cell]:
    """Return a run's cells; none where the state has no such run."""
    if file is None:
        return []
    source = changed_outputs.source(state, file, find)
    name = f"{file.path} of {state.name}"
    content = source.read_bytes() if isinstance(source, Path) else source.getvalue()
    if len(content) > FILE_LIMIT:
        raise ProjectError(f"{name} is too large to compare. Next: nbdiff-web")
    try:
        node = nbformat.reads(content.decode("utf-8"), as_version=4)
        cells: list[Cell] = [dict(cell) for cell in node.cells]
    except (*BROKEN, nbformat.ValidationError):
        raise ProjectError(f"{name} is no notebook. Next: dvc repro") from None
    return cells


def _cell(old: list[Cell], new: list[Cell], match: Match) -> CellChange | None:
    """Return how one cell changed; None where neither its source nor what it shows did."""
    left, right = match
    cells, place = (new, right) if right is not None else (old, left or 0)
    sources = tuple(_source(side, at) for side, at in ((old, left), (new, right)))
    shown = [_shown(side, at) for side, at in ((old, left), (new, right))]
    if left is not None and right is not None and len(shown[0]) == len(shown[1]):
        apart = [at for at, pair in enumerate(zip(*shown, strict=True)) if pair[0] != pair[1]]
        shown = [[side[at] for at in apart] for side in shown]
    source = (sources[0], sources[1]) if sources[0] != sources[1] else None
    if source is None and not any(shown):
        return None
    outputs = (tuple(shown[0]), tuple(shown[1])) if any(shown) else None
    code = "" if source is not None else sources[1]
    return CellChange(place + 1, _heading(cells[: place + 1]), source, outputs, code)


def _source(cells: list[Cell], at: int | None) -> str:
    return "" if at is None else str(cells[at].get("source", ""))


def _heading(cells: list[Cell]) -> str:
    """Return the nearest heading at or above the last of the cells."""
    for cell in reversed(cells):
        found = HEADING.findall(cell["source"]) if cell.get("cell_type") == "markdown" else []
        if found:
            return str(found[-1]).strip()
    return ""


def _shown(cells: list[Cell], at: int | None) -> list[Shown]:
    outputs = [] if at is None else cells[at].get("outputs", [])
    found = [_output(output) for output in outputs]
    return [one for one in found if one.text or one.picture]


def _output(output: dict[str, Any]) -> Shown:
    kind = output.get("output_type")
    if kind == "stream":
        return Shown(_text(output.get("text")))
    if kind == "error":
        trace = "\n".join(map(str, output.get("traceback") or []))
        return Shown(_text(trace or f"{output.get('ename')}: {output.get('evalue')}"))
    data = output.get("data")
    return _data(data) if isinstance(data, dict) else Shown()


def _data(data: dict[str, Any]) -> Shown:
    """Return the picture among the forms of an output, with its text beside it, or a text."""
    text = _text(data.get("text/plain"))
    for kind in images.KINDS:
        if kind in data:
            return Shown(*images.shown(kind, _joined(data[kind]), text))
    others = [kind for kind in data if kind.startswith("text/") and kind != "text/html"]
    return Shown(text or next((_text(data[kind]) for kind in others), ""))


def _joined(value: object) -> str:
    if isinstance(value, list):
        return "".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value)


def _text(value: object) -> str:
    """Return text without a terminal's colours, cut where it is too long to be read."""
    text = ANSI.sub("", _joined(value)) if value is not None else ""
    more = len(text) - TEXT_LIMIT
    return text if more <= 0 else f"{text[:TEXT_LIMIT]}\n… and {more:,} more characters"
