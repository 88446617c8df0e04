"""What was asked and answered, for the monitor: one Parquet file an hour, whole or not at all.

Each answer is first a line of a journal, which outlives a kill; when its hour is over, or the
server starts again, the journal becomes a table, and goes. A row is known by its request and its
number in it, by which the truth is joined later.
"""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from headrace import files

HOUR = "%Y-%m-%dT%H"
TABLE, JOURNAL = ".parquet", ".jsonl"


@dataclass(frozen=True)
class Kept:
    """What is kept, and for how long: a folder, days, and inputs that are never written down."""

    folder: Path
    days: int
    never: frozenset[str]


class Journal:
    """Writes down answers; a failing disk stops no answer."""

    def __init__(self, kept: Kept) -> None:
        """Make the folder, and tables of journals that an earlier server left.

        Errors:
            OSError: the folder cannot be made.
        """
        self._kept = kept
        self._hour, self._file = "", -1
        self.failed = 0
        """Answers that could not be written down."""
        kept.folder.mkdir(parents=True, exist_ok=True)
        self.rotate()

    def write(self, asked: bytes, answered: bytes) -> None:
        """Write down a request's body and its answer, both JSON: as they are, which costs least."""
        now = datetime.now(UTC)
        # A line break can only stand between JSON's words: inside a text it is escaped.
        body = self._spared(asked).replace(b"\n", b" ").replace(b"\r", b" ")
        time = json.dumps(now.isoformat(timespec="milliseconds")).encode()
        line = b'{"time": %b, "asked": %b, "answered": %b}\n' % (time, body, answered)
        try:
            self._open(now.strftime(HOUR))
            os.write(self._file, line)
        except OSError as error:
            if not self.failed:
                print(f"What is answered cannot be written down: {error}", flush=True)
            self.failed += 1

    def _spared(self, asked: bytes) -> bytes:
        """Return a body without the inputs that are never written down."""
        never = self._kept.never
        if not never:
            return asked
        content = json.loads(asked)
        rows = content if isinstance(content, list) else [content]
        return json.dumps(
            [{k: v for k, v in row.items() if k not in never} for row in rows]
        ).encode()

    def _open(self, hour: str) -> None:
        if hour == self._hour:
            return
        self.close()
        path = self._kept.folder / f"{hour}{JOURNAL}"
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._hour = hour

    def close(self) -> None:
        """Make tables of all that was written down."""
        if self._file >= 0:
            os.close(self._file)
            self._hour, self._file = "", -1
        self.rotate()

    def rotate(self) -> None:
        """Turn every journal into its hour's table, and forget what is too old."""
        for journal in sorted(self._kept.folder.glob(f"*{JOURNAL}")):
            _add(journal, journal.with_suffix(TABLE))
            journal.unlink()
        oldest = (datetime.now(UTC) - timedelta(days=self._kept.days)).strftime(HOUR)
        for table in self._kept.folder.glob(f"*{TABLE}"):
            if table.stem < oldest:
                table.unlink()


def read(folder: Path) -> pd.DataFrame:
    """Return all that was written down, the open hour too, in the order of time.

    A row has request, row, time and model, the inputs, prediction and positive.

    Errors:
        OSError, ValueError: a file cannot be read.
    """
    tables = [pd.read_parquet(path) for path in sorted(folder.glob(f"*{TABLE}"))]
    lines = [line for path in folder.glob(f"*{JOURNAL}") for line in path.read_bytes().split(b"\n")]
    tables.append(pd.DataFrame.from_records([*_rows(lines)]))
    whole = pd.concat([table for table in tables if len(table)] or tables, ignore_index=True)
    if not len(whole):
        return whole
    return whole.drop_duplicates(["request", "row"]).sort_values("time", kind="stable")


def _add(journal: Path, table: Path) -> None:
    """Add a journal's rows to a table; a last line that was cut off is none."""
    made = pd.DataFrame.from_records([*_rows(journal.read_bytes().split(b"\n")[:-1])])
    if len(made):
        before = [pd.read_parquet(table)] if table.exists() else []
        whole = pd.concat([*before, made], ignore_index=True)
        whole = whole.drop_duplicates(["request", "row"], keep="first")
        files.write_whole(table, lambda path: whole.to_parquet(path, index=False))


def _rows(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            one = json.loads(line)
        except ValueError:
            continue
        asked, said = one["asked"], one["answered"]
        known = {"request": said["request"], "time": one["time"], "model": said["model"]}
        rows = asked if isinstance(asked, list) else [asked]
        pairs = zip(rows, said["predictions"], strict=True)
        yield from (
            {**known, "row": number, **row, **answer} for number, (row, answer) in enumerate(pairs)
        )
