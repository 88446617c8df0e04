"""A column's values as the server takes them from JSON, and which of them it would refuse.

Text is read as a CSV has it: numbers, and true and false, by what is written there.
"""

import numpy as np
import pandas as pd

from headrace.schema import numbers
from headrace.schema.coerced import Taken, blank, made

WORDS = {"true": True, "false": False}


def take(column: pd.Series, kind: str) -> Taken:
    """Return a column's values as one of JSON Schema's types."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        text = isinstance(column.cat.categories.dtype, pd.StringDtype)
        column = column.astype(column.cat.categories.dtype if text else object)
    if kind == "string":
        return _texts(column)
    if kind == "boolean":
        return _truths(column)
    return numbers.wholes(column) if kind == "integer" else numbers.floats(column)


def _texts(column: pd.Series) -> Taken:
    empty = column.isna().to_numpy(bool)
    if isinstance(column.dtype, pd.StringDtype):
        return made(column.astype("str"), empty)
    text = np.array([isinstance(one, str) for one in column], bool)
    only = column.astype(object).where(text, None).astype("str")
    return made(only, empty, (~text & ~empty, "no text"))


def _truths(column: pd.Series) -> Taken:
    empty = blank(column)
    if pd.api.types.is_bool_dtype(column):
        return made(column.to_numpy(bool, na_value=False), empty)
    known = [WORDS.get(one.lower()) if isinstance(one, str) else one for one in column]
    truth = np.array([isinstance(one, bool | np.bool_) for one in known], bool)
    values = np.array(
        [bool(one) if here else False for one, here in zip(known, truth, strict=True)]
    )
    return made(values.astype(bool), empty, (~truth & ~empty, "neither true nor false"))
