"""Which rows of a table are as an input schema says, and why the others are not."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from headrace.errors import DataError
from headrace.words import nearest

Mask = npt.NDArray[np.bool_]
NOTHING = "nothing is there"
BOUNDS = {
    "minimum": ("below", np.less),
    "exclusiveMinimum": ("not above", np.less_equal),
    "maximum": ("above", np.greater),
    "exclusiveMaximum": ("not below", np.greater_equal),
}


def judge(table: pd.DataFrame, schema: Mapping[str, Any]) -> tuple[pd.DataFrame, pd.Series]:
    """Return the inputs in their types, and for each row why it is refused ("" where it is not).

    What a refused row holds in the table of inputs means nothing.

    Errors:
        DataError: the table lacks a column; the nearest name is shown.
    """
    reasons = pd.Series("", index=table.index)
    inputs: dict[str, pd.Series] = {}
    for name, typed, found in columns(table, schema):
        inputs[name] = typed
        for wrong, why in found:
            first = wrong & (reasons == "").to_numpy()
            reasons[first] = f"{name}: {why}"
    return pd.DataFrame(inputs), reasons


def columns(
    table: pd.DataFrame, schema: Mapping[str, Any]
) -> Iterator[tuple[str, pd.Series, list[tuple[Mask, str]]]]:
    """Yield each input's name, its values in their type, and every breach: which rows, and why.

    Errors:
        DataError: the table lacks a column; the nearest name is shown.
    """
    refuse_lacking(map(str, table.columns), schema)
    for name, said in schema["properties"].items():
        yield (name, *_column(table[name], said))


def refuse_lacking(names: Iterable[str], schema: Mapping[str, Any]) -> None:
    """Refuse a table with columns of these names where it lacks one; see `judge`."""
    there = [*names]
    for name in schema["properties"]:
        if name not in there:
            near = nearest(name, there)
            raise DataError(f"The rows have no column {name}.{near} Next: headrace bundle")


def _column(column: pd.Series, said: Mapping[str, Any]) -> tuple[pd.Series, list[tuple[Mask, str]]]:
    """Return a column in its type, and the masks of what is wrong with it."""
    kinds = {said["type"]} if isinstance(said["type"], str) else set(said["type"])
    empty = missing(column)
    found = [(empty, NOTHING)] if "null" not in kinds else []
    if kinds & {"integer", "number"}:
        values, wrong = _numbers(column, empty, whole="integer" in kinds)
        return values, [*found, *wrong, *_out_of_bounds(values, said)]
    if "boolean" in kinds:
        text = column.astype("str").str.lower()
        known = text.isin(["true", "false"]).to_numpy()
        return text == "true", [*found, (~known & ~empty, "neither true nor false")]
    text = column.astype("str").where(~empty, None)
    return text.astype("str"), [*found, *_wrong_text(text.fillna(""), empty, said)]


def missing(column: pd.Series) -> Mask:
    """Tell where a column has no value, or an empty text."""
    empty = column.isna()
    if not pd.api.types.is_numeric_dtype(column):
        empty |= column.astype("str").str.strip() == ""
    return empty.to_numpy()


def _numbers(
    column: pd.Series, missing: Mask, *, whole: bool
) -> tuple[pd.Series, list[tuple[Mask, str]]]:
    known = pd.to_numeric(column.where(~missing), errors="coerce").astype("float64")
    values = known.to_numpy()
    with np.errstate(invalid="ignore"):
        wrong = [(np.isnan(values) & ~missing, "no number"), (np.isinf(values), "not finite")]
        if whole:
            wrong.append((np.isfinite(values) & (values % 1 != 0), "no whole number"))
    if not whole:
        return known, wrong
    return known.where(np.isfinite(values), 0).astype("int64"), wrong


def _out_of_bounds(values: pd.Series, said: Mapping[str, Any]) -> Iterator[tuple[Mask, str]]:
    for name, (word, beyond) in BOUNDS.items():
        if name in said:
            with np.errstate(invalid="ignore"):
                yield beyond(values.to_numpy("float64"), said[name]), f"{word} {said[name]}"


def _wrong_text(
    text: pd.Series, missing: Mask, said: Mapping[str, Any]
) -> Iterator[tuple[Mask, str]]:
    if "enum" in said:
        known = [value for value in said["enum"] if value is not None]
        yield ~text.isin(known).to_numpy() & ~missing, f"none of {', '.join(map(str, known))}"
    lengths = text.str.len().to_numpy()
    if "minLength" in said:
        yield (lengths < said["minLength"]) & ~missing, f"shorter than {said['minLength']}"
    if "maxLength" in said:
        yield (lengths > said["maxLength"]) & ~missing, f"longer than {said['maxLength']}"
    if "pattern" in said:
        fits = text.str.contains(said["pattern"], regex=True).to_numpy("bool")
        yield ~fits & ~missing, "not of the form that is asked for"
