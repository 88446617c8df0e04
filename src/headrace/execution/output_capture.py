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


class Stream(io.TextIOBase):
    """What `sys.stdout` and `sys.stderr` are while cells run.

    As in a kernel, a text waits in its stream until the stream is flushed: by the user, before a
    picture or a result, and at the cell's end. So two streams do not interleave.
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
        self._waiting: list[str] = []
        self._lock = threading.RLock()
        self._process = os.getpid()

    def write(self, text: str) -> int:
        """Write a text; in a forked child to the descriptor, which the parent reads."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text)}")
        if os.getpid() != self._process:
            os.write(self._descriptor, text.encode("utf-8", "replace"))
            return len(text)
        with self._lock:
            self._drain()
            self._waiting.append(text)
        return len(text)

    def flush(self) -> None:
        """Emit all text written so far, by any process."""
        if os.getpid() != self._process:
            return
        with self._lock:
            self._drain()
            waiting, self._waiting = "".join(self._waiting), []
            if waiting:
                self._emit(self.name, waiting)

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
        if size > self._read:
            text = self._decode(os.pread(self._file, size - self._read, self._read))
            self._read = size
            self._waiting.append(text)


@contextmanager
def captured(emit: Emit) -> Iterator[Callable[[], None]]:
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
                stream.flush()

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
