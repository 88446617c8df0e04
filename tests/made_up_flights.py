"""Flights that are made up, with a baseline of theirs, to count and to score batches against."""

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from headrace.bundle import baseline
from headrace.bundle.baseline import Baseline
from headrace.monitor import drift
from headrace.monitor.histograms import Histograms
from headrace.monitor.quality import QualityCounts

PRICES = {"missed": 100.0, "false_alarm": 25.0}
SCHEMA: dict[str, Any] = {
    "properties": {
        "temp": {"type": ["number", "null"], "minimum": -40, "x-unit": "°F"},
        "hour": {"type": "integer", "minimum": 0, "maximum": 23},
        "carrier": {"type": "string", "minLength": 2, "maxLength": 2},
        "night": {"type": "boolean"},
    }
}


def flights(rows: int, seed: int) -> pd.DataFrame:
    """Return made-up flights: temperatures, some of them missing, hours, carriers, a boolean."""
    rng = np.random.default_rng(seed)
    temp = rng.normal(60, 10, rows).round(1)
    temp[rng.random(rows) < 0.05] = np.nan
    hour = rng.integers(5, 23, rows)
    carrier = rng.choice(["AA", "B6", "EV", "UA"], rows, p=[0.1, 0.2, 0.3, 0.4])
    made = {"temp": temp, "hour": hour, "carrier": carrier, "night": hour > 20}
    return pd.DataFrame(made).astype({"carrier": "str"})


LEARNED, EVALUATED = flights(9_000, 0), np.random.default_rng(1).beta(2, 5, 3_000)
"""The rows that a model learned from, and its predictions at its evaluation."""


def baseline_of(
    learned: pd.DataFrame = LEARNED, predictions: npt.ArrayLike = EVALUATED
) -> Baseline:
    """Return the baseline of some rows, through JSON as a bundle holds it."""
    content = baseline.describe(learned, predictions=predictions, periods=3)
    text = json.dumps(content, allow_nan=False)
    return baseline.parse(json.loads(text), SCHEMA, "bundle.tar")


def measure_drift(
    batch: pd.DataFrame, learned: Baseline, predictions: npt.ArrayLike | None = None
) -> pd.DataFrame:
    """Return the drift of a batch by feature; its predictions are those of the evaluation."""
    counts = Histograms(learned)
    counts.add(batch, np.resize(EVALUATED, len(batch)) if predictions is None else predictions)
    return drift.table(counts).set_index("feature")


def count_quality(
    batch: pd.DataFrame, learned: Baseline
) -> tuple[QualityCounts, pd.DataFrame, npt.NDArray[np.bool_]]:
    """Return a batch's quality, its inputs in their types, and which rows keep the contract."""
    counts = QualityCounts(SCHEMA, learned)
    return counts, *counts.add(batch)
