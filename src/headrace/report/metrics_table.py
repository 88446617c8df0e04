"""Metrics files as tables for a terminal: one row per metric, comparable groups side by side."""

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace.core.metrics import is_numeric, leaves, named, parse
from headrace.errors import ProjectError, nearest, unreadable
from headrace.report.terminal import table
from headrace.report.text import number

MIN_WIDTH = 10
"""Columns of a value, at least."""


def show(path: Path) -> str:
    """Return a metrics file as a table.

    Groups at the top that hold the same names, such as the scores of two models, become columns.

    Errors:
        ProjectError: the file is missing or is no JSON object.
    """
    metrics = _read(path)
    groups = _comparable(metrics)
    names = dict.fromkeys(name for group in groups.values() for name in group)
    rows = [[name, *(_cell(group.get(name, "")) for group in groups.values())] for name in names]
    ungrouped = {name: value for name, value in metrics.items() if name not in groups}
    padding = [""] * (len(groups) - 1)
    rows += [[name, _cell(value), *padding] for name, value in leaves(ungrouped)]
    if groups:
        lines = table(["", *groups], rows, min_width=MIN_WIDTH)
    else:
        lines = table(["", ""], rows, min_width=MIN_WIDTH)[1:]
    return textwrap.indent("\n".join(lines), "  ")


def _read(path: Path) -> dict[str, Any]:
    step = "Next: name a file of metrics; dvc repro writes those of the stages"
    try:
        return named(parse(path.read_bytes(), path.name))
    except FileNotFoundError as error:
        near = nearest(path.name, (file.name for file in path.parent.glob("*.json")))
        raise ProjectError(f"{unreadable(path, error)}.{near or ' Next: dvc repro'}") from None
    except OSError as error:
        raise ProjectError(f"{unreadable(path, error)}. {step}") from None
    except ValueError as error:
        raise ProjectError(f"{path} {error}. {step}") from None


def _comparable(metrics: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the groups that hold plain numbers of the same names, if there are two or more."""
    groups = {name: group for name, group in metrics.items() if isinstance(group, dict)}
    names = {
        name: [key for key, value in group.items() if not isinstance(value, dict)]
        for name, group in groups.items()
    }
    first = next(iter(names.values()), [])
    alike = {name: dict(leaves(groups[name])) for name in groups if names[name] == first != []}
    return alike if len(alike) > 1 else {}


def _cell(value: object) -> str:
    return number(value) if is_numeric(value) else str(value)
