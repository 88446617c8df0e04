"""The history of metrics as a page: a picture for each metric, then the commits."""

from collections.abc import Iterator
from typing import Any

from markupsafe import Markup

from headrace.history.picture import draw
from headrace.history.series import History
from headrace.report import pages


def render(history: History) -> str:
    """Return the page, as the text of one HTML file."""
    pictures = (draw(history.commits, series, history.parents) for series in history.series)
    return pages.render(
        "history.html.j2",
        title=f"History of {history.title}",
        css="history.css",
        commits=history.commits,
        notes=history.notes,
        pictures=[Markup(picture) for picture in pictures],  # draw escapes
        labels=[series.label for series in history.series],
        rows=[*_rows(history)],
    )


def _rows(history: History) -> Iterator[dict[str, Any]]:
    for row in history.rows():
        if isinstance(row, list):
            yield {"unchanged": len(row)}
        else:
            cells = [(_value(series.values[row]), series.change(row)) for series in history.series]
            commit = history.commits[row]
            yield {"unchanged": 0, "commit": commit, "names": history.names(row), "cells": cells}


def _value(value: float | None) -> str:
    return "" if value is None else pages.number(value)
