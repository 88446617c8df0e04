"""Which cell of one notebook is which of another."""

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any

import nbformat

Cell = dict[str, Any]
Match = tuple[int | None, int | None]
"""The places of one cell on both sides; None where a side has no such cell."""


def matches(old: list[Cell], new: list[Cell]) -> tuple[list[Match], list[str]]:
    """Match cells by their ids and sources: outputs are large, and say nothing of which is which.

    Returns the matches in the new side's order, and notes.
    """
    before, after = ([_bare(cell) for cell in cells] for cells in (old, new))
    try:
        from nbdime.diffing.notebooks import diff_notebooks
    except ImportError:
        note = "nbdime is not installed: cells are matched by their ids. Next: make setup"
        return [*_by_ids(before, after)], [note]
    frame = {"metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    sides = (nbformat.from_dict({**frame, "cells": cells}) for cells in (before, after))
    told = [op.diff for op in diff_notebooks(*sides) if op.op == "patch" and op.key == "cells"]
    return [*_walked(told[0] if told else [], len(old))], []


def _bare(cell: Cell) -> Cell:
    kept: Cell = {key: cell[key] for key in ("cell_type", "source", "id") if key in cell}
    if kept["cell_type"] == "code":
        kept |= {"outputs": [], "execution_count": None}
    return kept | {"metadata": {}}


def _walked(ops: list[Any], length: int) -> Iterator[Match]:
    """Yield the matches that nbdime's list of operations amounts to."""
    at, ahead = 0, 0  # the place on the old side, and how far the new side is ahead of it
    for op in ops:
        yield from ((place, place + ahead) for place in range(at, op.key))
        at = op.key
        if op.op == "addrange":
            yield from ((None, at + ahead + step) for step in range(len(op.valuelist)))
            ahead += len(op.valuelist)
        elif op.op == "removerange":
            yield from ((at + step, None) for step in range(op.length))
            at, ahead = at + op.length, ahead - op.length
        else:
            yield (at, at + ahead)
            at += 1
    yield from ((place, place + ahead) for place in range(at, length))


def _by_ids(old: list[Cell], new: list[Cell]) -> Iterator[Match]:
    before, after = (
        [str(cell.get("id") or cell["source"]) for cell in side] for side in (old, new)
    )
    for word, i1, i2, j1, j2 in SequenceMatcher(None, before, after, False).get_opcodes():
        if word == "equal":
            yield from zip(range(i1, i2), range(j1, j2), strict=True)
        else:
            yield from ((place, None) for place in range(i1, i2))
            yield from ((None, place) for place in range(j1, j2))
