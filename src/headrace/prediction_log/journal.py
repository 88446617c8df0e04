"""The journal of a running server: a line for each answer, written before the answer goes out.

A line is with the system, so a killed server loses none. Each server writes its own journals under
a lock; when the hour is over, or a journal is large, it becomes tables: see `rotation`. A row is
identified by its request's id and its number in the request, by which labels are joined later.
"""

import errno
import fcntl
import json
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from headrace.errors import HeadraceError
from headrace.prediction_log import log_format, rotation
from headrace.prediction_log.log_format import HOUR, JOURNAL

MAX_BYTES = 64 << 20
"""Of a journal; then a new one is begun."""
CHECK_SECONDS = 60.0
"""Between two looks whether an hour is over, or a table has expired."""
END_SECONDS = 20.0
"""For the last rotation when the server stops; a journal that is left keeps all its rows."""


class Journal:
    """Logs answers; a failing disk stops no answer."""

    def __init__(self, folder: Path, days: int, excluded: frozenset[str]) -> None:
        """Create the folder; tables expire after some days, inputs in `excluded` are not logged.

        Errors:
            OSError: it cannot be created.
        """
        self.folder, self.days, self._excluded = folder, days, excluded
        self._lock = threading.Lock()
        self._path, self._file, self._hour, self._size, self._torn = Path(), -1, "", 0, False
        self.failed_answers = 0
        """Answers that could not be logged."""
        self.failed_journals = 0
        """Journals that could not be converted."""
        self.ended = threading.Event()
        """Set when there is a journal to convert."""
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, body: bytes, response: bytes, model: str = "") -> None:
        """Log a request's body and its answer, both JSON, unchanged, which costs least.

        `model` is logged beside them where the answer's own name for it is not unique.
        """
        now = datetime.now(UTC)
        try:
            time = now.isoformat(timespec="microseconds")
            line = log_format.format_line(time, model, self._without_excluded(body), response)
            with self._lock:
                self._append(now.strftime(HOUR), line)
        except Exception as error:  # whatever it is, the answer goes out
            if not self.failed_answers:
                print(f"Answers cannot be logged: {error}", flush=True)
            self.failed_answers += 1

    def _without_excluded(self, body: bytes) -> bytes:
        if not self._excluded:
            return body
        content = json.loads(body)
        rows = content if isinstance(content, list) else [content]
        kept = [{name: row[name] for name in row if name not in self._excluded} for row in rows]
        return json.dumps(kept).encode()

    def _append(self, hour: str, line: bytes) -> None:
        if hour != self._hour or self._size >= MAX_BYTES:
            self._end()
            self._path, self._file = _create(self.folder, hour)
            self._hour = hour
        # After a torn line a line break, or the next one would be lost with it.
        content = b"\n" + line if self._torn else line
        byte_count = os.write(self._file, content)
        self._size += byte_count
        self._torn = byte_count < len(content)
        if self._torn:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _end(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self.ended.set()
        self._path, self._file, self._hour, self._size, self._torn = Path(), -1, "", 0, False

    def rotate_if_due(self) -> None:
        """End the journal if its hour is over, and rotate if there is work; raise nothing."""
        try:
            with self._lock:
                if self._hour != datetime.now(UTC).strftime(HOUR):
                    self._end()
                current = self._path
            if rotation.is_due(self.folder, self.days, current):
                self._report(rotation.rotate_in_subprocess(self.folder, self.days))
        except Exception as error:  # reported, and tried again
            self._report([f"The log of predictions cannot be rotated: {error}"])

    def close(self) -> None:
        """Convert all journals that no other server writes."""
        with self._lock:
            self._end()
        self._report(rotation.rotate(self.folder, self.days))

    def _report(self, problems: Iterable[str]) -> None:
        for problem in problems:
            print(problem, flush=True)
            self.failed_journals += 1


def _create(folder: Path, hour: str) -> tuple[Path, int]:
    """Create a journal, and return it with the descriptor that holds its lock.

    Errors:
        OSError: it cannot be created or locked.
    """
    path = folder / f"{hour}.{rotation.new_id()}{JOURNAL}"
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        fcntl.flock(handle, rotation.EXCLUSIVE)
        if not os.fstat(handle).st_nlink:  # converted, as one that was left, before it was locked
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path.name)
    except OSError:
        os.close(handle)
        raise
    return path, handle


@contextmanager
def open_journal(folder: Path, days: int, excluded: frozenset[str]) -> Iterator[Journal]:
    """Yield a journal that a thread rotates; at the end, convert it.

    Errors:
        HeadraceError: the folder cannot be created.
    """
    try:
        journal = Journal(folder, days, excluded)
    except OSError as error:
        raise HeadraceError(
            f"{folder} cannot hold the log of predictions: {error.strerror}."
            " Next: --log FOLDER with a writable folder, or --no-log"
        ) from None
    stopped = threading.Event()
    thread = threading.Thread(target=_rotate_until, args=(stopped, journal), daemon=True)
    thread.start()
    try:
        yield journal
    finally:
        stopped.set()
        journal.ended.set()
        thread.join(END_SECONDS)
        journal.close()


def _rotate_until(stopped: threading.Event, journal: Journal) -> None:
    """Rotate at the start, whenever a journal has ended, and when its hour is over."""
    while not stopped.is_set():
        journal.rotate_if_due()
        journal.ended.wait(CHECK_SECONDS)
        journal.ended.clear()
