"""Which rows of a table are as an input schema says, and why the others are not.

A row is judged, and its values come out, as if the server had been asked with it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from headrace.core.suggest import nearest
from headrace.errors import DataError
from headrace.schema import server_schema
from headrace.schema.coerced import Mask, Taken, blank
from headrace.schema.values import take

NOTHING = "nothing is there"
BOUNDS = {
    "minimum": ("below", np.less, -1),
    "exclusiveMinimum": ("not above", np.less_equal, -1),
    "maximum": ("above", np.greater, 1),
    "exclusiveMaximum": ("not below", np.greater_equal, 1),
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
    for name, said in server_schema.schema(schema, "schema.json")["properties"].items():
        yield (name, *_column(table[name], said))


def refuse_lacking(names: Iterable[str], schema: Mapping[str, Any]) -> None:
    """Refuse a table with columns of these names where it lacks one; see `judge`."""
    there = [*names]
    for name in schema["properties"]:
        if name not in there:
            near = nearest(name, there)
            raise DataError(f"The rows have no column {name}.{near} Next: headrace bundle")


def missing(column: pd.Series) -> Mask:
    """Tell where a column has no value, or an empty text."""
    return blank(column)


def _column(column: pd.Series, said: Mapping[str, Any]) -> tuple[pd.Series, list[tuple[Mask, str]]]:
    """Return a column in its type, and the masks of what is wrong with it."""
    kinds = server_schema.kinds(said)
    kind, optional = next(one for one in kinds if one != "null"), "null" in kinds
    taken = take(column, kind)
    found = [*([] if optional else [(taken.empty, NOTHING)]), *taken.wrong]
    found += [(broken & taken.sound, why) for broken, why in _rules(taken, said)]
    values = taken.array
    if kind == "integer" and optional:
        values = np.where(taken.empty, np.nan, values.astype("float64"))
    return pd.Series(values, index=column.index), found


def _rules(taken: Taken, said: Mapping[str, Any]) -> Iterator[tuple[Mask, str]]:
    """Yield where each rule is broken; of what is not sound it means nothing."""
    for rule, (word, breaks, side) in BOUNDS.items():
        if rule in said:
            with np.errstate(invalid="ignore"):
                broken = breaks(taken.array, said[rule]) & (taken.beyond == 0)
            yield broken | (taken.beyond == side), f"{word} {said[rule]}"
    if "enum" in said:
        known = [value for value in said["enum"] if value is not None]
        among = pd.Series(taken.array).isin(known).to_numpy(bool) & (taken.beyond == 0)
        yield ~among, f"none of {', '.join(map(str, known))}"
    if {*server_schema.TEXTS} & {*said}:
        yield from _wrong_text(taken.array, said)


def _wrong_text(values: pd.Series, said: Mapping[str, Any]) -> Iterator[tuple[Mask, str]]:
    text = values.fillna("")
    lengths = text.str.len().to_numpy()
    if "minLength" in said:
        yield lengths < said["minLength"], f"shorter than {said['minLength']}"
    if "maxLength" in said:
        yield lengths > said["maxLength"], f"longer than {said['maxLength']}"
    if "pattern" in said:
        fits = [one for one in text.unique() if server_schema.fitting(said["pattern"])(one)]
        yield ~text.isin(fits).to_numpy(bool), "not of the form that is asked for"
