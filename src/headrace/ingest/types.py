"""Which type each column of a batch has: inputs, what tells rows apart, answers, and truth.

A time without a zone is taken for UTC, and `zoneless` says so.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
from pandas.api import types

from headrace.bundle.golden import PREDICTION
from headrace.gates.model import Predictions
from headrace.schema import infer
from headrace.schema.validate import validate

REQUEST = ("request", "row")
"""What tells the rows apart that a server answered."""
POSITIVE, MODEL = "positive", "model"
ANSWERS = (PREDICTION, POSITIVE, MODEL)
"""What was answered to a row, and by which model."""
READ = {
    PREDICTION: infer.probabilities,
    POSITIVE: infer.booleans,
    REQUEST[0]: infer.text,
    REQUEST[1]: infer.numbers,
}
ZONE = r"(?:[Zz]|[+-]\d\d:?(?:\d\d)?)$"


def typed(column: pd.Series, said: Mapping[str, Any]) -> pd.Series:
    """Return an input in its type, where every value of it is as the schema says."""
    one = {"properties": {"value": said}}
    inputs, reasons = validate(column.to_frame("value"), one)
    if (reasons == "").all():
        return inputs["value"]
    return column.astype("str").where(column.notna(), None) if column.dtype == object else column


def beside(table: pd.DataFrame, names: Iterable[str], spec: Predictions) -> dict[str, pd.Series]:
    """Return columns that stand beside the inputs in their types; the user's own as they are.

    Errors:
        DataError: a value is not of that type; column, value and rows are named.
    """
    answered = {*REQUEST} <= {*table.columns}  # or a row is something of the user's own
    made = {}
    for name in names:
        own = infer.infer if name in (*spec.key, spec.cluster) else None
        known = None if name in REQUEST and not answered else READ.get(name)
        read = infer.booleans if name == spec.label else known or own
        made[name] = read(table[name]) if read else table[name]
    return made


def zoneless(table: pd.DataFrame, spec: Predictions) -> list[str]:
    """Return a sentence for each column that tells times without their zone."""
    names = [name for name in dict.fromkeys([*spec.key, spec.cluster]) if name in table]
    bare = [name for name in names if _is_bare(table[name])]
    return [f"{name} has times without a zone: they are taken for UTC" for name in bare]


def _is_bare(column: pd.Series) -> bool:
    if types.is_datetime64_any_dtype(column.dtype):
        return getattr(column.dt, "tz", None) is None
    if types.is_numeric_dtype(column.dtype):
        return False
    text = infer.text(column).dropna()
    told = text[pd.to_numeric(text, errors="coerce").isna() & infer.parse_times(text).notna()]
    return not told.str.contains(ZONE).all()
