"""Read a table that nobody has described: a file of any usual kind, or a folder of them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from headrace.errors import DataError, unreadable
from headrace.scaffold import text_file

FEW = 200
"""Values by which a column's format is guessed, before all are looked at."""
DATES = (
    *("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"),
    *("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S%z", "%Y-%m-%dT%H:%M:%S%z", "%Y/%m/%d", "%Y-%m"),
    *("%d.%m.%Y", "%d.%m.%Y %H:%M", "%d/%m/%Y", "%m/%d/%Y", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"),
    *("%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y", "%Y%m%dT%H%M%S"),
    *("%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S.%fZ"),
    *("%d.%m.%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M %p", "%m/%d/%Y %I:%M:%S %p"),
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
        ".json": _json,
    }.get(kind, _text)
    try:
        reading = reader(path)
    except (OSError, ValueError, ImportError) as error:
        if isinstance(error, DataError):
            raise
        problem = unreadable(path.name, error).rstrip(".")
        raise DataError(f"{problem}. Next: check the file") from None
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
    text_file.refuse_twice(columns, name)
    if table.empty:
        raise DataError(f"{name} has no rows. Next: check the file")
    if len(columns) < 2:
        raise DataError(
            f"{name} has a single column, {columns[0]!r}: there is nothing to learn it from."
            " Next: check its separator, which is one of , ; | or a tab"
        )


def _parquet(path: Path) -> Reading:
    table = pd.read_parquet(path)
    days = [name for name in table if _are_days(table[name])]
    for name in days:
        table[name] = pd.to_datetime(table[name])
    return Reading(table, "read_parquet", {}, dict.fromkeys(map(str, days), ""))


def _are_days(values: "pd.Series[Any]") -> bool:
    known = values.dropna()
    return known.dtype == object and bool(len(known)) and all(type(day) is date for day in known)


def _json_lines(path: Path) -> Reading:
    return _json(path, lines=True)


def _json(path: Path, **options: Any) -> Reading:
    options |= {"dtype": False}
    read_json: Callable[..., pd.DataFrame] = pd.read_json
    return _with_dates(_named_by_text(Reading(read_json(path, **options), "read_json", options)))


def _named_by_text(reading: Reading) -> Reading:
    """Return a table whose columns may be called by numbers with texts for names."""
    return replace(reading, table=reading.table.rename(columns=str))


def _excel(path: Path) -> Reading:
    try:
        table = pd.read_excel(path)
    except ImportError:
        raise DataError(
            f"{path.name} is an Excel file, and openpyxl is not installed."
            " Next: add openpyxl to pyproject.toml, then make lock setup; or save it as CSV"
        ) from None
    return _with_dates(_named_by_text(Reading(table, "read_excel", {})))


def _text(path: Path) -> Reading:
    table, options, notes = text_file.read(path)
    return _with_dates(Reading(table, "read_csv", options, notes=tuple(notes)))


def _with_dates(reading: Reading) -> Reading:
    table, dates, notes = reading.table.copy(), {}, [*reading.notes]
    for name in text_file.texts(table):
        values = table[name].dropna()
        if formats := _date_formats(values):
            dates[str(name)] = formats[0]
            table[name] = pd.to_datetime(table[name], format=formats[0])
            if len(formats) > 1 and {formats[0][:2], formats[1][:2]} == {"%d", "%m"}:
                notes.append(f"{name!r}: day and month may be exchanged; read as {formats[0]}")
    return Reading(table, reading.function, reading.options, dates, tuple(notes))


def _date_formats(values: "pd.Series[Any]") -> list[str]:
    """Return the formats by which all values of a column of text are dates."""
    few = values.head(FEW)
    if not len(few) or not few.map(lambda value: isinstance(value, str) and bool(value)).all():
        return []
    likely = [form for form in DATES if _are_dates(few, form)]
    return [form for form in likely if _are_dates(values, form)]


def _are_dates(values: "pd.Series[Any]", form: str) -> bool:
    return bool(pd.to_datetime(values, format=form, errors="coerce").notna().all())
