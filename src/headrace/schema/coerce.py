"""A column's values as one of JSON Schema's types, exactly as a server reads them from JSON.

Text is read as in a CSV: numbers, true and false are what is written there.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pyarrow import compute

from headrace.schema import json_schema

NUMBER = re.compile(
    r"[+-]?(?:(\d+)|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?)", re.ASCII | re.IGNORECASE
)
LONGEST = 400
"""Digits: a number with more is larger than any float."""
EXACT = float(json_schema.EXACT_FLOATS[1])
"""From here on a float may stand for several integers."""
NOT_A_NUMBER = "not a number"
BOOLEANS = {"true": True, "false": False}
Vector = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


class Coerced(NamedTuple):
    """A column's values in their type, with a placeholder where there is none, and the errors."""

    data: Any
    empty: Mask
    errors: list[tuple[Mask, str]]
    overflow: npt.NDArray[np.int8]
    """For integers: -1 or 1 where one is below or above the range of int64."""

    @property
    def valid(self) -> Mask:
        """Where there is a value, and it is of the type."""
        invalid: Mask = np.logical_or.reduce([self.empty, *(mask for mask, _ in self.errors)])
        return ~invalid


def coerce(column: pd.Series, json_type: str) -> Coerced:
    """Return a column's values as one of JSON Schema's types."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        text = isinstance(column.cat.categories.dtype, pd.StringDtype)
        column = column.astype(column.cat.categories.dtype if text else object)
    if json_type == "boolean":
        return booleans(column, BOOLEANS)
    return {"string": _strings, "integer": _integers, "number": _floats}[json_type](column)


def is_empty(column: pd.Series) -> Mask:
    """Tell where a column has no value, or a text of spaces only."""
    empty = column.isna().to_numpy(bool)
    if isinstance(column.dtype, pd.StringDtype):
        empty = empty | (column.str.strip() == "").fillna(False).to_numpy(bool)
    elif column.dtype == object:
        blank = [isinstance(value, str) and not value.strip() for value in column]
        empty = empty | np.array(blank, bool)
    return empty


def _coerced(values: Any, empty: Mask, *errors: tuple[Mask, str]) -> Coerced:
    return Coerced(values, empty, [*errors], np.zeros(len(empty), np.int8))


def _strings(column: pd.Series) -> Coerced:
    empty = column.isna().to_numpy(bool)
    if isinstance(column.dtype, pd.StringDtype):
        return _coerced(column.astype("str"), empty)
    is_text = np.array([isinstance(value, str) for value in column], bool)
    texts = column.astype(object).where(is_text, None).astype("str")
    return _coerced(texts, empty, (~is_text & ~empty, "not a text"))


def booleans(column: pd.Series, words: Mapping[str, bool]) -> Coerced:
    """Return a column's booleans; `words` are the texts, in lower case, that mean one."""
    empty = is_empty(column)
    if pd.api.types.is_bool_dtype(column):
        return _coerced(column.to_numpy(bool, na_value=False), empty)
    parsed = [words.get(value.lower()) if isinstance(value, str) else value for value in column]
    is_bool = np.array([isinstance(value, bool | np.bool_) for value in parsed], bool)
    values = np.array(
        [value if ok else False for value, ok in zip(parsed, is_bool, strict=True)], bool
    )
    return _coerced(values, empty, (~is_bool & ~empty, "neither true nor false"))


def _floats(column: pd.Series) -> Coerced:
    if pd.api.types.is_integer_dtype(column) or pd.api.types.is_float_dtype(column):
        values, empty = column.to_numpy("float64", na_value=np.nan), column.isna().to_numpy(bool)
    elif (cast := _cast(column, pa.float64())) is not None:
        values, empty = cast.to_numpy(zero_copy_only=False), column.isna().to_numpy(bool)
    else:
        empty = is_empty(column)
        values = np.array([_float(_number(value)) for value in column], "float64")
    return _coerced(values, empty, *_not_finite(values, empty))


def _integers(column: pd.Series) -> Coerced:
    """Return a column's integers; 5.0 is one, as in JSON Schema."""
    empty = column.isna().to_numpy(bool)
    if pd.api.types.is_integer_dtype(column):
        return _from_integers(column, empty)
    if pd.api.types.is_float_dtype(column):
        return _from_floats(column.to_numpy("float64", na_value=np.nan), empty)
    if (cast := _cast(column, pa.int64())) is not None:
        return _coerced(cast.fill_null(0).to_numpy(zero_copy_only=False), empty)
    if (cast := _cast(column, pa.float64())) is not None:
        values = cast.to_numpy(zero_copy_only=False)
        if not (np.abs(values) >= EXACT).any():  # beyond it the text has digits that a float lost
            return _from_floats(values, empty)
    return _from_python([_number(value) for value in column], is_empty(column))


def _from_integers(column: pd.Series, empty: Mask) -> Coerced:
    if pd.api.types.is_signed_integer_dtype(column):
        return _coerced(column.to_numpy("int64", na_value=0), empty)
    values = column.to_numpy("uint64", na_value=0)  # int64 has no place for its upper half
    above = values > json_schema.INT64[1]
    within = np.where(above, 0, values).astype("int64")
    return _coerced(within, empty)._replace(overflow=above.astype(np.int8))


def _from_floats(values: Vector, empty: Mask) -> Coerced:
    finite = np.isfinite(values)
    with np.errstate(invalid="ignore"):  # infinity has no remainder; `finite` leaves it out
        fraction = finite & (values % 1 != 0)
        inexact = finite & ~fraction & (np.abs(values) >= EXACT)
    integers = np.where(finite & ~fraction & ~inexact, values, 0).astype("int64")
    errors = [(fraction, "not an integer"), (inexact, "too large to be exact")]
    return _coerced(integers, empty, *_not_finite(values, empty), *errors)


def _from_python(values: list[int | float], empty: Mask) -> Coerced:
    """Return integers from Python's own, whatever their size."""
    low, high = json_schema.INT64
    floats = np.array([0.0 if isinstance(value, int) else value for value in values])
    integers = [value if isinstance(value, int) else 0 for value in values]
    overflow = np.array([(value > high) - (value < low) for value in integers], np.int8)
    within = np.array([value if low <= value <= high else 0 for value in integers], "int64")
    result = _from_floats(floats, empty)  # either part is 0 where the other has a value
    return result._replace(data=within + result.data, overflow=overflow)


def _not_finite(values: Vector, empty: Mask) -> list[tuple[Mask, str]]:
    return [(np.isnan(values) & ~empty, NOT_A_NUMBER), (np.isinf(values), "not finite")]


def _cast(column: pd.Series, to: Any) -> Any:
    """Return a column of text as numbers, where Arrow reads each of them as `_number` does."""
    if not isinstance(column.dtype, pd.StringDtype):
        return None
    text = pa.array(column)
    if compute.any(compute.match_substring(text, "x", ignore_case=True)).as_py():
        return None  # Arrow reads 0x64 as a hundred
    try:
        return compute.cast(text, to)
    except pa.ArrowInvalid:
        return None


def _number(value: Any) -> int | float:
    """Return an integer or a float; NaN for what is neither."""
    if isinstance(value, str):
        match = NUMBER.fullmatch(value.strip())
        if match is None:
            return np.nan
        return int(match[0]) if match[1] and len(match[0]) <= LONGEST else float(match[0])
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return int(value)
    return float(value) if isinstance(value, float | np.floating | Decimal) else np.nan


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return np.inf if value > 0 else -np.inf
