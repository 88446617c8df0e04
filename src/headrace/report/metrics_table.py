"""Show metrics files in a terminal: one row per metric, and what is alike side by side."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace.core.metrics import leaves
from headrace.core.suggest import nearest
from headrace.errors import ProjectError
from headrace.report.terminal import table
from headrace.report.text import number


def show(path: Path) -> str:
    """Return a metrics file as a table.

    Groups at the top that hold the same names, such as two models' scores, become columns.

    Errors:
        ProjectError: the file is missing or is no JSON object.
    """
    try:
        values = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        near = nearest(path.name, (found.name for found in path.parent.glob("*.json")))
        raise ProjectError(f"{path} is missing.{near or ' Next: dvc repro'}") from None
    except (OSError, ValueError) as error:
        raise ProjectError(f"{path.name} cannot be read ({error}). Next: dvc repro") from None
    if not isinstance(values, dict):
        raise ProjectError(f"{path.name} must hold names and numbers. Next: dvc repro")
    columns = _columns(values)
    shared = dict.fromkeys(name for column in columns.values() for name in column)
    rows = [(name, [column.get(name, "") for column in columns.values()]) for name in shared]
    rest = {name: value for name, value in values.items() if name not in columns}
    rows += [(name, [value]) for name, value in leaves(rest)]
    cells = [(name, *map(_cell, values)) for name, values in rows]
    wide = [(*row, *[""] * (max(len(columns), 1) + 1 - len(row))) for row in cells]
    lines = table(("", *columns) if columns else ("", ""), wide, min_width=10)
    return "\n".join(f"  {line}" for line in (lines if columns else lines[1:]))


def _columns(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the groups that hold plain numbers of the same names, if there are two or more."""
    groups = {name: group for name, group in values.items() if isinstance(group, dict)}
    plain = {
        name: [key for key, value in group.items() if not isinstance(value, dict)]
        for name, group in groups.items()
    }
    first = next(iter(plain.values()), [])
    alike = {name: dict(leaves(groups[name])) for name in groups if plain[name] == first != []}
    return alike if len(alike) > 1 else {}


def _cell(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number(value)
    return str(value)
