"""Find out how a text file of a table is written: encoding, separator, header, numbers, gaps."""

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from headrace.errors import DataError, join_names

HEAD_LINES = 200
SEPARATORS = (",", ";", "\t", "|")


SAMPLE_BYTES = 200_000_000
"""Of a larger text file only the first ROWS rows are looked at."""


ROWS = 200_000


DECIMAL_COMMA = r"[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+"


DOTS = re.compile(r"\d+\.\d+\.\d+.*")


MARKS = re.compile(r"[^\w]*|n/?a|nan|none|null|unknown|missing|not available", re.IGNORECASE)
"""What people write for a missing value, where all else in a column is a number or a date."""


def read(path: Path) -> tuple[pd.DataFrame, dict[str, Any], list[str]]:
    """Return a table, the options by which pandas reads it, and what a person should know.

    Errors:
        DataError: it is empty or no text, or two columns have one name.
    """
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
        refuse_twice(_rows(head, separator)[0], path.name)
    options |= _decimal_commas(head, separator)
    sample: dict[str, Any] = {}
    if path.stat().st_size > SAMPLE_BYTES:
        sample |= {"nrows": ROWS}
        notes.append(
            f"only its first {ROWS:,} rows were looked at: the contract is drafted by them"
        )
    read_csv: Callable[..., pd.DataFrame] = pd.read_csv
    table = read_csv(path, **options, **sample)
    if marks := _marks(table):
        options["na_values"] = marks
        notes.append(f"{join_names(map(repr, marks), 5)} {'are' if marks[1:] else 'is'} a gap")
        table = read_csv(path, **options, **sample)
    return table, options, notes


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
    for name in texts(table):
        values = table[name].dropna()
        numbers = pd.to_numeric(values, errors="coerce")
        wrong = values[numbers.isna()]
        if len(wrong) and len(wrong) < len(values) / 2:
            found = wrong.str.strip().unique()
            if all(MARKS.fullmatch(mark) for mark in found):
                marks |= dict.fromkeys(wrong.unique())
    return [*marks]


def refuse_twice(columns: Iterable[str], name: str) -> None:
    """Refuse a table of which two columns have one name."""
    twice = [column for column, count in Counter(columns).items() if count > 1]
    if twice:
        raise DataError(
            f"{name}: {join_names(map(repr, twice), 5)} {'stands' if len(twice) == 1 else 'stand'}"
            " twice among the columns. Next: rename one"
        )


def texts(table: pd.DataFrame) -> list[Any]:
    """Return the names of the columns of text."""
    return [name for name in table if pd.api.types.is_string_dtype(table[name])]
