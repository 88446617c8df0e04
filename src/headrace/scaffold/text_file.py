"""Find out how a text file of a table is written: encoding, separator, header, numbers, gaps."""

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from headrace.errors import DataError, join_names

HEAD_LINES = 10_000
SEPARATORS = (",", ";", "\t", "|")


SAMPLE_BYTES = 200_000_000
"""Of a larger text file only the first ROWS rows are looked at."""


ROWS = 200_000


DECIMAL_COMMA = r"[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+"


THOUSANDS = r"[+-]?\d{1,3}(\.\d{3})+"
POINT = re.compile(r"[+-]?\d+\.\d+")


YEAR = re.compile(r"(19|20)\d\d")
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
    numbers, more = _decimal_commas(head, separator)
    options |= numbers
    notes += more
    options |= _ragged(head, separator, path.name)
    codes, more = _codes(head, separator)
    if codes:
        options["dtype"] = options.get("dtype", {}) | dict.fromkeys(codes, "str")
    notes += more
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
            f"{path.name} is no text that can be read. Next: save it as UTF-8; or give it the end"
            " of its kind: .csv, .tsv, .jsonl, .parquet or .xlsx"
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
    numbers = [cell for cell in first if _is_number(cell)]
    are_names = len({*first}) == len(first) and all(map(YEAR.fullmatch, numbers))
    if not others or not numbers or are_names:
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


def _decimal_commas(head: str, separator: str) -> tuple[dict[str, Any], list[str]]:
    """Return the options for a file with such numbers as 1,5 or 1.234,5, and what to know of it.

    A point is thrown out only where a column has both signs, or nothing but thousands; columns in
    which a point means something else are read as text then.
    """
    if separator == ",":
        return {}, []
    names, *rows = _rows(head, separator)
    cells = {
        name: [cell for row in rows if index < len(row) and (cell := row[index].strip())]
        for index, name in enumerate(names)
    }
    commas = [name for name, values in cells.items() if _are(values, DECIMAL_COMMA, THOUSANDS)]
    points = [name for name, values in cells.items() if _are(values, THOUSANDS)]
    if not commas:
        return {}, [f"{name!r}: its points may be those of thousands" for name in points]
    if not any("." in value for name in commas for value in cells[name]):
        return {"decimal": ","}, []
    others = [
        name
        for name, values in cells.items()
        if name not in [*commas, *points] and any("." in value for value in values)
    ]
    options = {"decimal": ",", "thousands": "."}
    notes = [
        f"{name!r} is read as text: its points are not those of thousands"
        for name in others
        if all(map(POINT.fullmatch, cells[name]))
    ]
    return (options | {"dtype": dict.fromkeys(others, "str")} if others else options), notes


def _are(values: Sequence[str], *forms: str) -> bool:
    """Tell whether values are numbers of these forms, the first of them at least once."""
    whole = "|".join((*forms, r"[+-]?\d+"))
    return any(re.fullmatch(forms[0], value) for value in values) and all(
        re.fullmatch(whole, value) for value in values
    )


def _ragged(head: str, separator: str, name: str) -> dict[str, Any]:
    """Return the option for a file of which rows end in a separator.

    Errors:
        DataError: a row has more cells than the first.
    """
    rows = _rows(head, separator)
    width = len(rows[0])
    long = [(line, row) for line, row in enumerate(rows, 1) if len(row) > width]
    if not long:
        return {}
    line, row = next(((n, row) for n, row in long if any(row[width:])), (0, []))
    if row:
        raise DataError(
            f"{name} has {width} names in its first line, and {len(row)} values in row {line}."
            " Next: take away what stands above the names, or quote values with a separator in them"
        )
    return {"index_col": False}


def _codes(head: str, separator: str) -> tuple[list[str], list[str]]:
    """Return the columns of digits that are no numbers, such as 01067, and what to know."""
    names, *rows = _rows(head, separator)
    codes, notes = [], []
    for index, name in enumerate(names):
        values = [row[index] for row in rows if index < len(row) and row[index]]
        if any(re.fullmatch(r"0\d+", value) for value in values) and all(map(str.isdigit, values)):
            codes.append(name)
            notes.append(f"{name!r} is read as text: its digits may begin with 0")
        if "NA" in values and all(re.fullmatch("[A-Z]{2}", value) for value in values):
            notes.append(f"{name!r}: NA, one of its codes, is taken for a gap")
    return codes, notes


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
    if "" in twice:
        raise DataError(f"{name} has two columns without a name. Next: name them")
    if twice:
        raise DataError(
            f"{name}: {join_names(map(repr, twice), 5)} {'stands' if len(twice) == 1 else 'stand'}"
            " twice among the columns. Next: rename one"
        )


def texts(table: pd.DataFrame) -> list[Any]:
    """Return the names of the columns of text."""
    return [name for name in table if pd.api.types.is_string_dtype(table[name])]
