"""What was asked and answered, for the monitor: lines that outlive a kill, then Parquet files.

Each answer is first a line of a journal, which this server alone writes; when its hour is over, or
it is large, it becomes tables: see `rotation`. A row is known by its request and its
number in it, by which the truth is joined later.
"""

import errno
import json
import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from headrace.prediction_log import log_format, log_lock, rotation
from headrace.prediction_log.log_format import HOUR, JOURNAL
from headrace.prediction_log.log_format import read as read  # what is written here is read by it

LARGEST = 64 << 20
"""Bytes of a journal; then another one is begun."""


@dataclass(frozen=True)
class Kept:
    """What is kept, and for how long: a folder, days, and inputs that are never written down."""

    folder: Path
    days: int
    never: frozenset[str]


class Journal:
    """Writes down answers; a failing disk stops no answer."""

    def __init__(self, kept: Kept) -> None:
        """Make the folder.

        Errors:
            OSError: it cannot be made.
        """
        self.kept = kept
        self._writing = threading.Lock()
        self._path, self._file, self._hour, self._size, self._torn = Path(), -1, "", 0, False
        self.failed = 0
        """Answers that could not be written down."""
        self.aside = 0
        """Journals that could not become tables."""
        self.ended = threading.Event()
        """Set when there is a journal of which tables can be made."""
        kept.folder.mkdir(parents=True, exist_ok=True)

    def write(self, asked: bytes, answered: bytes, model: str = "") -> None:
        """Write down a request's body and its answer, both JSON: as they are, which costs least.

        `model` is written beside them where the answer's own name for it says too little.
        """
        now = datetime.now(UTC)
        try:
            time = now.isoformat(timespec="microseconds")
            line = log_format.line(time, model, self._spared(asked), answered)
            with self._writing:
                self._put(now.strftime(HOUR), line)
        except Exception as error:  # whatever it is, the answer goes out
            if not self.failed:
                print(f"What is answered cannot be written down: {error}", flush=True)
            self.failed += 1

    def _spared(self, asked: bytes) -> bytes:
        """Return a body without the inputs that are never written down."""
        never = self.kept.never
        if not never:
            return asked
        content = json.loads(asked)
        rows = content if isinstance(content, list) else [content]
        return json.dumps(
            [{k: v for k, v in row.items() if k not in never} for row in rows]
        ).encode()

    def _put(self, hour: str, line: bytes) -> None:
        if hour != self._hour or self._size >= LARGEST:
            self._end()
            self._path, self._file = log_lock.begin(self.kept.folder, hour)
            self._hour = hour
        whole = b"\n" + line if self._torn else line
        done = os.write(self._file, whole)
        self._size += done
        self._torn = done < len(whole)
        if self._torn:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _end(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self.ended.set()
        self._path, self._file, self._hour, self._size, self._torn = Path(), -1, "", 0, False

    def turn(self) -> bool:
        """End the journal if its hour is over; return whether there is something to rotate."""
        with self._writing:
            if self._hour != datetime.now(UTC).strftime(HOUR):
                self._end()
            mine = self._path
        folder = self.kept.folder
        others = (path for path in log_format.listed(folder, JOURNAL) if path != mine)
        return any(map(log_lock.waits, others)) or bool(rotation.old(folder, self.kept.days))

    def close(self) -> None:
        """Make tables of all that was written down, as far as no other server writes it."""
        with self._writing:
            self._end()
        self.tell(rotation.rotate(self.kept.folder, self.kept.days))

    def tell(self, problems: Iterable[str]) -> None:
        """Say and count what went wrong with journals."""
        for problem in problems:
            print(problem, flush=True)
            self.aside += 1
