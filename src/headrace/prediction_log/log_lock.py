"""Who writes a journal: each server makes its own, and holds a lock on it while it writes."""

import errno
import fcntl
import os
import uuid
from datetime import UTC, datetime
from pathlib import Path

from headrace.prediction_log.log_format import HOUR, HOUR_LETTERS, JOURNAL

NOW = fcntl.LOCK_EX | fcntl.LOCK_NB


def begin(folder: Path, hour: str) -> tuple[Path, int]:
    """Make a journal that is written by whoever holds its descriptor, and return both.

    Errors:
        OSError: it cannot be made, or not be locked.
    """
    path = folder / f"{hour}.{_id()}{JOURNAL}"
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        fcntl.flock(handle, NOW)
        if not os.fstat(handle).st_nlink:  # taken for one that was left, before it was locked
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path.name)
    except OSError:
        os.close(handle)
        raise
    return path, handle


def waits(journal: Path) -> bool:
    """Tell whether a journal can be read, and nobody writes it."""
    try:
        handle = os.open(journal, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        return free(handle, journal)
    finally:
        os.close(handle)


def free(handle: int, journal: Path) -> bool:
    """Lock a journal that was opened, unless a server writes it, or it is gone by now."""
    hour = datetime.now(UTC).strftime(HOUR)
    empty = not os.fstat(handle).st_size
    # Who has just made one holds its lock in a moment; who gives it no ID knows of no lock.
    if journal.name[:HOUR_LETTERS] >= hour and (empty or journal.stem == hour):
        return False
    try:
        fcntl.flock(handle, NOW)
    except OSError:
        return False
    return os.fstat(handle).st_nlink > 0


def named(journal: Path) -> Path:
    """Give a journal an ID where it has none, so that its tables replace no others."""
    if len(journal.stem) > HOUR_LETTERS:
        return journal
    return journal.rename(journal.with_stem(f"{journal.stem}.{_id()}"))


def _id() -> str:
    return uuid.uuid4().hex[:12]
