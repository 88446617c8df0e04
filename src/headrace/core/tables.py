"""Tables on disk, CSV or Parquet, read and written a part at a time."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import csv, parquet

from headrace.errors import DataError, unreadable

ROWS = 100_000
"""Rows of a part."""
BLOCK = 16 << 20
"""Bytes of a part of a CSV file."""
KINDS = (".parquet", ".csv")
PARSE_OPTIONS = csv.ParseOptions(newlines_in_values=True)
"""A value in quotation marks may hold line breaks."""
NULLABLE = {
    pa.bool_(): pd.BooleanDtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
}
"""Types that pandas would convert to others where a value is missing."""


def kind(path: Path) -> str:
    """Return the format of a file by its suffix.

    Errors:
        DataError: it is neither CSV nor Parquet.
    """
    if path.suffix not in KINDS:
        raise DataError(f"{path.name} is neither .csv nor .parquet. Next: name one that is")
    return path.suffix


def parts(path: Path) -> Iterator[tuple[pa.Table, float]]:
    """Yield a file's rows part by part, each with the share of the file that has been read.

    The columns of a CSV file are text; their types are the schema's.

    Errors:
        DataError: the file is missing, or is broken.
    """
    try:
        yield from _parquet(path) if kind(path) == ".parquet" else _csv(path)
    except UnicodeDecodeError:
        raise DataError(f"{path.name} cannot be read: its header is not in UTF-8") from None
    except (pa.ArrowException, OSError) as error:
        raise DataError(unreadable(path.name, error)) from None


def frame(part: pa.Table) -> pd.DataFrame:
    """Return rows as a data frame without an index column; every value stays exact."""
    rows: pd.DataFrame = part.to_pandas(ignore_metadata=True, types_mapper=NULLABLE.get)
    return rows


def _parquet(path: Path) -> Iterator[tuple[pa.Table, float]]:
    with parquet.ParquetFile(path) as file:
        rows, total = 0, max(file.metadata.num_rows, 1)
        for batch in file.iter_batches(batch_size=ROWS):
            rows += batch.num_rows
            yield pa.Table.from_batches([batch]), rows / total


def _csv(path: Path) -> Iterator[tuple[pa.Table, float]]:
    options = csv.ReadOptions(block_size=BLOCK)
    with csv.open_csv(path, read_options=options, parse_options=PARSE_OPTIONS) as head:
        names = head.schema.names
    # As text: Arrow would guess a type from the first block, and fail at another in a later one.
    text = csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
    )
    total, size = max(path.stat().st_size, 1), 0
    for batch in csv.open_csv(path, options, PARSE_OPTIONS, text):
        size += BLOCK
        yield pa.Table.from_batches([batch]), min(size / total, 1.0)


class Writer(AbstractContextManager["Writer"]):
    """Writes a table part by part; the first part has its columns and their types."""

    def __init__(self, path: Path, suffix: str) -> None:
        self._path, self._suffix = path, suffix
        self._writer: Any = None
        self._schema: Any = None
        self.rows = 0

    def write(self, table: pa.Table) -> None:
        """Write some rows."""
        if self._writer is None:
            writer: Any = parquet.ParquetWriter if self._suffix == ".parquet" else csv.CSVWriter
            # Without pandas' metadata, which describe an index that later parts do not share.
            self._schema = table.schema.remove_metadata()
            self._writer = writer(self._path, self._schema)
        self._writer.write_table(table.cast(self._schema))
        self.rows += table.num_rows

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()
