"""Journals become tables, whole or not at all; expired tables are deleted.

A journal is converted when no server writes it, which its lock tells. Its rows go part by part into
a table for each model, then it is deleted. After a kill in between, the journal is there still, and
the same tables are made again. `python -m headrace.prediction_log.rotation FOLDER DAYS` does it in
a process of its own, and prints what went wrong.
"""

import fcntl
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from headrace.prediction_log import log_format
from headrace.prediction_log.log_format import BROKEN, HOUR, HOUR_LENGTH, JOURNAL, PART, TABLE

NICENESS = 10
"""Of the rotating process: answers go first."""
EXCLUSIVE = fcntl.LOCK_EX | fcntl.LOCK_NB


def rotate_in_subprocess(folder: Path, days: int) -> list[str]:
    """Rotate in a process of its own, so that answers do not wait; return what went wrong."""
    module = "headrace.prediction_log.rotation"
    process = subprocess.run(
        # -P: no module of the folder where the server was started may take the place of ours.
        [sys.executable, "-P", "-m", module, str(folder), str(days)],
        start_new_session=True,  # a signal to the server leaves it alone
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    problems = process.stdout.splitlines()
    if process.returncode:
        errors = process.stderr.strip().splitlines() or [f"exit code {process.returncode}"]
        problems.append(f"The rotation of {folder} failed: {errors[-1]}. Next: see the free memory")
    return problems


def rotate(folder: Path, days: int) -> Iterator[str]:
    """Convert the journals that no server writes, and delete what has expired.

    Yields what went wrong, a sentence each; raises nothing.
    """
    try:
        for journal in log_format.list_files(folder, JOURNAL):
            yield from _convert(journal)
        for path in expired_files(folder, days):
            path.unlink(missing_ok=True)
    except OSError as error:
        yield f"{folder} cannot be rotated: {error.strerror}. Next: see whose folder it is"


def is_due(folder: Path, days: int, current: Path) -> bool:
    """Return whether a journal other than the `current` is free, or a table has expired."""
    journals = (path for path in log_format.list_files(folder, JOURNAL) if path != current)
    return any(map(_is_free, journals)) or bool(expired_files(folder, days))


def expired_files(folder: Path, days: int) -> list[Path]:
    """Return the files, except journals, whose hour is more than some days ago."""
    oldest = (datetime.now(UTC) - timedelta(days=days)).strftime(HOUR)
    paths = log_format.list_files(folder, TABLE, PART, BROKEN)
    return [path for path in paths if path.name[:HOUR_LENGTH] < oldest]


def acquire(handle: int, journal: Path) -> bool:
    """Lock an open journal; return False where a server writes it, or it is gone."""
    hour = datetime.now(UTC).strftime(HOUR)
    empty = not os.fstat(handle).st_size
    # A journal this new may be about to be locked; without an ID its server knows no locks.
    if journal.name[:HOUR_LENGTH] >= hour and (empty or journal.stem == hour):
        return False
    try:
        fcntl.flock(handle, EXCLUSIVE)
    except OSError:
        return False
    return os.fstat(handle).st_nlink > 0


def new_id() -> str:
    """Return a random ID for the name of a journal."""
    return uuid.uuid4().hex[:12]


def _open(journal: Path) -> BinaryIO:
    return os.fdopen(os.open(journal, os.O_RDWR | os.O_NOFOLLOW), "rb+")


def _is_free(journal: Path) -> bool:
    try:
        with _open(journal) as file:
            return acquire(file.fileno(), journal)
    except OSError:
        return False


def _convert(journal: Path) -> Iterator[str]:
    """Replace a journal by its tables if it is free; yield what went wrong."""
    try:
        file = _open(journal)
    except FileNotFoundError:  # another process has converted it
        return
    except OSError as error:
        yield f"{journal.name} cannot be read: {error.strerror}. Next: see whose file it is"
        return
    with file:
        if acquire(file.fileno(), journal):
            if len(journal.stem) == HOUR_LENGTH:  # no ID yet: its tables must replace no others
                journal = journal.rename(journal.with_stem(f"{journal.stem}.{new_id()}"))
            yield from _replace(journal)


def _replace(journal: Path) -> Iterator[str]:
    """Replace a journal by its tables; what is no journal inside is moved aside."""
    try:
        schemas = log_format.schemas(log_format.read_parts(journal))
        if journal.stat().st_size and not schemas:
            raise ValueError("it has no valid line")
        _write_tables(journal, schemas)
        journal.unlink()
    except (OSError, MemoryError) as error:  # the next rotation tries again
        yield f"{journal.name} is not converted yet: {error}. Next: see whether the disk is full"
    except Exception as error:  # whatever is in it, the next journal must not suffer from it
        aside = journal.rename(journal.with_name(journal.name + BROKEN))
        yield f"Cannot convert {journal.name}: {error}; moved. Next: see {aside}"


def _write_tables(journal: Path, schemas: Mapping[str, pa.Schema]) -> None:
    """Write a table for each model, then move all into place."""
    tables = [journal.with_suffix(f".{number}{TABLE}") for number in range(len(schemas))]
    drafts = [table.with_name(table.name + PART) for table in tables]
    try:
        with ExitStack() as stack:
            writers = {
                model: stack.enter_context(_writer(draft, schema))
                for draft, (model, schema) in zip(drafts, schemas.items(), strict=True)
            }
            for part in log_format.read_parts(journal):
                for model, rows in log_format.group_by_model(part).items():
                    writers[model].write_table(log_format.to_table(rows, schemas[model]))
        for draft, table in zip(drafts, tables, strict=True):
            draft.replace(table)
    finally:
        for draft in drafts:
            draft.unlink(missing_ok=True)


@contextmanager
def _writer(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """Open a table for its owner alone; an unfinished one is overwritten."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        with pq.ParquetWriter(file, schema) as writer:
            yield writer
        file.flush()
        os.fsync(file.fileno())


if __name__ == "__main__":
    os.nice(NICENESS)
    for problem in rotate(Path(sys.argv[1]), int(sys.argv[2])):
        print(problem, flush=True)
