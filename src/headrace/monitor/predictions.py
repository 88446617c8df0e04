"""What a batch's rows were answered: as it was written down then, whatever model there is now."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from headrace.bundle.golden import CLOSE, PREDICTION
from headrace.bundle.load import Bundle
from headrace.errors import DataError
from headrace.ingest.types import POSITIVE
from headrace.schema.infer import booleans

ASKED = 1000
"""Rows that are asked again, to know whether this model answered them."""
Chances = npt.NDArray[np.float64]
Warned = npt.NDArray[np.bool_]


class Answers:
    """Takes the answers of a batch's rows, and knows whether this bundle gave them."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle, self._threshold = bundle, float(bundle.facts["threshold"])
        self.ours: bool | None = None
        """Whether the bundle would answer the same; None as long as no answer was written down."""

    def of(self, rows: pd.DataFrame, inputs: pd.DataFrame) -> tuple[Chances, Warned]:
        """Return each row's probability, and whether it was warned of; what lacks is asked now.

        Errors:
            DataError: a prediction is no number, or `positive` is neither true nor false.
        """
        chances = _numbers(rows)
        told = ~np.isnan(chances)
        if self.ours is None and told.any():
            self.ours = self._same(inputs[told], chances[told])
        if not told.all():
            chances[~told] = self._bundle.predict(inputs[~told])
        warned = chances >= self._threshold
        if POSITIVE in rows:
            said = booleans(rows[POSITIVE])
            known = told & said.notna().to_numpy()
            warned[known] = said.to_numpy("bool", na_value=False)[known]
        return chances, warned

    def _same(self, inputs: pd.DataFrame, said: Chances) -> bool:
        """Ask some rows again, spread over all: who took over on the way has answered a part."""
        places = np.unique(np.linspace(0, len(said) - 1, ASKED).astype(int))
        again = self._bundle.predict(inputs.iloc[places])
        return bool(np.allclose(again, said[places], rtol=0, atol=CLOSE))


def _numbers(rows: pd.DataFrame) -> Chances:
    if PREDICTION not in rows:
        return np.full(len(rows), np.nan)
    try:
        return pd.to_numeric(rows[PREDICTION]).to_numpy("float64", na_value=np.nan, copy=True)
    except (TypeError, ValueError):
        raise DataError(
            f"The batch has a {PREDICTION} that is no number. Next: headrace ingest FILE --replace"
        ) from None
