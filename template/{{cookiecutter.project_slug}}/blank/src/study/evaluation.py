"""How good the models are: predictions in, numbers and tables out."""

import numpy as np
import pandas as pd
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    f1_score,
    log_loss,
    precision_recall_curve,
    precision_score,
    recall_score,
    roc_auc_score,
    roc_curve,
)

from study import features
from study.model import Vector

CURVE_POINTS = 200
"""Points kept of a curve; more cannot be seen."""


def scores(label: pd.Series, probability: Vector, *, threshold: float) -> dict[str, float]:
    """Judge probabilities, and the predictions that they give from the threshold on."""
    predicted = probability >= threshold
    return {
        "roc_auc": float(roc_auc_score(label, probability)),
        "average_precision": float(average_precision_score(label, probability)),
        "brier_score": float(brier_score_loss(label, probability)),
        "log_loss": float(log_loss(label, probability)),
        "precision": float(precision_score(label, predicted, zero_division=0)),
        "recall": float(recall_score(label, predicted)),
        "f1": float(f1_score(label, predicted, zero_division=0)),
    }


def curves(label: pd.Series, probability: Vector, *, bins: int) -> dict[str, pd.DataFrame]:
    """Return one model's curves by name: roc, precision_recall and calibration."""
    false_positive, true_positive, _ = roc_curve(label, probability)
    precision, recall, _ = precision_recall_curve(label, probability, drop_intermediate=True)
    share, predicted = calibration_curve(label, probability, n_bins=bins, strategy="quantile")
    roc = {"false_positive_rate": false_positive, "true_positive_rate": true_positive}
    # The last point, precision 1 at recall 0, is a convention of the curve, not a result.
    found = {"recall": recall[-2::-1], "precision": precision[-2::-1]}
    return {
        "roc": _thin(pd.DataFrame(roc)),
        "precision_recall": _thin(pd.DataFrame(found)),
        "calibration": pd.DataFrame({"probability": predicted, "share": share}),
    }


def _thin(curve: pd.DataFrame) -> pd.DataFrame:
    """Keep CURVE_POINTS rows spread along the curve, both ends among them."""
    kept = np.linspace(0, len(curve) - 1, min(CURVE_POINTS, len(curve))).round().astype(int)
    return curve.iloc[kept].reset_index(drop=True)


def outcomes(label: pd.Series, predicted: pd.Series) -> pd.DataFrame:
    """Name each row's truth and prediction: actual and predicted, by the classes' names."""
    names = features.NAMES
    return pd.DataFrame({"actual": label.map(names), "predicted": predicted.map(names)})
