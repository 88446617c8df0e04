"""The type of each column of a batch: inputs, keys, predictions, labels, the user's own columns."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
from pandas.api import types

from headrace.bundle.golden import PREDICTION
from headrace.gates.model import Predictions
from headrace.schema import column_types
from headrace.schema.validate import validate

REQUEST = ("request", "row")
"""The columns that identify a row of a server's log."""
POSITIVE, MODEL = "positive", "model"
PREDICTED = (PREDICTION, POSITIVE, MODEL)
"""The columns of a prediction, with the model that made it."""
COERCE = {
    PREDICTION: column_types.probabilities,
    POSITIVE: column_types.booleans,
    REQUEST[0]: column_types.text,
    REQUEST[1]: column_types.numbers,
}
ZONE = r"(?:[Zz]|[+-]\d\d:?(?:\d\d)?)$"


def coerce_input(column: pd.Series, rule: Mapping[str, Any]) -> pd.Series:
    """Return an input in its type; a column with a value that violates its rule stays as text."""
    inputs, reasons = validate(column.to_frame("value"), {"properties": {"value": rule}})
    if (reasons == "").all():
        return inputs["value"]
    return column.astype("str").where(column.notna(), None) if column.dtype == object else column


def coerce_columns(
    table: pd.DataFrame, names: Iterable[str], spec: Predictions
) -> dict[str, pd.Series]:
    """Return the columns beside the inputs in their types; the user's own stay as they are.

    Errors:
        DataError: a value has another type; column, value and row are named.
    """
    logged = {*REQUEST} <= {*table.columns}  # alone, a column `row` is the user's own
    columns = {}
    for name in names:
        function = COERCE.get(name) if logged or name not in REQUEST else None
        if name == spec.label:
            function = column_types.booleans
        elif function is None and name in (*spec.key, spec.cluster):
            function = column_types.infer
        columns[name] = function(table[name]) if function else table[name]
    return columns


def time_zone_notes(table: pd.DataFrame, spec: Predictions) -> list[str]:
    """Return a note for each column with times without a time zone, which are read as UTC."""
    names = [name for name in dict.fromkeys([*spec.key, spec.cluster]) if name in table]
    return [
        f"{name} has times without a time zone; they are read as UTC"
        for name in names
        if _lacks_zone(table[name])
    ]


def _lacks_zone(column: pd.Series) -> bool:
    if types.is_datetime64_any_dtype(column.dtype):
        return getattr(column.dt, "tz", None) is None
    if types.is_numeric_dtype(column.dtype):
        return False
    text = column_types.text(column).dropna()
    is_number = pd.to_numeric(text, errors="coerce").notna()
    times = text[~is_number & column_types.parse_times(text).notna()]
    return not times.str.contains(ZONE).all()
