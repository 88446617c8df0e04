"""A file of rows, or what the server wrote down, read as a table."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from headrace.core.tables import kind
from headrace.errors import DataError
from headrace.ingest import batch
from headrace.prediction_log import log_format


def read(path: Path) -> pd.DataFrame:
    """Read a CSV or Parquet file; a CSV's values are text: what they mean, a batch's columns say.

    Errors:
        DataError: it is neither, or cannot be read.
    """
    try:
        if kind(path) == ".parquet":
            return pd.read_parquet(path)
        return pd.read_csv(path, dtype=str)
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise DataError(f"{path.name} cannot be read: {said}. Next: see what wrote it") from None


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
        table = log_format.read(folder)
    except (OSError, ValueError) as error:
        raise DataError(f"{folder.name} cannot be read: {error}. Next: see what is there") from None
    fresh = table[~table["request"].isin(taken)] if len(table) else table
    if not len(fresh):
        raise DataError(f"{folder.name} holds nothing that is in no batch. Next: headrace serve")
    return fresh.reset_index(drop=True)
