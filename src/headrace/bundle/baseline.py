"""The drift baseline: what each input looked like where the model learned."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from headrace.bundle.golden import PREDICTION
from headrace.errors import DataError

VERSION = 2
MOST = 1000
"""Categories with a count of their own: the commonest; the rest share one."""
DISTINCT = 2000
"""A number with so many values or fewer keeps each of them with its count."""
POINTS = 1001
"""A number with more keeps so many of its sorted values, each for the rows around it."""


def describe(learned: pd.DataFrame, *, predictions: npt.ArrayLike, periods: int) -> dict[str, Any]:
    """Describe each column that the model learned from, and its predictions, as plain values.

    `predictions` are those of the rows on which the model was judged, which it had not seen;
    `periods` are the batches that the learned rows would make, so `volume` is the rows that one is
    expected to have.

    A number has values with counts: all of them, or POINTS that stand for the rows around them.
    Text, true and false have the counts of their values. Counts are of rows; `missing` is a share.

    Errors:
        DataError: there are no rows, no periods or no predictions.
    """
    answers = pd.Series(np.asarray(predictions, dtype="float64"))
    if not len(learned) or not len(answers) or periods < 1:
        raise DataError(
            f"A baseline needs rows ({len(learned):,}), periods ({periods}) and predictions"
            f" ({len(answers):,}). Next: see what was given to headrace.bundle.build"
        )
    columns = {str(name): _column(learned[name]) for name in learned}
    known = {"version": VERSION, "rows": len(learned), "volume": len(learned) / periods}
    return {**known, "columns": columns, PREDICTION: _column(answers)}


def _column(column: pd.Series) -> dict[str, Any]:
    number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    found, known = _number(column) if number else _category(column)
    missing = 1 - known / len(column)
    kind = "number" if number else "category"
    return {"kind": kind, "rows": len(column), "missing": missing, **found}


def _number(column: pd.Series) -> tuple[dict[str, Any], int]:
    values = column.to_numpy("float64", na_value=np.nan)
    values = np.sort(values[np.isfinite(values)])
    known = len(values)
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) > DISTINCT:
        ends = np.linspace(0, known, POINTS + 1).round().astype(int)
        middle = values[(ends[:-1] + ends[1:]) // 2]
        distinct, first = np.unique(middle, return_index=True)
        counts = np.add.reduceat(np.diff(ends), first)
    return {"values": distinct.tolist(), "counts": counts.tolist()}, known


def _category(column: pd.Series) -> tuple[dict[str, Any], int]:
    texts = column.dropna().astype(str)
    counts = texts.value_counts(sort=False)
    ordered = sorted(counts.items(), key=lambda pair: (-int(pair[1]), str(pair[0])))
    kept = {str(name): int(count) for name, count in ordered[:MOST]}
    return {"counts": kept, "others": len(texts) - sum(kept.values())}, len(texts)
