"""Whether batches follow each other in time, in the order of their names."""

from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api import types

from headrace.errors import DataError
from headrace.gates.model import Predictions
from headrace.ingest import batch
from headrace.schema import infer

TIME = "time"
"""When a server answered."""


def says(root: Path, name: str, made: pd.DataFrame, spec: Predictions) -> list[str]:
    """Say where a batch begins before the one before it has ended: its clock went backwards."""
    earlier = [other for other in batch.names(root) if other < name]
    clock = next((one for one in (spec.cluster, TIME) if one in made), "")
    if not earlier or not clock:
        return []
    try:
        ended, begins = _ends(batch.read(root, earlier[-1]), made, clock)
    except DataError as error:
        return [f"Whether it begins after {earlier[-1]} cannot be told: {error}"]
    if ended is None or begins >= ended:
        return []
    return [
        f"It begins at {begins}, before {earlier[-1]} ends ({ended}): see that the clock did not"
        " go backwards"
    ]


def _ends(before: pd.DataFrame, made: pd.DataFrame, clock: str) -> tuple[Any, Any]:
    """Return when the batch before ended and this one begins; None where neither tells."""
    now = infer.infer(made[clock]).dropna()
    if clock not in before or types.is_string_dtype(now.dtype):
        return None, None
    then = infer.convert_like(before[clock], now).dropna()
    return (then.max(), now.min()) if len(then) and len(now) else (None, None)
