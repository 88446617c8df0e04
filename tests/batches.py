"""A small batch for tests, its contract, and the columns of its predictions."""

import pandas as pd

from headrace.gates.model import Predictions

SPEC = Predictions("p.parquet", ("day", "id"), "late", "day", {}, {})


SCHEMA = {
    "properties": {
        "carrier": {"type": "string", "minLength": 2, "maxLength": 2},
        "seats": {"type": ["number", "null"], "minimum": 1},
    }
}


def rows(**columns: object) -> pd.DataFrame:
    """Return four rows of a batch as they come in, with these columns added or replaced."""
    defaults = {
        "carrier": ["AA", "UA", "B6", "DL"],
        "seats": [100, 200, None, 180],
        "day": pd.to_datetime(["2013-10-01", "2013-10-01", "2013-10-02", "2013-10-03"], utc=True),
        "id": [1, 2, 1, 1],
    }
    return pd.DataFrame({**defaults, **columns})
