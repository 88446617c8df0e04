"""What was asked and answered, for the monitor: one Parquet file an hour, whole or not at all.

Each answer is first a line of a journal, which outlives a kill; when its hour is over, or the
server starts again, the journal becomes a table, and goes. A row is known by its request and its
number in it, by which the truth is joined later.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
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

    def write(
        self,
        request: str,
        model: str,
        rows: Sequence[Mapping[str, Any]],
        answers: Sequence[Mapping[str, Any]],
    ) -> None:
        """Write down one request's rows and answers."""
        now = datetime.now(UTC)
        never = self._kept.never
        content = {
            "request": request,
            "time": now.isoformat(timespec="milliseconds"),
            "model": model,
            "rows": [{k: v for k, v in row.items() if k not in never} for row in rows],
            "answers": [*answers],
        }
        try:
            self._open(now.strftime(HOUR))
            os.write(self._file, json.dumps(content).encode() + b"\n")
        except OSError as error:
            if not self.failed:
                print(f"What is answered cannot be written down: {error}", flush=True)
            self.failed += 1

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


def _add(journal: Path, table: Path) -> None:
    """Add a journal's rows to a table; a last line that was cut off is none."""
    made = pd.DataFrame.from_records([*_rows(journal.read_bytes().split(b"\n")[:-1])])
    if len(made):
        before = [pd.read_parquet(table)] if table.exists() else []
        whole = pd.concat([*before, made], ignore_index=True)
        whole = whole.drop_duplicates(["request", "row"], keep="first")
        files.write_whole(table, lambda path: whole.to_parquet(path, index=False))


def _rows(lines: Iterable[bytes]) -> Iterable[dict[str, Any]]:
    for line in lines:
        try:
            one = json.loads(line)
        except ValueError:
            continue
        known = {name: one[name] for name in ("request", "time", "model")}
        pairs = zip(one["rows"], one["answers"], strict=True)
        yield from (
            {**known, "row": number, **row, **answer} for number, (row, answer) in enumerate(pairs)
        )
