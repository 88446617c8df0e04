"""The drift baseline of a bundle: the distribution of each input that the model learned from.

`describe` makes it as plain values for baseline.json, and `parse` reads it again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from headrace.bundle.golden import PREDICTION
from headrace.errors import DataError
from headrace.stats.scores import Array

VERSION = 2
MOST = 1000
"""Categories with a count of their own: the most frequent; the others share one."""
DISTINCT = 2000
"""A number with so many values or fewer keeps each of them with its count."""
POINTS = 1001
"""A number with more values keeps so many quantiles, each for the rows around it."""
STEP = "Next: dvc repro hand_off"


def describe(learned: pd.DataFrame, *, predictions: npt.ArrayLike, periods: int) -> dict[str, Any]:
    """Describe each column that the model learned from, and its predictions, as plain values.

    `predictions` are those of the evaluation rows, which the model had not seen; `periods` is the
    number of batches that the learned rows would make, and `volume` the rows expected of one.

    A number has values with counts: all of them, or POINTS quantiles. Text and booleans have the
    counts of their values. Counts are of rows; `missing` is a share.

    Errors:
        DataError: there are no rows, no periods or no predictions.
    """
    predicted = pd.Series(np.asarray(predictions, dtype="float64"))
    if not len(learned) or not len(predicted) or periods < 1:
        raise DataError(
            f"A baseline needs rows ({len(learned):,}), periods ({periods}) and predictions"
            f" ({len(predicted):,}). Next: check the arguments of headrace.bundle.build"
        )
    columns = {str(name): _describe_column(learned[name]) for name in learned}
    totals = {"version": VERSION, "rows": len(learned), "volume": len(learned) / periods}
    return {**totals, "columns": columns, PREDICTION: _describe_column(predicted)}


def _describe_column(column: pd.Series) -> dict[str, Any]:
    is_number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    counts, present = _number(column) if is_number else _category(column)
    kind = "number" if is_number else "category"
    missing = 1 - present / len(column)
    return {"kind": kind, "rows": len(column), "missing": missing, **counts}


def _number(column: pd.Series) -> tuple[dict[str, Any], int]:
    """Return values with their counts, and the number of finite values."""
    values = column.to_numpy("float64", na_value=np.nan)
    values = np.sort(values[np.isfinite(values)])
    present = len(values)
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) > DISTINCT:
        ends = np.linspace(0, present, POINTS + 1).round().astype(int)
        middle = values[(ends[:-1] + ends[1:]) // 2]
        # A frequent value is the middle of several shares: it stands once, with all their rows.
        distinct, first = np.unique(middle, return_index=True)
        counts = np.add.reduceat(np.diff(ends), first)
    return {"values": distinct.tolist(), "counts": counts.tolist()}, present


def _category(column: pd.Series) -> tuple[dict[str, Any], int]:
    """Return the counts of the most frequent texts, and the number of texts."""
    texts = column.dropna().astype(str)
    counts = texts.value_counts(sort=False)
    # Equal counts by name: the order in which rows came must not change the bundle's bytes.
    ordered = sorted(counts.items(), key=lambda pair: (-int(pair[1]), str(pair[0])))
    frequent = {str(name): int(count) for name, count in ordered[:MOST]}
    return {"counts": frequent, "others": len(texts) - sum(frequent.values())}, len(texts)


@dataclass(frozen=True)
class Column:
    """A column of the rows that the model learned from."""

    name: str
    unit: str
    rows: int
    missing: int
    """Rows without a value."""
    counts: Array
    """The rows of each value."""

    @property
    def missing_share(self) -> float:
        """The share of rows without a value."""
        return self.missing / self.rows


@dataclass(frozen=True)
class Number(Column):
    """A column of numbers."""

    levels: Array
    """Its values, ascending."""


@dataclass(frozen=True)
class Category(Column):
    """A column of texts or booleans."""

    names: tuple[str, ...]
    """Its values, the most common first."""
    unlisted: int
    """Rows with a value that is not in `names`; 0 where all values are."""


@dataclass(frozen=True)
class Baseline:
    """The inputs that the model learned from, its predictions, the rows of one period."""

    volume: float
    columns: dict[str, Column]
    prediction: Number


def parse(content: Mapping[str, Any], schema: Mapping[str, Any], file: str) -> Baseline:
    """Return the baseline that plain values describe; `file` names its bundle in messages.

    Errors:
        DataError: it has another format, or lacks a column of the bundle's inputs.
    """
    version = content.get("version", 1)
    if version != VERSION:
        raise DataError(
            f"{file} holds a baseline of format {version}; this headrace reads format {VERSION}."
            f" {STEP}"
        )
    inputs = schema["properties"]
    missing = [name for name in inputs if name not in content["columns"]]
    if missing or PREDICTION not in content:
        part = f"column {missing[0]}, an input of its model" if missing else "predictions"
        raise DataError(f"{file} holds a baseline without {part}. {STEP}")
    columns = {
        name: _column(name, rule.get("x-unit", ""), content["columns"][name])
        for name, rule in inputs.items()
    }
    prediction = _column(PREDICTION, "", content[PREDICTION])
    assert isinstance(prediction, Number)
    return Baseline(float(content["volume"]), columns, prediction)


def _column(name: str, unit: str, content: Mapping[str, Any]) -> Column:
    rows, is_number = int(content["rows"]), content["kind"] == "number"
    counts = np.array([*(content["counts"] if is_number else content["counts"].values())], float)
    common = (name, unit, rows, round(content["missing"] * rows), counts)
    if is_number:
        return Number(*common, np.array(content["values"], float))
    return Category(*common, tuple(content["counts"]), int(content["others"]))
