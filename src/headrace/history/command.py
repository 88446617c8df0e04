"""`headrace history`: print the history of metrics, or write it as a page."""

import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headrace.core.project import Project
from headrace.errors import HeadraceError
from headrace.history import terminal
from headrace.history.collect import gather
from headrace.history.series import History
from headrace.report.terminal import terminal_width

ROWS = 30
"""Rows of the table in a terminal; a pipe or a file gets all."""


def run(
    project: Project,
    metrics: Sequence[str],
    *,
    since: str | None = None,
    max_count: int | None = None,
    everywhere: bool = False,
    as_json: bool = False,
    html: Path | None = None,
) -> None:
    """Print the history, as text or as JSON, or write it as a page.

    `everywhere` takes the commits of all branches.

    Errors:
        HeadraceError: see `gather`; or the page cannot be written.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal's encoding may lack a letter
        sys.stdout.reconfigure(errors="backslashreplace")
    if max_count is not None and max_count < 1:
        raise HeadraceError(f"--max-count is {max_count}. Next: a number from 1 on")
    history = gather(project, metrics, since=since, max_count=max_count, everywhere=everywhere)
    if html:
        _write(history, html)
    if as_json:
        print(json.dumps(to_json(history), indent=2))
    elif not html:
        rows = ROWS if sys.stdout.isatty() else None
        print("\n".join(terminal.lines(history, terminal_width(), rows=rows)))


def _write(history: History, path: Path) -> None:
    from headrace.history import page
    from headrace.report import pages

    pages.write(path, page.render(history))
    print(f"{path} written", file=sys.stderr)


def to_json(history: History) -> dict[str, Any]:
    """Return the history as plain values, the newest commit first; a gap is null."""
    return {
        "metrics": [str(series.metric) for series in history.series],
        "commits": [
            {
                "hash": commit.hash,
                "date": commit.date,
                "author": commit.author,
                "subject": commit.subject,
                "tags": [*commit.tags],
                "values": {str(series.metric): series.values[place] for series in history.series},
            }
            for place, commit in reversed([*enumerate(history.commits)])
        ],
        "notes": [*history.notes],
    }
