"""Scores of a batch estimated from the model's probabilities, before its labels are known.

Confidence-based performance estimation. It assumes calibrated probabilities, so it sees that rows
have become harder to tell apart, but not that the model is wrong; `errors` compares it with labels
that came later. Sources: Guo et al., On Calibration of Modern Neural Networks, ICML (2017); Garg et
al., Leveraging Unlabeled Data to Predict Out-of-Distribution Performance, ICLR (2022); NannyML
calls it CBPE.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import precision_score, recall_score, roc_auc_score

from headrace.errors import DataError
from headrace.gates.live import POSITIVE_SHARE
from headrace.stats.scores import COST, Array

LEVELS = 200_000
"""Probabilities of one level are counted together, so that memory does not grow."""
COLUMNS = ("batch", "metric", "estimate", "truth", "error", "says")


class ProbabilityCounts:
    """Counts a batch's probabilities by level and warning, a part at a time.

    Each row counts as positive with its probability, and as negative with the rest.
    """

    def __init__(self) -> None:
        self._rows, self._sums = np.zeros((2, 2 * LEVELS + 2))

    def add(self, y_score: Array, y_pred: npt.NDArray[np.bool_]) -> None:
        """Count some probabilities, and whether each is a warning; both of shape (rows,).

        A row without a probability, which is NaN, does not count.

        Errors:
            DataError: a probability is not between 0 and 1.
        """
        present = ~np.isnan(y_score)
        probability, warned = y_score[present], y_pred[present]
        if len(probability) and (probability.min() < 0 or probability.max() > 1):
            raise DataError("The batch has predictions outside 0 to 1. Next: see what wrote it")
        # Two cells for each level: without a warning, and with one.
        cells = 2 * np.floor(probability * LEVELS).astype(int) + warned
        self._rows += np.bincount(cells, minlength=len(self._rows))
        self._sums += np.bincount(cells, weights=probability, minlength=len(self._sums))

    def figures(self, prices: Mapping[str, float]) -> dict[str, float]:
        """Return the block `estimate` of metrics/monitor.json: the expected scores.

        `prices` are of a `missed` positive and of a `false_alarm`; without them there is no cost. A
        score that is not defined is left out.

        Errors:
            DataError: no row has a probability.
        """
        cells = np.flatnonzero(self._rows)
        if not len(cells):
            raise DataError("The batch has no predictions. Next: see what wrote it")
        rows = self._rows[cells]
        # A mean of ones may exceed 1 in its last bit.
        probability = np.minimum(self._sums[cells] / rows, 1.0)
        brier = np.average(probability * (1 - probability), weights=rows)
        scores = {POSITIVE_SHARE: np.average(probability, weights=rows), "brier_score": brier}
        scores |= _expected_scores(probability, rows, cells % 2 == 1, prices)
        return {name: float(value) for name, value in scores.items()}


def _expected_scores(
    probability: Array, rows: Array, warned: npt.NDArray[np.bool_], prices: Mapping[str, float]
) -> dict[str, float]:
    """Score every row twice, as positive and as negative, weighted by how likely either is."""
    positive, negative = probability * rows, (1 - probability) * rows
    y_true, weights = np.repeat([1, 0], len(probability)), np.append(positive, negative)
    truth, y_pred = {"y_true": y_true, "sample_weight": weights}, np.tile(warned, 2)
    scores = {}
    if positive.sum() > 0 and negative.sum() > 0:
        scores["roc_auc"] = roc_auc_score(y_score=np.tile(probability, 2), **truth)
    if warned.any():
        scores["precision"] = precision_score(y_pred=y_pred, **truth)
    if positive.sum() > 0:
        scores["recall"] = recall_score(y_pred=y_pred, **truth)
    if {"missed", "false_alarm"} <= prices.keys():
        missed, alarms = positive[~warned].sum(), negative[warned].sum()
        cost = missed * prices["missed"] + alarms * prices["false_alarm"]
        scores[COST] = 1000 * cost / rows.sum()
    return scores


def errors(figures: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return the errors of the estimates of past batches, with the columns COLUMNS.

    `figures` are the content of metrics/monitor.json. An error is the estimate less the score.
    Where some labels are not known, the two are of different rows: neither is shown, and `says`
    why.
    """
    rows = []
    for batch, blocks in figures.items():
        performance = blocks.get("performance", {})
        share = float(performance.get("truth_share", 1))
        note = f"known of {100 * share:.1f} % of the rows, so not compared" if share < 1 else ""
        for metric, value in blocks.get("estimate", {}).items():
            if (score := performance.get(metric)) is not None:
                compared = (None, None) if note else (float(score), float(value) - float(score))
                rows.append((batch, metric, float(value), *compared, note))
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)
