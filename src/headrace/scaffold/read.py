"""Read a table that nobody has described: its encoding, separator, decimal sign, dates and gaps."""

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from headrace.errors import DataError, join_names, unreadable

SEPARATORS = (",", ";", "\t", "|")
SAMPLE_BYTES = 200_000_000
"""Of a larger text file only the first ROWS rows are looked at."""
ROWS = 200_000
HEAD_LINES = 200
DECIMAL_COMMA = r"[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+"
DOTS = re.compile(r"\d+\.\d+\.\d+.*")
MARKS = re.compile(r"[^\w]*|n/?a|nan|none|null|unknown|missing|not available", re.IGNORECASE)
"""What people write for a missing value, where all else in a column is a number or a date."""
DATES = (
    *("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"),
    *("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S%z", "%Y-%m-%dT%H:%M:%S%z", "%Y/%m/%d", "%Y-%m"),
    *("%d.%m.%Y", "%d.%m.%Y %H:%M", "%d/%m/%Y", "%m/%d/%Y", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"),
    *("%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%Y%m%dT%H%M%S"),
)
"""Of two that fit a column alike, the earlier one is taken, and said."""


@dataclass(frozen=True)
class Reading:
    """A table, and how it is read again."""

    table: pd.DataFrame
    function: str
    """The function of pandas that reads it."""
    options: dict[str, Any]
    """What that function is given beside the path."""
    dates: dict[str, str] = field(default_factory=dict)
    """The columns that are dates, each with its format, where the file has them as text."""
    notes: tuple[str, ...] = ()
    """What a person should know of it."""
    pattern: str = ""
    """Which files of a folder it is in, such as `*.csv`; empty where it is one file."""


def read(path: Path) -> Reading:
    """Read a table; its kind follows from the end of its name.

    Errors:
        DataError: it is missing, empty or unreadable, has a single column, or has two columns of
            one name.
    """
    if path.is_dir():
        return _folder(path)
    kind = path.suffix.lower()
    reader = {
        ".parquet": _parquet,
        ".xlsx": _excel,
        ".jsonl": _json_lines,
        ".ndjson": _json_lines,
    }.get(kind, _text)
    try:
        reading = reader(path)
    except (OSError, ValueError, ImportError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{unreadable(path.name, error)}. Next: check the file") from None
    _refuse(reading.table, path.name)
    return reading


def _folder(path: Path) -> Reading:
    """Read a folder of files of one kind, one below the other; the first says how."""
    files = sorted(file for file in path.iterdir() if file.is_file() and file.name[0] != ".")
    kinds = {file.suffix for file in files}
    if len(kinds) != 1:
        has = "no file" if not files else f"files of {len(kinds)} kinds"
        raise DataError(f"{path.name} has {has}. Next: name a folder of files of one kind")
    readings = [read(file) for file in files]
    first = readings[0]
    for file, other in zip(files, readings, strict=True):
        if [*other.table] != [*first.table]:
            raise DataError(
                f"{file.name} has other columns than {files[0].name}. Next: leave it out, or"
                " give both the same"
            )
        if (other.options, other.dates) != (first.options, first.dates):
            raise DataError(
                f"{file.name} is written in another way than {files[0].name}: {other.options}, not"
                f" {first.options}. Next: write both alike"
            )
    table = pd.concat([reading.table for reading in readings], ignore_index=True)
    notes = (f"{len(files):,} files, one below the other", *first.notes)
    return replace(first, table=table, notes=notes, pattern=f"*{files[0].suffix}")


def _refuse(table: pd.DataFrame, name: str) -> None:
    columns = [str(column) for column in table.columns]
    _refuse_twice(columns, name)
    if table.empty:
        raise DataError(f"{name} has no rows. Next: check the file")
    if len(columns) < 2:
        raise DataError(
            f"{name} has a single column, {columns[0]!r}: there is nothing to learn it from."
            " Next: check its separator, which is one of , ; | or a tab"
        )


def _refuse_twice(columns: Iterable[str], name: str) -> None:
    twice = [column for column, count in Counter(columns).items() if count > 1]
    if twice:
        raise DataError(
            f"{name}: {join_names(map(repr, twice), 5)} {'stands' if len(twice) == 1 else 'stand'}"
            " twice among the columns. Next: rename one"
        )


def _parquet(path: Path) -> Reading:
    return Reading(pd.read_parquet(path), "read_parquet", {})


def _json_lines(path: Path) -> Reading:
    table = pd.read_json(path, lines=True, dtype=False)
    return _with_dates(Reading(table, "read_json", {"lines": True, "dtype": False}))


def _excel(path: Path) -> Reading:
    try:
        table = pd.read_excel(path)
    except ImportError:
        raise DataError(
            f"{path.name} is an Excel file, and openpyxl is not installed."
            " Next: add openpyxl to pyproject.toml, then make lock setup; or save it as CSV"
        ) from None
    return _with_dates(Reading(table, "read_excel", {}))


def _text(path: Path) -> Reading:
    encoding, head = _decoded(path)
    if not head.strip():
        raise DataError(f"{path.name} is empty. Next: check the file")
    separator = _separator(head)
    options: dict[str, Any] = {} if encoding == "utf-8" else {"encoding": encoding}
    options |= {} if separator == "," else {"sep": separator}
    notes = []
    if names := _missing_header(head, separator):
        options |= {"names": names}
        notes.append("its first line holds values, not names: the columns are numbered")
    else:
        _refuse_twice(_rows(head, separator)[0], path.name)
    options |= _decimal_commas(head, separator)
    sample: dict[str, Any] = {}
    if path.stat().st_size > SAMPLE_BYTES:
        sample |= {"nrows": ROWS}
        notes.append(
            f"only its first {ROWS:,} rows were looked at: the contract is drafted by them"
        )
    read: Callable[..., pd.DataFrame] = pd.read_csv
    table = read(path, **options, **sample)
    if marks := _marks(table):
        options["na_values"] = marks
        notes.append(f"{join_names(map(repr, marks), 5)} {'are' if marks[1:] else 'is'} a gap")
        table = read(path, **options, **sample)
    return _with_dates(Reading(table, "read_csv", options, notes=tuple(notes)))


def _decoded(path: Path) -> tuple[str, str]:
    """Return a text file's encoding, and its first lines."""
    with path.open("rb") as file:
        begin = file.read(1 << 20)
    if b"\0" in begin and not begin.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(
            f"{path.name} is no text. Next: give it the end of its kind: .csv, .tsv, .jsonl,"
            " .parquet or .xlsx"
        )
    for encoding, mark in (
        ("utf-8-sig", b"\xef\xbb\xbf"),
        ("utf-16", b"\xff\xfe"),
        ("utf-16", b"\xfe\xff"),
    ):
        if begin.startswith(mark):
            return encoding, _head(begin.decode(encoding, "replace"))
    try:
        return "utf-8", _head(_whole(begin).decode())
    except UnicodeDecodeError:
        return "cp1252", _head(begin.decode("cp1252", "replace"))


def _whole(begin: bytes) -> bytes:
    """Return the beginning of a file without a letter that is cut."""
    return begin if len(begin) < 1 << 20 else begin[: begin.rfind(b"\n") + 1]


def _head(text: str) -> str:
    return "".join(text.splitlines(keepends=True)[:HEAD_LINES])


def _rows(head: str, separator: str) -> list[list[str]]:
    return [row for row in csv.reader(io.StringIO(head, newline=""), delimiter=separator) if row]


def _separator(head: str) -> str:
    """Return the separator by which most lines have as many cells as the first, and many."""

    def quality(separator: str) -> tuple[float, int]:
        rows = _rows(head, separator)
        width = len(rows[0])
        same = sum(len(row) == width for row in rows) / len(rows)
        return (same if width > 1 else 0, width)

    return max(SEPARATORS, key=quality)


def _missing_header(head: str, separator: str) -> list[str]:
    """Return names for the columns where the first line has numbers as the others have."""
    first, *others = _rows(head, separator)
    if not others or not any(map(_is_number, first)):
        return []
    are_numbers = [_is_number(cell) for cell in first]
    alike = all(
        _is_number(row[index]) or not row[index].strip()
        for row in others
        if len(row) == len(first)
        for index, is_number in enumerate(are_numbers)
        if is_number
    )
    return [f"column_{index}" for index in range(1, len(first) + 1)] if alike else []


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return re.fullmatch(DECIMAL_COMMA, cell.strip()) is not None
    return True


def _decimal_commas(head: str, separator: str) -> dict[str, Any]:
    """Return the options for a file in which a column is of such numbers as 1,5 throughout.

    A point is thrown out of 1.234,5 only where such numbers are seen, and never out of a date.
    """
    names, *rows = _rows(head, separator)
    cells = {
        name: [row[index].strip() for row in rows if index < len(row)]
        for index, name in enumerate(names)
    }
    numbers = [
        name
        for name, values in cells.items()
        if any(re.fullmatch(DECIMAL_COMMA, value) for value in values)
        and all(re.fullmatch(rf"{DECIMAL_COMMA}|[+-]?\d*", value) for value in values)
    ]
    if separator == "," or not numbers:
        return {}
    options: dict[str, Any] = {"decimal": ","}
    if any("." in value for name in numbers for value in cells[name]):
        dates = [name for name, values in cells.items() if any(map(DOTS.fullmatch, values))]
        options |= {"thousands": "."} | ({"dtype": dict.fromkeys(dates, "str")} if dates else {})
    return options


def _marks(table: pd.DataFrame) -> list[str]:
    """Return what stands for a missing value in columns that are numbers or dates otherwise."""
    marks: dict[str, None] = {}
    for name in _texts(table):
        values = table[name].dropna()
        numbers = pd.to_numeric(values, errors="coerce")
        wrong = values[numbers.isna()]
        if len(wrong) and len(wrong) < len(values) / 2:
            found = wrong.str.strip().unique()
            if all(MARKS.fullmatch(mark) for mark in found):
                marks |= dict.fromkeys(wrong.unique())
    return [*marks]


def _with_dates(reading: Reading) -> Reading:
    table, dates, notes = reading.table.copy(), {}, [*reading.notes]
    for name in _texts(table):
        values = table[name].dropna()
        if formats := _date_formats(values):
            dates[str(name)] = formats[0]
            table[name] = pd.to_datetime(table[name], format=formats[0])
            if len(formats) > 1 and {formats[0][:2], formats[1][:2]} == {"%d", "%m"}:
                notes.append(f"{name!r}: day and month may be exchanged; read as {formats[0]}")
    return Reading(table, reading.function, reading.options, dates, tuple(notes))


def _date_formats(values: "pd.Series[Any]") -> list[str]:
    """Return the formats by which all values of a column of text are dates."""
    few = values.head(HEAD_LINES)
    if not len(few) or not few.map(lambda value: isinstance(value, str) and bool(value)).all():
        return []
    likely = [form for form in DATES if _are_dates(few, form)]
    return [form for form in likely if _are_dates(values, form)]


def _are_dates(values: "pd.Series[Any]", form: str) -> bool:
    return bool(pd.to_datetime(values, format=form, errors="coerce").notna().all())


def _texts(table: pd.DataFrame) -> Iterable[Any]:
    return [name for name in table if pd.api.types.is_string_dtype(table[name])]
