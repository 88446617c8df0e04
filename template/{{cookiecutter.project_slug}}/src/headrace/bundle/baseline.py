"""The drift baseline: what each input looked like where the model learned."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

MOST = 50
"""Categories with a share of their own: the commonest; the rest share one."""
QUANTILES = np.linspace(0, 1, 21)


def of(table: pd.DataFrame) -> dict[str, Any]:
    """Describe each column: rows, the share that is missing, and quantiles or categories' shares.

    A number has its quantiles at 0, 5, … 100 %; text, true and false the shares of their values.
    """
    return {"rows": len(table), "columns": {str(name): _column(table[name]) for name in table}}


def _column(column: pd.Series) -> dict[str, Any]:
    known = column.dropna()
    missing = 1 - len(known) / len(column) if len(column) else 0.0
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        values = np.quantile(known.to_numpy("float64"), QUANTILES).tolist() if len(known) else []
        return {"kind": "number", "missing": missing, "quantiles": values}
    shares = known.astype(str).value_counts(normalize=True, sort=False)
    kept = sorted(shares.items(), key=lambda pair: (-float(pair[1]), str(pair[0])))[:MOST]
    found = {str(name): float(share) for name, share in kept}
    return {"kind": "category", "missing": missing, "shares": found, "others": _rest(found, known)}


def _rest(found: Mapping[str, float], known: pd.Series) -> float:
    return max(0.0, 1 - sum(found.values())) if len(known) else 0.0
