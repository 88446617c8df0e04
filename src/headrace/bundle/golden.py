"""Golden rows: inputs with the predictions that the model made where it was trained."""

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from headrace.schema.json_schema import value_types

PREDICTION = "prediction"
CLOSE = 1e-9
"""How far a prediction may be off: another processor may round the last bits differently."""
SHOWN = 5
Vector = npt.NDArray[np.float64]


def choose(table: pd.DataFrame, *, rows: int, seed: int) -> pd.DataFrame:
    """Return rows at the ends of each column and others drawn at random, in the table's order.

    The rows with the lowest and the highest value of every number are among them, and one with a
    missing value where there is any: an error would show there.
    """
    ends: list[Any] = []
    for name in table.select_dtypes("number"):
        column = table[name]
        values = column.dropna()
        ends += [values.idxmin(), values.idxmax()] if len(values) else []
        ends += list(column[column.isna()].index[:1])
    first = [*dict.fromkeys(ends)][:rows]
    rest = table.drop(index=first)
    drawn = rest.sample(min(rows - len(first), len(rest)), random_state=seed).index
    return table.loc[sorted([*first, *drawn])].reset_index(drop=True)


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows for JSON: exact numbers and texts, and null where a value is missing."""
    # Of objects, `to_dict` makes Python's own numbers, which alone are exact in JSON.
    objects = table.astype(object).where(table.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in objects.to_dict("records")]


def frame(rows: Sequence[Mapping[str, Any]], schema: Mapping[str, Any]) -> pd.DataFrame:
    """Return rows from JSON as a table with the columns and types of an input schema, in order."""
    names = schema["properties"]
    return columns(([*map(itemgetter(name), rows)] for name in names), schema)


def columns(values: Iterable[Sequence[Any]], schema: Mapping[str, Any]) -> pd.DataFrame:
    """Return values from JSON, column by column in the schema's order, as `frame` returns rows."""
    pairs = zip(schema["properties"].items(), values, strict=True)
    arrays = {name: _array(column, _dtype(rules)) for (name, rules), column in pairs}
    return pd.DataFrame(arrays, copy=False)


def _array(values: Sequence[Any], dtype: str) -> Any:
    return pd.array(values, dtype="str") if dtype == "str" else np.array(values, dtype=dtype)


def _dtype(rules: Mapping[str, Any]) -> str:
    """Return pandas' type for a property; a nullable integer is a float."""
    # NumPy's integers have no missing value, and scikit-learn takes no nullable ones of pandas'.
    types = value_types(rules)
    if "integer" in types:
        return "float64" if "null" in types else "int64"
    return {"number": "float64", "boolean": "bool"}.get(types[0], "str")


def differences(expected: Vector, predicted: Vector) -> pd.DataFrame:
    """Return the rows whose predictions differ: row (from 1), expected, predicted.

    Both have the shape (rows,); two missing predictions are equal.
    """
    differs = ~np.isclose(predicted, expected, rtol=0, atol=CLOSE, equal_nan=True)
    places = np.flatnonzero(differs)
    content = {"row": places + 1, "expected": expected[places], "predicted": predicted[places]}
    return pd.DataFrame(content)


def format_differences(table: pd.DataFrame) -> str:
    """Return the rows that differ as a table of text, the first few of them."""
    lines = table.head(SHOWN).to_string(index=False, float_format=lambda value: f"{value:.12f}")
    rest = f"\n… and {len(table) - SHOWN} more" if len(table) > SHOWN else ""
    return lines + rest
