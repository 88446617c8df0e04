"""What a stage's process tells the one that watches it: the cell it is in, and that it ended."""

import os
import struct
from typing import Self

from headrace.core import atomic

LAYOUT = struct.Struct("<i?")


class State:
    """A few bytes that two processes share; what is in them stands, however the writer ends."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @classmethod
    def new(cls) -> Self:
        """Return a state of a stage that has not begun."""
        made = cls(atomic.unnamed())
        made._write(0, ended=False)
        return made

    def begin(self, cell: int) -> None:
        """Say that a cell begins: its number in the source notebook, from 1."""
        self._write(cell, ended=False)

    def end(self) -> None:
        """Say that the stage came to an end of its own, good or bad."""
        self._write(self.cell, ended=True)

    @property
    def cell(self) -> int:
        """The number of the cell that began last, 0 before the first."""
        return self._read()[0]

    @property
    def ended(self) -> bool:
        """Whether the stage came to an end of its own."""
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
