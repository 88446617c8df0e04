"""The tables that changed: their rows, their columns, and how far each has moved."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from headrace.compare.changed_outputs import Changed, Find, Source, changed_outputs, locate
from headrace.compare.model import ColumnChange, TableChange
from headrace.core.lockfile import File
from headrace.core.states import State
from headrace.errors import ProjectError
from headrace.stats import column_stats, histogram

SEPARATORS = {".csv": ",", ".tsv": "\t"}
SUFFIXES = (".parquet", *SEPARATORS)
BLOCK = 1 << 24
"""Bytes of a text file that are parsed at a time; the first block decides the types."""
NAMED = 8
"""Columns that a note lists."""

Files = tuple[pq.ParquetFile | None, pq.ParquetFile | None]


def changes(old: State, new: State, find: Find) -> tuple[TableChange, ...]:
    """Return what differs in each table (Parquet, CSV, TSV) that is an output and changed.

    A table is read column by column in batches, never whole. Where one cannot be read, its note
    says why, and the next step.
    """
    pairs = changed_outputs(old, new, find, *SUFFIXES)
    return tuple(_change(pair, old, new, find) for pair in pairs)


def _change(pair: Changed, old: State, new: State, find: Find) -> TableChange:
    with ExitStack() as stack:
        files, notes = [], []
        for state, file in ((old, pair.old), (new, pair.new)):
            try:
                files.append(stack.enter_context(_open(state, file, find)))
            except ProjectError as error:
                files.append(None)
                notes.append(str(error))
        try:
            return compare_files(pair.path, (files[0], files[1]), notes)
        except (pa.ArrowException, OSError, ValueError) as error:
            return TableChange(pair.path, None, None, (), _unreadable(pair.path, error))


def compare_files(path: str, files: Files, notes: list[str]) -> TableChange:
    """Compare two Parquet files; one that is None does not exist, or cannot be read."""
    old, new = (file.metadata.num_rows if file is not None else None for file in files)
    if notes:
        return TableChange(path, old, new, (), " ".join(notes))
    types = [_types(file) for file in files]
    shared = [name for name in types[0] if types[0][name] == types[1].get(name)]
    equal = [name for name in shared if _has_same_values(files, name)]
    different = [name for name in {**types[0], **types[1]} if name not in equal]
    columns = tuple(_column_change(files, types, name) for name in different)
    return TableChange(path, old, new, columns, _note(equal, different, max(old or 0, new or 0)))


def _types(file: pq.ParquetFile | None) -> dict[str, str]:
    """Return the type of each column by name; of columns that share a name, the first one's."""
    types: dict[str, str] = {}
    for field in file.schema_arrow if file is not None else ():
        types.setdefault(field.name, str(field.type))
    return types


def _has_same_values(files: Files, name: str) -> bool:
    old, new = files
    return old is not None and new is not None and column_stats.has_same_values(old, new, name)


def _column_change(files: Files, types: list[dict[str, str]], name: str) -> ColumnChange:
    old, new = (
        column_stats.describe(file, name) if file is not None and name in columns else None
        for file, columns in zip(files, types, strict=True)
    )
    return ColumnChange(
        name,
        types[0].get(name),
        types[1].get(name),
        old.facts if old else {},
        new.facts if new else {},
        histogram.column_drift(old, new) if old and new else None,
    )


def _note(equal: list[str], different: list[str], rows: int) -> str:
    """Say which columns are left out, and how the figures were computed."""
    if not different:
        return "All values are the same: only how the file is written differs."
    notes = []
    if equal:
        names = ", ".join(equal[:NAMED]) + (" …" if len(equal) > NAMED else "")
        count = f"{len(equal)} of {len(equal) + len(different)}"
        notes.append(f"The same row by row: {names} ({count}).")
    if rows < histogram.MIN_ROWS:
        notes.append(f"With fewer than {histogram.MIN_ROWS} rows a drift figure would be chance.")
    if rows > column_stats.SAMPLE:
        size = f"{column_stats.SAMPLE:,}"
        notes.append(
            f"Quantiles, top values and drift are of a random sample of about {size} rows."
        )
    return " ".join(notes)


@contextmanager
def _open(state: State, file: File | None, find: Find) -> Iterator[pq.ParquetFile | None]:
    """Open a state's output as Parquet; text is converted to a temporary file.

    Errors:
        ProjectError: its bytes cannot be found, or are no table.
    """
    if file is None:
        yield None
        return
    source = locate(state, file, find)
    with tempfile.TemporaryDirectory(prefix="headrace-diff-") as folder:
        try:
            separator = SEPARATORS.get(Path(file.path).suffix)
            if separator is not None:
                source = _convert(source, separator, Path(folder) / "table.parquet")
            table = pq.ParquetFile(source, buffer_size=1 << 20)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise ProjectError(_unreadable(f"{file.path} of {state.name}", error)) from None
        with table:
            yield table


def _convert(text: Source, separator: str, target: Path) -> Path:
    """Write a CSV file as Parquet, block by block; all as text where the types do not hold."""
    try:
        _write(text, separator, target, None)
    except pa.ArrowInvalid:
        # A column that is numbers in the first block may be text in a later one.
        with _csv_reader(text, separator, None) as reader:
            types = dict.fromkeys(reader.schema.names, pa.string())
        _write(text, separator, target, types)
    return target


def _write(
    text: Source, separator: str, target: Path, types: dict[str, pa.DataType] | None
) -> None:
    reader = _csv_reader(text, separator, types)
    with reader, pq.ParquetWriter(target, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)


def _csv_reader(
    text: Source, separator: str, types: dict[str, pa.DataType] | None
) -> csv.CSVStreamingReader:
    source = text if isinstance(text, Path) else pa.BufferReader(text.getbuffer())
    return csv.open_csv(
        source,
        read_options=csv.ReadOptions(block_size=BLOCK, use_threads=False),
        parse_options=csv.ParseOptions(delimiter=separator, newlines_in_values=True),
        convert_options=csv.ConvertOptions(column_types=types, strings_can_be_null=True),
    )


def _unreadable(name: str, error: Exception) -> str:
    reason = next(iter(str(error).splitlines()), type(error).__name__)
    return f"{name} cannot be read as a table ({reason[:200]}). Next: dvc repro, or dvc checkout"
