"""What a batch's scores would be if the model's probabilities were right: before the truth comes.

Confidence-based performance estimation. It takes the probabilities for calibrated, so it sees that
flights have become harder to tell apart, and does not see that the model has begun to be wrong;
`errors` shows how far it was off on batches whose truth has come in since. Sources: Guo et al., On
Calibration of Modern Neural Networks, ICML (2017); Garg et al., Leveraging Unlabeled Data to
Predict Out-of-Distribution Performance, ICLR (2022); NannyML calls it CBPE.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import precision_score, recall_score, roc_auc_score

from headrace.errors import DataError

Array = npt.NDArray[np.float64]
LEVELS = 200_000
"""So fine that rows of one level are the same for all that is told; memory does not grow."""
COLUMNS = ("batch", "metric", "estimate", "truth", "error", "says")


def of(
    probability: npt.ArrayLike, threshold: float, prices: Mapping[str, float]
) -> dict[str, float]:
    """Return the block `estimate` of metrics/monitor.json: the scores that are expected.

    Each row counts as a positive one with its probability, and as a negative one with the rest; it
    is warned of from the threshold on. `prices` are of what was `missed` and of a `false_alarm`.
    A row without a probability does not count. What cannot be told is left out.

    Errors:
        DataError: no row has a probability, or one is no share.
    """
    chance = np.asarray(probability, dtype="float64")
    chances = Chances()
    chances.add(chance, chance >= threshold)
    return chances.figures(prices)


class Chances:
    """Counts a batch's probabilities, a part at a time; those on one of LEVELS are one."""

    def __init__(self) -> None:
        self._rows, self._sums = np.zeros((2, 2 * LEVELS + 2))

    def add(self, probability: Array, warned: npt.NDArray[np.bool_]) -> None:
        """Count some probabilities, and whether each was warned of; see `of`."""
        known = ~np.isnan(probability)
        chance, said = probability[known], warned[known]
        if len(chance) and (chance.min() < 0 or chance.max() > 1):
            raise DataError("The batch has predictions outside 0 to 1. Next: see what wrote it")
        # What is warned of and what is not are never on one level.
        places = 2 * np.floor(chance * LEVELS).astype(int) + said
        self._rows += np.bincount(places, minlength=len(self._rows))
        self._sums += np.bincount(places, weights=chance, minlength=len(self._sums))

    def figures(self, prices: Mapping[str, float]) -> dict[str, float]:
        """Return what is expected of the rows so far; see `of`."""
        there = np.flatnonzero(self._rows)
        if not len(there):
            raise DataError("The batch has no predictions. Next: see what wrote it")
        rows = self._rows[there]
        chance = np.minimum(self._sums[there] / rows, 1.0)
        brier = np.average(chance * (1 - chance), weights=rows)
        means = {"late_share": np.average(chance, weights=rows), "brier_score": brier}
        found = {**means, **_expected(chance, rows, there % 2 == 1, prices)}
        return {name: float(value) for name, value in found.items()}


def _expected(
    chance: Array, rows: Array, warned: npt.NDArray[np.bool_], prices: Mapping[str, float]
) -> dict[str, float]:
    """Score every row twice, as a positive and as a negative one, by how likely either is."""
    late, punctual = chance * rows, (1 - chance) * rows
    truth, weights = np.repeat([1, 0], len(chance)), np.append(late, punctual)
    twice, said = {"y_true": truth, "sample_weight": weights}, np.tile(warned, 2)
    found = {}
    if late.sum() > 0 and punctual.sum() > 0:
        found["roc_auc"] = roc_auc_score(y_score=np.tile(chance, 2), **twice)
    if warned.any():
        found["precision"] = precision_score(y_pred=said, **twice)
    if late.sum() > 0:
        found["recall"] = recall_score(y_pred=said, **twice)
    if {"missed", "false_alarm"} <= prices.keys():
        missed, alarms = late[~warned].sum(), punctual[warned].sum()
        cost = missed * prices["missed"] + alarms * prices["false_alarm"]
        found["cost_per_1000"] = 1000 * cost / rows.sum()
    return found


def errors(past: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return how wrong the estimates of past batches were: the columns are COLUMNS.

    `past` is what metrics/monitor.json holds. The error is the estimate less the truth. The
    estimate is of all rows; where the truth has come in of some only, it is of other rows, so that
    neither is shown, and `says` why.
    """
    rows = [
        (batch, metric, float(value), *_beside(value, truth, performance))
        for batch, blocks in past.items()
        for performance in [blocks.get("performance", {})]
        for metric, value in blocks.get("estimate", {}).items()
        if (truth := performance.get(metric)) is not None
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)


def _beside(
    value: float, truth: float, performance: Mapping[str, float]
) -> tuple[float | None, float | None, str]:
    """Return the truth, the error of an estimate, and what there is to say."""
    share = float(performance.get("truth_share", 1))
    if share < 1:
        return None, None, f"known of {100 * share:.1f} % of the rows, so not compared"
    return float(truth), float(value) - float(truth), ""
