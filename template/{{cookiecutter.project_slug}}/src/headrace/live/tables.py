"""A file of rows, or what the server wrote down, read as a table."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from headrace.diff.rules import Predictions
from headrace.errors import DataError
from headrace.live import batch
from headrace.score.tables import kind
from headrace.serve import journal


def read(path: Path, spec: Predictions) -> pd.DataFrame:
    """Read a CSV or Parquet file; a CSV's values are text but for the key.

    Errors:
        DataError: it is neither, or cannot be read.
    """
    try:
        if kind(path) == ".parquet":
            return pd.read_parquet(path)
        return _keyed(pd.read_csv(path, dtype=str), spec)
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise DataError(f"{path.name} cannot be read: {said}. Next: see what wrote it") from None


def _keyed(table: pd.DataFrame, spec: Predictions) -> pd.DataFrame:
    """Return a CSV's table with numbers and times where the key has them."""
    made: dict[str, pd.Series] = {}
    for name in (*spec.key, *batch.REQUEST):
        if name in table and name == spec.cluster:
            made[name] = pd.to_datetime(table[name], utc=True).dt.as_unit("us")
        elif name in table:
            numbers = pd.to_numeric(table[name], errors="coerce")
            made[name] = table[name] if numbers.isna().any() else numbers.astype("int64")
    return table.assign(**made)


def served(folder: Path, root: Path, known: Sequence[str]) -> pd.DataFrame:
    """Read what a server wrote down into a folder and no batch has yet.

    Errors:
        DataError: there is nothing, or a file in it is broken.
    """
    taken: set[str] = set()
    for name in known:
        there = batch.read(root, name)
        taken |= {*there["request"]} if "request" in there else set()
    try:
        table = journal.read(folder)
    except (OSError, ValueError) as error:
        raise DataError(f"{folder.name} cannot be read: {error}. Next: see what is there") from None
    fresh = table[~table["request"].isin(taken)] if len(table) else table
    if not len(fresh):
        raise DataError(f"{folder.name} holds nothing that is in no batch. Next: headrace serve")
    return fresh.reset_index(drop=True)
