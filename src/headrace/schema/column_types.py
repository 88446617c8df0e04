"""A column's type found from its values: numbers, times in UTC, or text; and booleans by name."""

from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from headrace.errors import DataError
from headrace.schema import coerce
from headrace.schema.coerce import NOT_A_NUMBER, Mask

BOOLEANS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
EMPTY_WORDS = ["nan", "none", "<na>"]


def infer(column: pd.Series) -> pd.Series:
    """Return a column as integers or floats, as times in UTC, or as text: the first that fits all.

    Errors:
        DataError: some of its values are times and others are not.
    """
    if types.is_datetime64_any_dtype(column.dtype):
        return times(column)
    values, wrong = _numbers(column)
    if not wrong.any():
        return values
    texts = text(column)
    # One time is enough: `times` then refuses the others, which as text would sort wrongly.
    return times(column) if parse_times(texts).notna().any() else texts


def convert_like(column: pd.Series, model: pd.Series) -> pd.Series:
    """Return a column in the type of `model`, a column that `infer` returned.

    Errors:
        DataError: a value is not of that type; column, value and rows are named.
    """
    if types.is_datetime64_any_dtype(model.dtype):
        return times(column)
    return numbers(column) if _is_number(model) else text(column)


def booleans(column: pd.Series) -> pd.Series:
    """Return outcomes as true, false or missing.

    Errors:
        DataError: a value is none of them.
    """
    if types.is_bool_dtype(column):
        return column.astype("boolean")
    read = column.astype("str").str.strip().str.lower()
    read = read.where(~read.isin(["", *EMPTY_WORDS]))
    values = coerce.booleans(read, BOOLEANS)
    [(wrong, reason)] = values.errors
    _refuse(column, wrong, reason, "leave it empty where it is not known yet")
    return _masked(values.data, values.empty, column, "boolean")


def probabilities(column: pd.Series) -> pd.Series:
    """Return probabilities, 0 to 1, or missing.

    Errors:
        DataError: a value is none.
    """
    values = numbers(column).astype("float64")
    wrong = (values.notna() & ~values.between(0, 1)).to_numpy(bool)
    _refuse(column, wrong, "not between 0 and 1", "check the program that wrote it")
    return values


def times(column: pd.Series) -> pd.Series:
    """Return times in UTC; one without a zone is taken for UTC.

    Errors:
        DataError: a value is not a time.
    """
    # Microseconds, as Parquet keeps them: pandas' own unit differs by how a column was read.
    if types.is_datetime64_any_dtype(column.dtype):
        return pd.to_datetime(column, utc=True).dt.as_unit("us")
    texts = text(column)
    values = parse_times(texts)
    wrong = (values.isna() & texts.notna()).to_numpy(bool)
    _refuse(column, wrong, "not a time", "write it such as 2013-10-01T05:00:00Z")
    return values


def parse_times(texts: pd.Series) -> pd.Series:
    """Return texts in ISO 8601 as times in UTC; any other text becomes missing."""
    return pd.to_datetime(texts, utc=True, format="ISO8601", errors="coerce").dt.as_unit("us")


def numbers(column: pd.Series) -> pd.Series:
    """Return numbers; integers where all of them are, also where some are missing.

    Errors:
        DataError: a value is not a number.
    """
    values, wrong = _numbers(column)
    _refuse(column, wrong, NOT_A_NUMBER, "check the program that wrote it")
    return values


def text(column: pd.Series) -> pd.Series:
    """Return text without spaces around it; empty text is missing, and 1.0 is 1."""
    column = _numbers(column)[0] if _is_number(column) else column
    texts = column.astype(object).where(column.notna(), None).map(str, na_action="ignore")
    texts = texts.astype("str").str.strip()
    return texts.where(texts != "")


def _is_number(column: pd.Series) -> bool:
    return types.is_numeric_dtype(column.dtype) and not types.is_bool_dtype(column.dtype)


def _numbers(column: pd.Series) -> tuple[pd.Series, Mask]:
    """Return numbers, integers if all are exact ones, and which values are not numbers."""
    integers = coerce.coerce(column, "integer")
    nowhere = np.zeros(len(column), bool)
    wrong: dict[str, Mask] = {reason: mask for mask, reason in integers.errors if mask.any()}
    if not wrong and not integers.overflow.any():
        values = _masked(integers.data, integers.empty, column, "Int64")
        return values if integers.empty.any() else values.astype("int64"), nowhere
    floats = coerce.coerce(column, "number")
    values = pd.Series(np.where(floats.empty, np.nan, floats.data), column.index, name=column.name)
    return values, wrong.get(NOT_A_NUMBER, nowhere)


def _masked(values: Any, empty: Mask, column: pd.Series, dtype: str) -> pd.Series:
    """Return values of a nullable type, missing where `empty`, with a column's index and name."""
    return pd.Series(values, column.index, dtype=dtype, name=column.name).mask(empty)


def _refuse(column: pd.Series, wrong: Mask, reason: str, step: str) -> None:
    """Refuse a column with wrong rows: the first is shown, and the others are counted."""
    if not wrong.any():
        return
    first, rows = int(wrong.argmax()), int(wrong.sum())
    value = column.iloc[first]
    value_text = repr(value) if isinstance(value, str) else str(value)
    rest = f" (and {rows - 1:,} more rows)" if rows > 1 else ""
    raise DataError(
        f"{column.name} is {value_text} in row {first + 1}: {reason}{rest}. Next: {step}"
    )
