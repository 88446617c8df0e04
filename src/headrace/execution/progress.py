"""Progress of a running stage: the state that its process shares, and a line on the terminal."""

import json
import math
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
CELL = struct.Struct("<i?hd")
"""The number of the cell that began last, whether it runs, the stage's exit code once it has ended
(-1 before), and when the cell's time is up."""
INTERRUPTED_AT, ERROR_AT = 16, 32
"""Where the supervisor notes an interruption, and where the stage writes its last words."""
LIMIT_GRACE_S = 2.0
"""Seconds that a cell has to end by itself once its time is up: its own process shows more."""


class StageState:
    """What a stage's process and its supervisor tell each other, in a file that both have open.

    It survives the death of the process that writes it.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @classmethod
    def new(cls) -> Self:
        """Return the state of a stage that has not begun."""
        state = cls(atomic.unnamed())
        state._write(0)
        return state

    def begin(self, cell: int, deadline: float = math.inf) -> None:
        """Record that a cell begins: its number in the source notebook, from 1.

        `deadline` is the reading of `time.monotonic` at which its time is up.
        """
        self._write(cell, running=True, deadline=deadline)

    def end_cell(self) -> None:
        """Record that the cell has ended, so that no time limit holds."""
        self._write(self.cell)

    def end(self, code: int) -> None:
        """Record that the stage succeeded, or failed with a message, and with which exit code."""
        self._write(self.cell, code=code)

    def fail(self, error: str) -> None:
        """Record an error that the stage's process cannot report by itself."""
        os.pwrite(self.descriptor, error.encode("utf-8", "backslashreplace"), ERROR_AT)

    def interrupt(self) -> None:
        """Record that a user asked for the end."""
        os.pwrite(self.descriptor, b"\1", INTERRUPTED_AT)

    @property
    def cell(self) -> int:
        """The number of the cell that began last, 0 before the first."""
        return self._read()[0]

    @property
    def running(self) -> bool:
        """Whether that cell has not ended."""
        return self._read()[1]

    @property
    def code(self) -> int | None:
        """The stage's exit code; None where its process has not come to its end."""
        code = self._read()[2]
        return None if code < 0 else code

    @property
    def deadline(self) -> float:
        """When the running cell's time is up, as a reading of `time.monotonic`."""
        return self._read()[3]

    @property
    def error(self) -> str:
        """The error that the stage's process could not report; empty if there was none."""
        size = os.fstat(self.descriptor).st_size - ERROR_AT
        return os.pread(self.descriptor, max(size, 0), ERROR_AT).decode("utf-8")

    @property
    def interrupted(self) -> bool:
        """Whether a user asked for the end."""
        return os.pread(self.descriptor, 1, INTERRUPTED_AT) == b"\1"

    def _read(self) -> tuple[int, bool, int, float]:
        cell, running, code, deadline = CELL.unpack(os.pread(self.descriptor, CELL.size, 0))
        return cell, running, code, deadline

    def _write(
        self, cell: int, *, running: bool = False, code: int = -1, deadline: float = math.inf
    ) -> None:
        os.pwrite(self.descriptor, CELL.pack(cell, running, code, deadline), 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)


class Progress:
    """A line with stage, cell, heading and seconds, redrawn in place; only on a terminal."""

    def __init__(self, stage: str, notebook: Path, state: StageState) -> None:
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
