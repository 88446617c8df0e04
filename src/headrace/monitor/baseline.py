"""The baseline of a bundle: the columns that the model learned from, to compare batches with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from headrace.bundle.baseline import VERSION
from headrace.bundle.golden import PREDICTION
from headrace.bundle.load import Bundle
from headrace.errors import DataError

Array = npt.NDArray[np.float64]
STEP = "Next: dvc repro hand_off"


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
    others: int
    """Rows with a value that is not in `names`; 0 where all values are."""


@dataclass(frozen=True)
class Baseline:
    """The inputs that the model learned from, its predictions, the rows of one period."""

    volume: float
    columns: dict[str, Column]
    prediction: Number


def read(bundle: Bundle) -> Baseline:
    """Return the baseline of a bundle.

    Errors:
        DataError: it has another format, or lacks a column of the bundle's inputs.
    """
    return parse(bundle.baseline, bundle.schema, bundle.name)


def parse(content: Mapping[str, Any], schema: Mapping[str, Any], file: str) -> Baseline:
    """Return the baseline that plain values describe; `file` names its bundle in messages."""
    version = content.get("version", 1)
    if version != VERSION:
        raise DataError(
            f"{file} holds a baseline of format {version}; this headrace reads format {VERSION}."
            f" {STEP}"
        )
    inputs = schema["properties"]
    missing = [name for name in inputs if name not in content["columns"]]
    if missing or PREDICTION not in content:
        what = f"column {missing[0]}, an input of its model" if missing else "predictions"
        raise DataError(f"{file} holds a baseline without {what}. {STEP}")
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
