"""Batches held against a bundle, one by one: what is wrong with one spoils no other."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from headrace.bundle.load import Bundle
from headrace.errors import DataError
from headrace.ingest import batch
from headrace.monitor import baseline
from headrace.monitor.accumulator import Stream, Watched


def batches(
    root: Path, bundle: Bundle, names: Iterable[str], *, prices: Mapping[str, float]
) -> dict[str, Watched]:
    """Judge batches of data/live; what is wrong with one is said in its place.

    `prices` are the dollars of a `missed` positive and of a `false_alarm`.

    Errors:
        ProjectError: gates.yaml does not say what is key and label.
        DataError: the bundle's baseline is of another version.
    """
    held, spec = baseline.read(bundle), batch.prediction_spec(root)
    judged = {}
    for name in names:
        stream = Stream(bundle, held, spec)
        try:
            for part in batch.read_parts(root, name):
                stream.add(part)
            judged[name] = stream.watched(prices)
        except DataError as error:
            judged[name] = Watched(says=(str(error),))
    return judged


def metrics(judged: Mapping[str, Watched], groups: Mapping[str, Any]) -> dict[str, Any]:
    """Return what metrics/monitor.json holds: each batch's figures, and the gaps of its groups."""
    return {
        name: one.figures | ({"groups": groups[name]} if groups.get(name) else {})
        for name, one in judged.items()
    }


def table(judged: Mapping[str, Watched], part: str) -> pd.DataFrame:
    """Return the tables `quality` or `drift` of all batches, one below the other, by `batch`."""
    return stacked({name: getattr(one, part) for name, one in judged.items()})


def stacked(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return a table of each batch, one below the other; the column `batch` names it."""
    parts = [one.assign(batch=name) for name, one in tables.items()]
    parts = [one[["batch", *one.columns.drop("batch")]] for one in parts if len(one)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"batch": []})


def scores(judged: Mapping[str, Watched], part: str) -> pd.DataFrame:
    """Return a block of figures, such as `performance`, with one row for each batch."""
    rows = {name: one.figures.get(part, {}) for name, one in judged.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("batch")


def notes(judged: Mapping[str, Watched]) -> pd.DataFrame:
    """Return what there is to say beside the figures: batch, says."""
    rows = [(name, line) for name, one in judged.items() for line in one.says]
    return pd.DataFrame(rows, columns=["batch", "says"])


def promised(scored: pd.DataFrame, late_share: float) -> pd.Series:
    """Return what the model was judged to cost, with its interval, and the share of positives.

    `scored` is as `headrace.bundle.metrics.table` returns it.
    """
    by = scored.set_index("metric")
    row = next((by.loc[name] for name in by.index if name.endswith("model.cost_per_1000")), None)
    ends = {"": "value", "_low": "low", "_high": "high"}
    said = {f"cost_per_1000{end}": np.nan if row is None else row[of] for end, of in ends.items()}
    return pd.Series({**said, "late_share": late_share})


def widest(gaps: Mapping[str, Mapping[str, Mapping[str, float]]]) -> pd.DataFrame:
    """Return the gaps between groups as a table: a row for each batch, a column for each rate."""
    rows = {
        name: {(by, rate): gap for by, rates in groups.items() for rate, gap in rates.items()}
        for name, groups in gaps.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("batch")
