"""Data, notebooks and code in a line each, for a terminal and Markdown; a page shows them whole."""

from collections.abc import Iterator
from typing import NamedTuple

from headrace.compare.model import NotebookChange, Report, TableChange

STATUS = {"A": "added", "M": "changed", "D": "deleted", "R": "renamed", "T": "changed in kind"}
MOST = 3
"""Columns or headings that are named."""
DRIFTED = 0.1
"""A population stability index below it is called steady; see `headrace.stats.psi`."""


class Brief(NamedTuple):
    """One short table: its title, its heads, its rows; the first of each row is a file's name."""

    title: str
    heads: tuple[str, ...]
    rows: list[tuple[str, ...]]


def briefs(report: Report) -> Iterator[Brief]:
    """Yield a short table of each of the three that has anything to tell."""
    made = (
        Brief("Data", ("data", "rows", "what moved"), [_table(one) for one in report.tables]),
        Brief(
            "Notebooks",
            ("notebook", "cells", "below"),
            [_notebook(one) for one in report.notebooks],
        ),
        Brief("Code", ("file", "it was", "feeds"), _files(report)),
    )
    return (one for one in made if one.rows)


def _table(one: TableChange) -> tuple[str, ...]:
    sides = ["-" if rows is None else f"{rows:,}" for rows in (one.old_rows, one.new_rows)]
    return one.path, sides[0] if sides[0] == sides[1] else " → ".join(sides), _moved(one)


def _moved(one: TableChange) -> str:
    kinds = [column for column in one.columns if column.old_type != column.new_type]
    drifted = sorted(one.columns, key=lambda column: -(column.drift or 0))
    found = [f"{column.name} {_kind(column.old_type, column.new_type)}" for column in kinds]
    found += [f"{c.name} drifts by {c.drift:.2f}" for c in drifted if (c.drift or 0) >= DRIFTED]
    return _some(found) or ("values, no drift" if one.columns else one.note)


def _kind(old: str | None, new: str | None) -> str:
    return "is new" if old is None else "is gone" if new is None else f"is {new}, was {old}"


def _notebook(one: NotebookChange) -> tuple[str, ...]:
    headings = dict.fromkeys(cell.heading for cell in one.cells if cell.heading)
    return one.path, str(len(one.cells)), _some([*headings]) or one.note


def _files(report: Report) -> list[tuple[str, ...]]:
    return [
        (one.path, STATUS.get(one.status[:1], one.status), ", ".join(one.stages))
        for one in report.files
    ]


def _some(items: list[str]) -> str:
    more = f" and {len(items) - MOST} more" if len(items) > MOST else ""
    return ", ".join(items[:MOST]) + more
