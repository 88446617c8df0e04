"""A line on the terminal that says which cell of a stage is running."""

import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any, Self

from headrace.execution.shared_state import State

CLEAR = "\r\x1b[K"


class Progress:
    """Draws stage, cell, heading and seconds, in place; nothing where nobody looks."""

    def __init__(self, stage: str, notebook: Path, state: State) -> None:
        self._stage, self._state = stage, state
        self._shown = sys.stderr.isatty()
        self._titles = _titles(notebook) if self._shown else []
        self._begun = time.monotonic()

    def draw(self) -> float | None:
        """Draw the line, and return in how many seconds to draw it again (none: never)."""
        if not self._shown:
            return None
        cell = self._state.cell
        if cell and self._titles:
            title = self._titles[min(cell, len(self._titles)) - 1]
            seconds = time.monotonic() - self._begun
            head = f"  {self._stage}  {cell}/{len(self._titles)}  {seconds:.0f} s  "
            room = max(shutil.get_terminal_size().columns - len(head) - 2, 0)
            cut = f"{title[:room]}…" if len(title) > room else title
            sys.stderr.write(f"{CLEAR}{head}{cut}")
            sys.stderr.flush()
        return 0.2

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        clear()


def clear() -> None:
    """Clear the line, so that something else can be said."""
    if sys.stderr.isatty():
        sys.stderr.write(CLEAR)
        sys.stderr.flush()


def _titles(notebook: Path) -> list[str]:
    """Return for each cell the first line of the prose above it, which says what it does."""
    try:
        cells: list[dict[str, Any]] = json.loads(notebook.read_text("utf-8"))["cells"]
    except (OSError, ValueError, KeyError):
        return []  # the stage itself says what is wrong with it
    titles, title = [], ""
    for cell in cells:
        text = "".join(cell.get("source", [])).strip()
        if cell.get("cell_type") == "markdown" and text:
            title = text.splitlines()[0].lstrip("# ")
        titles.append(title)
    return titles
