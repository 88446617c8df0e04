"""Scores of predictions as functions of the rows' weights, as a bootstrap needs them.

Each takes weights, shape (resamples, rows), and returns a score for each resample; NaN where the
resample does not define it. The rows are sorted once, before.
"""

import warnings
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from headrace.stats import Recipe

COST = "cost_per_1000"
"""The only score that needs prices."""
MEAN = "mean"
"""The only score that needs no label."""
Array = npt.NDArray[np.float64]
Score = Callable[[Array], Array]


def roc_auc(label: Array, probability: Array) -> Score:
    """Return the area under the ROC curve.

    It is the weighted share of pairs of a positive and a negative row in which the positive one is
    rated higher; ties count half. Source: Hanley and McNeil, Radiology 143 (1982).
    """
    rank = _Ranking(label, probability)

    def score(weights: Array) -> Array:
        positive, negatives = weights[:, rank.positive], rank.negatives(weights)
        below = negatives[:, rank.first] + negatives[:, rank.last]
        # Those that rank strictly lower count once each, and ties half: both sums, halved below.
        pairs = positive.sum(axis=1) * negatives[:, -1]
        return _divide(np.einsum("ij,ij->i", positive, below), 2 * pairs)

    return score


def average_precision(label: Array, probability: Array) -> Score:
    """Return the average precision: the mean of the precision at the positive rows' ranks.

    Not interpolated, as scikit-learn's `average_precision_score`.
    """
    rank = _Ranking(label, probability)

    def score(weights: Array) -> Array:
        positive, negatives = weights[:, rank.positive], rank.negatives(weights)
        summed = np.cumsum(positive, axis=1)
        total = summed[:, -1:]
        right = total - np.where(rank.before < 0, 0.0, summed[:, rank.before])
        wrong = negatives[:, -1:] - negatives[:, rank.first]
        precision = _divide(right, right + wrong)
        counted = np.einsum("ij,ij->i", positive, np.nan_to_num(precision))
        return _divide(counted, total[:, 0])

    return score


class _Ranking:
    """The rows in the order of their predicted probabilities, positive and negative ones apart."""

    def __init__(self, label: Array, probability: Array) -> None:
        order = np.argsort(probability, kind="stable")
        positive = label[order] > 0.5
        self.positive, self._negative = order[positive], order[~positive]
        negatives, positives = probability[self._negative], probability[self.positive]
        self.first = np.searchsorted(negatives, positives, "left")
        """For each positive row, how many negative ones rank lower."""
        self.last = np.searchsorted(negatives, positives, "right")
        """For each positive row, how many negative ones do not rank higher."""
        self.before = np.searchsorted(positives, positives, "left") - 1
        """For each positive row, the index of the last positive one that ranks lower, or -1."""

    def negatives(self, weights: Array) -> Array:
        """Return the sums of the first 0, 1, 2 … negative rows' weights."""
        summed = np.zeros((len(weights), len(self._negative) + 1))
        np.cumsum(weights[:, self._negative], axis=1, out=summed[:, 1:])
        return summed


def _divide(above: Array, below: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below == 0, np.nan, above / below)


def _ratio(top: Array, bottom: Array) -> Score:
    """Return one weighted sum over another."""
    columns = np.column_stack([top, bottom])  # one product with the weights, for both sums

    def score(weights: Array) -> Array:
        sums = weights @ columns
        return _divide(sums[:, 0], sums[:, 1])

    return score


def _mean(values: Array) -> Score:
    return _ratio(values, np.ones_like(values))


def _log_loss(label: Array, probability: Array) -> Score:
    # As scikit-learn clips: one sure and wrong row would make the loss infinite.
    clipped = np.clip(probability, np.finfo(float).eps, 1 - np.finfo(float).eps)
    return _mean(-(label * np.log(clipped) + (1 - label) * np.log(1 - clipped)))


def _root(score: Score) -> Score:
    return lambda weights: np.sqrt(score(weights))


def _r2(label: Array, predicted: Array) -> Score:
    columns = np.column_stack([np.ones_like(label), label, label**2, (label - predicted) ** 2])

    def score(weights: Array) -> Array:
        rows, sums, squares, residuals = (weights @ columns).T
        explained: Array = 1 - _divide(residuals, squares - _divide(sums**2, rows))
        return explained

    return score


def _mean_over_classes(top: Array, bottom: Array) -> Score:
    """Return the mean of a ratio over classes, shape (rows, classes); of those that have rows."""

    def score(weights: Array) -> Array:
        ratios = _divide(weights @ top, weights @ bottom)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a resample without any row
            mean: Array = np.asarray(np.nanmean(ratios, axis=1), dtype="float64")
        return mean

    return score


def _balanced_accuracy(label: Array, predicted: Array) -> Score:
    is_class = _one_column_per_class(label, np.unique(label))
    return _mean_over_classes(is_class * (label == predicted)[:, None], is_class)


def _f1_macro(label: Array, predicted: Array) -> Score:
    classes = np.union1d(label, predicted)
    actual, answered = (_one_column_per_class(values, classes) for values in (label, predicted))
    return _mean_over_classes(2 * actual * answered, actual + answered)


def _one_column_per_class(values: Array, classes: Array) -> Array:
    return np.equal.outer(values, classes).astype(float)


SCORES: dict[str, Callable[[Array, Array], Score]] = {
    "roc_auc": roc_auc,
    "average_precision": average_precision,
    "brier_score": lambda label, probability: _mean((probability - label) ** 2),
    "log_loss": _log_loss,
    "calibration_in_the_large": lambda label, probability: _mean(probability - label),
    "accuracy": lambda label, predicted: _mean((label == predicted).astype(float)),
    "precision": lambda label, predicted: _ratio(label * predicted, predicted),
    "recall": lambda label, predicted: _ratio(label * predicted, label),
    "f1": lambda label, predicted: _ratio(2 * label * predicted, label + predicted),
    "balanced_accuracy": _balanced_accuracy,
    "f1_macro": _f1_macro,
    "false_negative_rate": lambda label, predicted: _ratio(label * (1 - predicted), label),
    "false_positive_rate": lambda label, predicted: _ratio((1 - label) * predicted, 1 - label),
    "mean_absolute_error": lambda label, predicted: _mean(np.abs(predicted - label)),
    "mean_squared_error": lambda label, predicted: _mean((predicted - label) ** 2),
    "root_mean_squared_error": lambda label, predicted: _root(_mean((predicted - label) ** 2)),
    "r2": _r2,
    MEAN: lambda label, predicted: _mean(predicted),
}
"""Functions of label and prediction, shape (rows,), by their names in gates.yaml.

`mean` is that of a column whatever the label, such as a loss that the study computes row by row.
"""
OF_CLASSES = ("accuracy", "balanced_accuracy", "f1_macro")
"""Scores of classes, which may be texts: label and prediction come as numbers of classes."""


def cost_per_1000(label: Array, predicted: Array, prices: Mapping[str, float]) -> Score:
    """Return the price of missed positives and of false alarms, per 1,000 rows.

    `prices` are of one `missed` and of one `false_alarm`, in the study's currency.
    """
    missed, alarms = label * (1 - predicted), (1 - label) * predicted
    return _mean(1000 * (missed * prices["missed"] + alarms * prices["false_alarm"]))


def score_function(
    recipe: Recipe, label: Array, predicted: Array, prices: Mapping[str, float]
) -> Score:
    """Return the score function of a recipe; only a cost needs `prices`."""
    if recipe.score == COST:
        return cost_per_1000(label, predicted, prices)
    return SCORES[recipe.score](label, predicted)


def unweighted(score: Score, rows: int) -> float:
    """Return the score of all rows, each with weight 1."""
    return float(score(np.ones((1, rows)))[0])
