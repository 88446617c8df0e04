"""The tables that changed: their rows, their columns, and how far each has moved."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from headrace.compare import changed_outputs
from headrace.compare.changed_outputs import Changed, Find, Source
from headrace.compare.model import ColumnChange, TableChange
from headrace.core.lockfile import File
from headrace.core.states import State
from headrace.errors import ProjectError
from headrace.stats import column_stats, histogram

SEPARATORS = {".csv": ",", ".tsv": "\t"}
SUFFIXES = (".parquet", *SEPARATORS)
BLOCK = 1 << 24
"""Bytes of a text file that are parsed together, and from whose first the types are told."""
NAMED = 8
"""Columns that are named in a sentence."""

Sides = tuple[pq.ParquetFile | None, pq.ParquetFile | None]


def changes(old: State, new: State, find: Find) -> tuple[TableChange, ...]:
    """Return what differs in each table (Parquet, CSV, TSV) that is an output and changed.

    A table is read column by column in batches, never whole. What cannot be read says so in its
    note, with what to do next.
    """
    return tuple(
        _change(pair, old, new, find) for pair in changed_outputs.changed(old, new, find, *SUFFIXES)
    )


def _change(pair: Changed, old: State, new: State, find: Find) -> TableChange:
    with ExitStack() as opened:
        files, notes = [], []
        for state, file in ((old, pair.old), (new, pair.new)):
            try:
                files.append(opened.enter_context(_opened(state, file, find)))
            except ProjectError as error:
                files.append(None)
                notes.append(str(error))
        try:
            return compared(pair.path, (files[0], files[1]), notes)
        except (pa.ArrowException, OSError, ValueError) as error:
            return TableChange(pair.path, None, None, (), _unreadable(pair.path, error))


def compared(path: str, files: Sides, notes: list[str]) -> TableChange:
    """Compare two Parquet files; one that is None is not there, or cannot be looked into."""
    old, new = (file.metadata.num_rows if file is not None else None for file in files)
    if notes:
        return TableChange(path, old, new, (), " ".join(notes))
    types = [_types(file) for file in files]
    shared = [name for name in types[0] if types[0][name] == types[1].get(name)]
    alike = [name for name in shared if _same(files, name)]
    names = [name for name in {**types[0], **types[1]} if name not in alike]
    found = tuple(_column(files, types, name) for name in names)
    return TableChange(path, old, new, found, _note(alike, names, max(old or 0, new or 0)))


def _types(file: pq.ParquetFile | None) -> dict[str, str]:
    """Return the type of each column by name; of two columns of one name the first one's."""
    if file is None:
        return {}
    types: dict[str, str] = {}
    for field in file.schema_arrow:
        types.setdefault(field.name, str(field.type))
    return types


def _same(files: Sides, name: str) -> bool:
    old, new = files
    return old is not None and new is not None and column_stats.same(old, new, name)


def _column(files: Sides, types: list[dict[str, str]], name: str) -> ColumnChange:
    sides = [
        column_stats.look(file, name) if file is not None and name in known else None
        for file, known in zip(files, types, strict=True)
    ]
    old, new = sides
    return ColumnChange(
        name,
        types[0].get(name),
        types[1].get(name),
        old.facts if old else {},
        new.facts if new else {},
        histogram.drift(old, new) if old and new else None,
    )


def _note(alike: list[str], names: list[str], rows: int) -> str:
    """Say what is left out, and of what the figures are."""
    if not names:
        return "All values are the same: only how the file is written differs."
    says = []
    if alike:
        named = ", ".join(alike[:NAMED]) + (" …" if len(alike) > NAMED else "")
        says.append(f"The same row by row: {named} ({len(alike)} of {len(alike) + len(names)}).")
    if rows < histogram.LEAST:
        says.append(f"With fewer than {histogram.LEAST} rows a drift figure would be chance.")
    if rows > column_stats.SAMPLE:
        size = f"{column_stats.SAMPLE:,}"
        says.append(f"Quantiles, top values and drift are of a random sample of about {size} rows.")
    return " ".join(says)


@contextmanager
def _opened(state: State, file: File | None, find: Find) -> Iterator[pq.ParquetFile | None]:
    """Open an output of a state as Parquet: what is text is written anew, for a moment.

    Errors:
        ProjectError: its bytes are nowhere, or are no table.
    """
    if file is None:
        yield None
        return
    at = changed_outputs.source(state, file, find)
    with tempfile.TemporaryDirectory(prefix="headrace-diff-") as folder:
        try:
            separator = SEPARATORS.get(Path(file.path).suffix)
            if separator is not None:
                at = _converted(at, separator, Path(folder) / "table.parquet")
            opened = pq.ParquetFile(at, buffer_size=1 << 20)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise ProjectError(_unreadable(f"{file.path} of {state.name}", error)) from None
        with opened:
            yield opened


def _converted(text: Source, separator: str, into: Path) -> Path:
    """Write a CSV file as Parquet, block by block; as text alone where its types do not hold."""
    try:
        _write(text, separator, into, None)
    except pa.ArrowInvalid:
        with _reader(text, separator, None) as reader:
            plain = dict.fromkeys(reader.schema.names, pa.string())
        _write(text, separator, into, plain)
    return into


def _write(text: Source, separator: str, into: Path, types: dict[str, pa.DataType] | None) -> None:
    with _reader(text, separator, types) as reader, pq.ParquetWriter(into, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)


def _reader(
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
    said = next(iter(str(error).splitlines()), type(error).__name__)
    return f"{name} cannot be read as a table ({said[:200]}). Next: dvc repro, or dvc checkout"
