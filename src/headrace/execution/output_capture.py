"""Capture what a cell writes: by Python, by C libraries, by child processes, in order.

Python's output goes to a list in memory. Descriptors 1 and 2 lead into files, not pipes: no reader
has to be waited for, and a child that keeps one open blocks nothing.
"""

import codecs
import ctypes
import fcntl
import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from headrace.core import atomic

Emit = Callable[[str, str], None]
"""Takes a stream's name and a text that was written to it."""

DESCRIPTORS = {"stdout": 1, "stderr": 2}

PIECE = 1 << 22
"""Bytes read at once of what a child process wrote, characters kept in one piece of a long text:
output of any length is in memory once."""

LONG = 1 << 12
"""Characters from which on a text is a piece of its own."""


class GrowingText:
    """A text that is written bit by bit, in pieces: one buffer would be copied as it grows.

    A list of millions of short texts would take thirty times the text.
    """

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._last, self._size = io.StringIO(), 0

    def write(self, text: str) -> None:
        """Add a text at the end; a long one, which IPython's history has too, is not copied."""
        if len(text) >= LONG:
            self._end_piece()
            self._pieces.append(text)
            return
        self._last.write(text)
        self._size += len(text)
        if self._size >= PIECE:
            self._end_piece()

    def take(self) -> str:
        """Return the text, and begin anew."""
        self._end_piece()
        pieces, self._pieces = self._pieces, []
        return "".join(pieces)

    def _end_piece(self) -> None:
        if self._size:
            self._pieces.append(self._last.getvalue())
            self._last, self._size = io.StringIO(), 0


class Stream(io.TextIOBase):
    """What `sys.stdout` and `sys.stderr` are while cells run.

    As in a kernel, a text waits in its stream until the stream is flushed: by the user, before a
    picture or a result, and at the cell's end. So two streams do not interleave. Other threads and
    forked children add whole lines, so that none tears another's.
    """

    encoding = "UTF-8"

    def __init__(self, name: str, emit: Emit, descriptor: int) -> None:
        self.name = name
        self._emit = emit
        self._descriptor = descriptor
        self._file = atomic.unnamed()
        fcntl.fcntl(self._file, fcntl.F_SETFL, os.O_APPEND)  # every writer adds at the end
        self._read = 0
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._waiting = GrowingText()
        self._in_line = False  # the main thread's last text does not end its line
        self._lines = _Lines()
        self._lock = threading.RLock()
        self._thread = threading.get_ident()
        self._process = os.getpid()

    def write(self, text: str) -> int:
        """Write a text; in a forked child to the descriptor, which the parent reads."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text)}")
        if self.closed:
            raise ValueError("I/O operation on closed file")
        if os.getpid() != self._process:
            self._write_to_descriptor(self._lines_of_child().add(text))
            return len(text)
        with self._lock:
            if threading.get_ident() == self._thread:
                self._write_main(text)
            else:
                self._lines.add(text, keep=True)
                self._add_lines()
        return len(text)

    def _write_main(self, text: str) -> None:
        self._drain()
        self._waiting.write(text)
        if text:
            self._in_line = text[-1] != "\n"
        self._add_lines()

    def _add_lines(self) -> None:
        """Add the lines that other threads have completed, unless they would tear one."""
        if not self._in_line and (lines := self._lines.take()):
            self._waiting.write(lines)

    def flush(self) -> None:
        """Emit all text written so far, by any process, but for lines that a thread is writing."""
        if os.getpid() != self._process:
            self._write_to_descriptor(self._lines_of_child().take(unfinished=True))
            return
        with self._lock:
            self._drain()
            if threading.get_ident() == self._thread:
                self._in_line = False
                self._add_lines()
            if waiting := self._waiting.take():
                self._emit(self.name, waiting)

    def finish(self) -> None:
        """Emit all text, at the end of a cell."""
        with self._lock:
            self._drain()
            self._waiting.write(self._lines.take(unfinished=True))
            self.flush()

    def _lines_of_child(self) -> "_Lines":
        """Return a forked child's own lines: what threads of its parent began is not its text."""
        if self._lines.process != os.getpid():
            self._lines = _Lines()
        return self._lines

    def _write_to_descriptor(self, text: str) -> None:
        if text:
            os.write(self._descriptor, text.encode("utf-8", "replace"))

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def fileno(self) -> int:
        """Return the descriptor, for a child process or a C library to write to."""
        return self._descriptor

    def redirect(self) -> None:
        """Redirect the descriptor into this stream."""
        os.dup2(self._file, self._descriptor)

    def _drain(self) -> None:
        """Read what a C library or a child process wrote."""
        size = os.fstat(self._file).st_size
        while size > self._read:
            piece = os.pread(self._file, min(size - self._read, PIECE), self._read)
            self._read += len(piece)
            self._waiting.write(self._decode(piece))


class _Lines:
    """Texts of threads: whole lines, in the order in which they end, and what is unfinished."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self._complete: list[str] = []
        self._unfinished: dict[int, GrowingText] = {}

    def add(self, text: str, *, keep: bool = False) -> str:
        """Add a thread's text; return the lines that it completes, or keep them for `take`."""
        thread = threading.get_ident()
        before, newline, after = text.rpartition("\n")
        line = self._unfinished.pop(thread, None) or GrowingText()
        if newline:
            before = line.take() + before
        if after:
            line.write(after)
        if not newline or after:
            self._unfinished[thread] = line
        if keep and newline:
            self._complete.append(before + newline)
        return before + newline

    def take(self, *, unfinished: bool = False) -> str:
        """Return and forget the complete lines, and on demand those that have not ended."""
        if not (self._complete or (unfinished and self._unfinished)):
            return ""
        lines = "".join(self._complete)
        self._complete.clear()
        if unfinished:
            lines += "".join(line.take() for line in self._unfinished.values())
            self._unfinished.clear()
        return lines


@contextmanager
def capture(emit: Emit) -> Iterator[Callable[[], None]]:
    """Capture both streams while the block runs; yield a function that flushes them.

    It flushes C's buffers as well. Descriptor 0 is empty meanwhile.
    """
    before = sys.stdin, sys.stdout, sys.stderr
    streams = [Stream(name, emit, number) for name, number in DESCRIPTORS.items()]
    with _restored(0, 1, 2), Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
        for stream in streams:
            stream.redirect()
        sys.stdin, sys.stdout, sys.stderr = nothing, *_as_text(streams)

        def flush() -> None:
            _flush_c()
            for stream in streams:
                stream.finish()

        try:
            yield flush
        finally:
            flush()
            sys.stdin, sys.stdout, sys.stderr = before


def _as_text(streams: list[Stream]) -> list[TextIO]:
    return streams  # type: ignore[return-value]  # text streams without a buffer, as in a kernel


@contextmanager
def _restored(*descriptors: int) -> Iterator[None]:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    _flush_c()
    copies = [os.dup(descriptor) for descriptor in descriptors]
    try:
        yield
    finally:
        for descriptor, copy in zip(descriptors, copies, strict=True):
            os.dup2(copy, descriptor)
            os.close(copy)


def _flush_c() -> None:
    """Flush the buffers of C's standard library, which keeps what goes to a file."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).fflush(None)
