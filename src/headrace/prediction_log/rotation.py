"""Journals become tables, whole or not at all, and what is too old goes.

A journal is taken when nobody writes it any more, which its lock tells. Its rows go part by part
into a table for each model; then it goes. Who is killed meanwhile leaves the journal, of which the
same tables are made again. `python -m headrace.prediction_log.rotation FOLDER DAYS` does it in a
process of its own, and prints what went wrong.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from headrace.prediction_log import arrow_schema, log_format, log_lock
from headrace.prediction_log.log_format import BROKEN, HOUR, HOUR_LETTERS, JOURNAL, PART, TABLE

NICE = 10
"""By how much whoever answers goes first."""


def rotate(folder: Path, days: int) -> Iterator[str]:
    """Make tables of the journals that nobody writes, and forget what is too old.

    Yields what went wrong, a sentence each; nothing is raised.
    """
    try:
        for journal in log_format.listed(folder, JOURNAL):
            yield from _told(journal)
        for path in old(folder, days):
            path.unlink(missing_ok=True)
    except OSError as error:
        yield f"{folder} cannot be kept in order: {error.strerror}. Next: see whose folder it is"


def old(folder: Path, days: int) -> list[Path]:
    """Return the files, but for journals, whose hour is longer ago than some days."""
    oldest = (datetime.now(UTC) - timedelta(days=days)).strftime(HOUR)
    there = log_format.listed(folder, TABLE, PART, BROKEN)
    return [path for path in there if path.name[:HOUR_LETTERS] < oldest]


def _told(journal: Path) -> Iterator[str]:
    """Make a journal's tables where it is free; yield why they could not be made."""
    try:
        handle = os.open(journal, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:  # somebody else has made its tables
        return
    except OSError as error:
        yield f"{journal.name} cannot be read: {error.strerror}. Next: see whose file it is"
        return
    try:
        if log_lock.free(handle, journal):
            yield from _made(log_lock.named(journal))
    finally:
        os.close(handle)


def _made(journal: Path) -> Iterator[str]:
    """Put a journal's tables in its place; what is no journal inside is put aside."""
    try:
        schemas = arrow_schema.schemas(log_format.parts(journal))
        if journal.stat().st_size and not schemas:
            raise ValueError("no line of it is ours")
        _write(journal, schemas)
        journal.unlink()
    except (OSError, MemoryError) as error:  # it may go well another time
        yield f"{journal.name} is no table yet: {error}. Next: see whether the disk is full"
    except Exception as error:  # whatever is in it, the next one is not to suffer from it
        aside = journal.rename(journal.with_name(journal.name + BROKEN))
        yield f"{journal.name} becomes no table: {error}. Next: see {aside}, where it lies now"


def _write(journal: Path, schemas: Mapping[str, pa.Schema]) -> None:
    """Write a table for each model, and put all in place."""
    tables = [journal.with_suffix(f".{number}{TABLE}") for number in range(len(schemas))]
    begun = {model: _begun(table) for model, table in zip(schemas, tables, strict=True)}
    try:
        with ExitStack() as opened:
            writers = {
                model: opened.enter_context(_writer(path, schemas[model]))
                for model, path in begun.items()
            }
            for part in log_format.parts(journal):
                for model, rows in arrow_schema.by_model(part).items():
                    writers[model].write_table(arrow_schema.table(rows, schemas[model]))
        for path, table in zip(begun.values(), tables, strict=True):
            path.replace(table)
    finally:
        for path in begun.values():
            path.unlink(missing_ok=True)


def _begun(table: Path) -> Path:
    return table.with_name(table.name + PART)


@contextmanager
def _writer(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """Open a table that nobody else may read; what lies there was not finished."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        with pq.ParquetWriter(file, schema) as writer:
            yield writer
        file.flush()
        os.fsync(file.fileno())


if __name__ == "__main__":
    os.nice(NICE)
    for problem in rotate(Path(sys.argv[1]), int(sys.argv[2])):
        print(problem, flush=True)
