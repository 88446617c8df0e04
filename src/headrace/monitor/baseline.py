"""The baseline of a bundle, ready to hold batches against."""

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
    """What is known of a column where the model learned."""

    name: str
    unit: str
    rows: int
    missing: int
    """Rows without a value."""
    counts: Array
    """The rows of each of its values."""

    @property
    def missing_share(self) -> float:
        """The share of rows without a value."""
        return self.missing / self.rows


@dataclass(frozen=True)
class Number(Column):
    """A number: its values, rising."""

    levels: Array


@dataclass(frozen=True)
class Category(Column):
    """A text, or true and false: its values, the commonest first."""

    names: tuple[str, ...]
    others: int
    """Rows with a value that is not listed; where there are none, every value is."""


@dataclass(frozen=True)
class Baseline:
    """What the model learned from: its columns, its predictions, the rows of one period."""

    volume: float
    columns: dict[str, Column]
    prediction: Number


def read(bundle: Bundle) -> Baseline:
    """Return the baseline of a bundle.

    Errors:
        DataError: it is of another format, or lacks a column of the bundle's inputs.
    """
    return parse(bundle.baseline, bundle.schema, bundle.name)


def parse(content: Mapping[str, Any], schema: Mapping[str, Any], label: str) -> Baseline:
    """Return a baseline from plain values; it must have the columns of the schema. See `read`.

    `label` is what messages call the file that it lies in.
    """
    version = content.get("version", 1)
    if version != VERSION:
        raise DataError(
            f"{label} holds a baseline of format {version}; this headrace watches by format"
            f" {VERSION}. {STEP}"
        )
    inputs = schema["properties"]
    lacking = [name for name in inputs if name not in content["columns"]]
    if lacking or PREDICTION not in content:
        what = f"column {lacking[0]}, an input of its model" if lacking else "predictions"
        raise DataError(f"{label} holds a baseline without {what}. {STEP}")
    columns = {
        name: _column(name, said.get("x-unit", ""), content["columns"][name])
        for name, said in inputs.items()
    }
    prediction = _column(PREDICTION, "", content[PREDICTION])
    assert isinstance(prediction, Number)
    return Baseline(float(content["volume"]), columns, prediction)


def _column(name: str, unit: str, said: Mapping[str, Any]) -> Column:
    rows, number = int(said["rows"]), said["kind"] == "number"
    counts = np.array([*(said["counts"] if number else said["counts"].values())], float)
    about = (name, unit, rows, round(said["missing"] * rows), counts)
    if number:
        return Number(*about, np.array(said["values"], float))
    return Category(*about, tuple(said["counts"]), int(said["others"]))
