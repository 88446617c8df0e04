"""Golden rows: inputs with the predictions that the model gave where it was made."""

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

PREDICTION = "prediction"
CLOSE = 1e-9
"""How far a prediction may be off: another processor may round the last bits otherwise."""
SHOWN = 5
Vector = npt.NDArray[np.float64]


def choose(table: pd.DataFrame, *, rows: int, seed: int) -> pd.DataFrame:
    """Return so many rows drawn at random, in their order, and those at each column's ends first.

    The row with the least and the one with the largest value of every number are among them, and
    one that lacks the value where any does: where a mistake would show.
    """
    edges: list[Any] = []
    for name in table.select_dtypes("number"):
        column = table[name]
        known = column.dropna()
        edges += [known.idxmin(), known.idxmax()] if len(known) else []
        edges += list(column[column.isna()].index[:1])
    first = [*dict.fromkeys(edges)][:rows]
    rest = table.drop(index=first)
    drawn = rest.sample(min(rows - len(first), len(rest)), random_state=seed).index
    return table.loc[sorted([*first, *drawn])].reset_index(drop=True)


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows as JSON has them: plain numbers and texts, exactly, and null where one lacks."""
    plain = table.astype(object).where(table.notna(), None)
    return [
        {
            str(name): getattr(value, "item", lambda value=value: value)()
            for name, value in row.items()
        }
        for row in plain.to_dict("records")
    ]


def frame(rows: Sequence[Mapping[str, Any]], schema: Mapping[str, Any]) -> pd.DataFrame:
    """Return rows from JSON as a table with the columns and types of an input schema, in order."""
    names = schema["properties"]
    return columns(([*map(itemgetter(name), rows)] for name in names), schema)


def columns(listed: Iterable[Sequence[Any]], schema: Mapping[str, Any]) -> pd.DataFrame:
    """Return values from JSON, column by column in the schema's order, as `frame` returns rows."""
    said = schema["properties"].items()
    made = {
        name: _column(values, _type(one["type"]))
        for (name, one), values in zip(said, listed, strict=True)
    }
    return pd.DataFrame(made, copy=False)


def _column(values: Sequence[Any], kind: str) -> Any:
    return pd.array(values, dtype="str") if kind == "str" else np.array(values, dtype=kind)


def _type(said: str | list[str]) -> str:
    """Return pandas' type for one of JSON Schema; a whole number that may be missing is a float."""
    kinds = [said] if isinstance(said, str) else said
    if "integer" in kinds:
        return "float64" if "null" in kinds else "int64"
    return {"number": "float64", "boolean": "bool"}.get(kinds[0], "str")


def differences(expected: Vector, predicted: Vector) -> pd.DataFrame:
    """Return the rows whose prediction is not what it was: row (from 1), expected, predicted."""
    off = ~np.isclose(predicted, expected, rtol=0, atol=CLOSE, equal_nan=True)
    places = np.flatnonzero(off)
    columns = {"row": places + 1, "expected": expected[places], "predicted": predicted[places]}
    return pd.DataFrame(columns)


def format_differences(found: pd.DataFrame) -> str:
    """Return the rows that differ as a table of text, the first few of them."""
    lines = found.head(SHOWN).to_string(index=False, float_format=lambda value: f"{value:.12f}")
    more = f"\n… and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return lines + more
