"""A column's values read as one type: times, whole numbers, text, chances, or true and false."""

import pandas as pd
from pandas.api import types

from headrace.errors import DataError

EXACT = 2**53
"""Up to which a float holds every whole number."""


def plain(column: pd.Series) -> pd.Series:
    """Return a column as whole numbers, as times in UTC, or as text: the first that all fit.

    Errors:
        DataError: some of its values are times and others are not.
    """
    if types.is_datetime64_any_dtype(column.dtype):
        return times(column)
    if not _is_number(column):
        read = text(column)
        if (pd.to_numeric(read, errors="coerce").isna() & read.notna()).any():
            return times(column) if read_times(read).notna().any() else read
    return numbers(column)


def like(column: pd.Series, other: pd.Series) -> pd.Series:
    """Return a column in the type of another one, which is as `plain` returns it.

    Errors:
        DataError: a value is not of that type; column, value and rows are named.
    """
    if types.is_datetime64_any_dtype(other.dtype):
        return times(column)
    return numbers(column) if _is_number(other) else text(column)


WORDS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}


def truths(column: pd.Series) -> pd.Series:
    """Return what turned out as true, false or not known yet.

    Errors:
        DataError: a value is none of them.
    """
    if types.is_bool_dtype(column):
        return column.astype("boolean")
    read = column.astype("str").str.strip().str.lower()
    empty = column.isna() | read.isin(["", "nan", "none", "<na>"])
    strange = ~empty & ~read.isin([*WORDS])
    step = "leave it empty where it is not known yet"
    _refuse(column, strange, "neither true nor false", step)
    known: pd.Series = read.map(WORDS).where(~empty).astype("boolean")
    return known


def chances(column: pd.Series) -> pd.Series:
    """Return probabilities, 0 to 1, or missing.

    Errors:
        DataError: a value is none.
    """
    found = numbers(column).astype("float64")
    _refuse(column, found.notna() & ~found.between(0, 1), "outside 0 to 1", "see what wrote it")
    return found


def times(column: pd.Series) -> pd.Series:
    """Return times in UTC; one without a zone is taken for UTC.

    Errors:
        DataError: a value is no time.
    """
    if types.is_datetime64_any_dtype(column.dtype):
        return pd.to_datetime(column, utc=True).dt.as_unit("us")
    read = text(column)
    found = read_times(read)
    step = "write it such as 2013-10-01T05:00:00Z"
    _refuse(column, found.isna() & read.notna(), "no time", step)
    return found


def read_times(read: pd.Series) -> pd.Series:
    """Return texts as times in UTC, by ISO 8601; one that is none is missing."""
    found = pd.to_datetime(read, utc=True, format="ISO8601", errors="coerce")
    return found.dt.as_unit("us")


def numbers(column: pd.Series) -> pd.Series:
    """Return numbers, whole ones where all of them are, also where some are missing.

    Errors:
        DataError: a value is no number.
    """
    if _is_number(column):
        return _whole(column)
    read = text(column)
    found = pd.to_numeric(read, errors="coerce")
    _refuse(column, found.isna() & read.notna(), "no number", "see what wrote it")
    return _whole(found)


def text(column: pd.Series) -> pd.Series:
    """Return text without spaces around it; empty text is missing, and 1.0 is 1."""
    column = _whole(column) if _is_number(column) else column
    read = column.astype(object).where(column.notna(), None).map(str, na_action="ignore")
    read = read.astype("str").str.strip()
    return read.where(read != "")


def _is_number(column: pd.Series) -> bool:
    return types.is_numeric_dtype(column.dtype) and not types.is_bool_dtype(column.dtype)


def _whole(column: pd.Series) -> pd.Series:
    values = column.astype("Float64")
    known = values[column.notna()]
    exact = types.is_integer_dtype(column.dtype) or ((known % 1 == 0) & (known.abs() <= EXACT))
    if not (exact if isinstance(exact, bool) else exact.all()):
        return column.astype("float64")
    return column.astype("Int64" if column.isna().any() else "int64")


def _refuse(column: pd.Series, wrong: pd.Series, why: str, step: str) -> None:
    """Refuse a column where rows are wrong: the first is shown, and the others are counted."""
    if not wrong.any():
        return
    first, rows = int(wrong.to_numpy().argmax()), int(wrong.sum())
    value = column.iloc[first]
    shown = repr(value) if isinstance(value, str) else str(value)
    more = f", and so are {rows - 1:,} more rows" if rows > 1 else ""
    raise DataError(f"{column.name} is {shown} in row {first + 1}, {why}{more}. Next: {step}")
