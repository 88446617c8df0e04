"""Progress of a running stage: the state that its process shares, and a line on the terminal."""

import json
import os
import shutil
import struct
import sys
import time
from pathlib import Path
from typing import Any, Self

from headrace.core import atomic

CLEAR = "\r\x1b[K"
REDRAW_S = 0.2
LAYOUT = struct.Struct("<i?")


class State:
    """The number of the running cell and whether the stage ended, shared by two processes.

    It survives the death of the process that writes it.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @classmethod
    def new(cls) -> Self:
        """Return the state of a stage that has not begun."""
        state = cls(atomic.unnamed())
        state._write(0, ended=False)
        return state

    def begin(self, cell: int) -> None:
        """Record that a cell begins: its number in the source notebook, from 1."""
        self._write(cell, ended=False)

    def end(self) -> None:
        """Record that the stage's process reached its end, with success or an error."""
        self._write(self.cell, ended=True)

    @property
    def cell(self) -> int:
        """The number of the cell that began last, 0 before the first."""
        return self._read()[0]

    @property
    def ended(self) -> bool:
        """Whether the stage's process reached its end."""
        return self._read()[1]

    def _read(self) -> tuple[int, bool]:
        cell, ended = LAYOUT.unpack(os.pread(self.descriptor, LAYOUT.size, 0))
        return cell, ended

    def _write(self, cell: int, *, ended: bool) -> None:
        os.pwrite(self.descriptor, LAYOUT.pack(cell, ended), 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)


class Progress:
    """A line with stage, cell, heading and seconds, redrawn in place; only on a terminal."""

    def __init__(self, stage: str, notebook: Path, state: State) -> None:
        self._stage, self._state = stage, state
        self._shown = sys.stderr.isatty()
        self._titles = _titles(notebook) if self._shown else []
        self._begun = time.monotonic()

    def draw(self) -> float | None:
        """Draw the line; return the seconds until the next drawing, or None for never."""
        if not self._shown:
            return None
        cell = self._state.cell
        if cell and self._titles:
            title = self._titles[min(cell, len(self._titles)) - 1]
            seconds = time.monotonic() - self._begun
            head = f"  {self._stage}  {cell}/{len(self._titles)}  {seconds:.0f} s  "
            width = max(shutil.get_terminal_size().columns - len(head) - 2, 0)
            shortened = f"{title[:width]}…" if len(title) > width else title
            sys.stderr.write(f"{CLEAR}{head}{shortened}")
            sys.stderr.flush()
        return REDRAW_S

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        clear()


def clear() -> None:
    """Clear the line."""
    if sys.stderr.isatty():
        sys.stderr.write(CLEAR)
        sys.stderr.flush()


def _titles(notebook: Path) -> list[str]:
    """Return for each cell the first line of the Markdown above it."""
    try:
        cells: list[dict[str, Any]] = json.loads(notebook.read_text("utf-8"))["cells"]
    except (OSError, ValueError, KeyError):
        return []  # the stage itself reports what is wrong with it
    titles, title = [], ""
    for cell in cells:
        text = "".join(cell.get("source", [])).strip()
        if cell.get("cell_type") == "markdown" and text:
            title = text.splitlines()[0].lstrip("# ")
        titles.append(title)
    return titles
