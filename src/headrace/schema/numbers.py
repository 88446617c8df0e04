"""A column's numbers, whole ones exactly, as the server takes them from JSON."""

import re
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pyarrow import compute

from headrace.schema import server_schema
from headrace.schema.coerced import Mask, Taken, blank, made

NUMBER = re.compile(
    r"[+-]?(?:(\d+)|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?)", re.ASCII | re.IGNORECASE
)
LONGEST = 400
"""Digits: a number of more is larger than any float."""
EXACT = float(server_schema.EXACT[1])
"""From here on a float may stand for several whole numbers."""
Vector = npt.NDArray[np.float64]


def floats(column: pd.Series) -> Taken:
    """Return a column's numbers as floats."""
    if _is_whole(column) or pd.api.types.is_float_dtype(column):
        values, empty = column.to_numpy("float64", na_value=np.nan), column.isna().to_numpy(bool)
    elif (cast := _cast(column, pa.float64())) is not None:
        values, empty = cast.to_numpy(zero_copy_only=False), column.isna().to_numpy(bool)
    else:
        empty = blank(column)
        values = np.array([_float(_number(one)) for one in column], "float64")
    return made(values, empty, *_no_numbers(values, empty))


def wholes(column: pd.Series) -> Taken:
    """Return a column's whole numbers; 5.0 is one, as it is to JSON Schema."""
    empty = column.isna().to_numpy(bool)
    if _is_whole(column):
        return _from_whole(column, empty)
    if pd.api.types.is_float_dtype(column):
        return _from_floats(column.to_numpy("float64", na_value=np.nan), empty)
    if (cast := _cast(column, pa.int64())) is not None:
        return made(cast.fill_null(0).to_numpy(zero_copy_only=False), empty)
    if (cast := _cast(column, pa.float64())) is not None:
        values = cast.to_numpy(zero_copy_only=False)
        if not (np.abs(values) >= EXACT).any():
            return _from_floats(values, empty)
    return _from_python([_number(one) for one in column], blank(column))


def _is_whole(column: pd.Series) -> bool:
    return bool(pd.api.types.is_integer_dtype(column))


def _from_whole(column: pd.Series, empty: Mask) -> Taken:
    if pd.api.types.is_signed_integer_dtype(column):
        return made(column.to_numpy("int64", na_value=0), empty)
    values = column.to_numpy("uint64", na_value=0)
    beyond = values > server_schema.WHOLE[1]
    kept = np.where(beyond, 0, values).astype("int64")
    return made(kept, empty)._replace(beyond=beyond.astype(np.int8))


def _from_floats(values: Vector, empty: Mask) -> Taken:
    finite = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        part = finite & (values % 1 != 0)
        far = finite & ~part & (np.abs(values) >= EXACT)
    kept = np.where(finite & ~part & ~far, values, 0).astype("int64")
    wrong = [(part, "no whole number"), (far, "too large to be exact")]
    return made(kept, empty, *_no_numbers(values, empty), *wrong)


def _from_python(values: list[int | float], empty: Mask) -> Taken:
    """Return whole numbers from Python's own, whatever their size."""
    low, high = server_schema.WHOLE
    known = [isinstance(one, int) for one in values]
    found = _from_floats(np.array([0.0 if isinstance(v, int) else v for v in values]), empty)
    ints = [one if isinstance(one, int) else 0 for one in values]
    beyond = np.array([(one > high) - (one < low) for one in ints], np.int8)
    kept = np.array([one if low <= one <= high else 0 for one in ints], "int64")
    return found._replace(array=np.where(known, kept, found.array), beyond=beyond)


def _no_numbers(values: Vector, empty: Mask) -> list[tuple[Mask, str]]:
    return [(np.isnan(values) & ~empty, "no number"), (np.isinf(values), "not finite")]


def _cast(column: pd.Series, to: Any) -> Any:
    """Return a column of text as numbers, where Arrow knows them all and reads them as we do."""
    if not isinstance(column.dtype, pd.StringDtype):
        return None
    text = pa.array(column)
    if compute.any(compute.match_substring(text, "x", ignore_case=True)).as_py():
        return None  # it would take 0x64 for a hundred
    try:
        return compute.cast(text, to)
    except pa.ArrowInvalid:
        return None


def _number(value: Any) -> int | float:
    """Return a whole number or a float; NaN for what is neither."""
    if isinstance(value, str):
        found = NUMBER.fullmatch(value.strip())
        if found is None:
            return np.nan
        return int(found[0]) if found[1] and len(found[0]) <= LONGEST else float(found[0])
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return int(value)
    return float(value) if isinstance(value, float | np.floating | Decimal) else np.nan


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return np.inf if value > 0 else -np.inf
