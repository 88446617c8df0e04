"""The two models: logistic regression, and beside it one that does not look at the features."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.dummy import DummyClassifier
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from study import features

TRUSTED_TYPES: tuple[str, ...] = ()
"""What a file of these models holds beyond what skops trusts by itself; nothing else is loaded."""

Vector = npt.NDArray[np.float64]


def fit(table: pd.DataFrame, *, C: float) -> Pipeline:
    """Fit logistic regression to the rows."""
    model = LogisticRegression(C=C, max_iter=1000)
    steps = make_pipeline(features.transformer(), model)
    return steps.fit(table[features.FEATURES], table[features.LABEL])


def fit_naive(table: pd.DataFrame) -> Any:
    """Fit the naive model: it answers the shares of the classes, whatever it is asked."""
    naive = DummyClassifier(strategy="prior")
    return naive.fit(table[features.FEATURES], table[features.LABEL])


def probability(model: Any, table: pd.DataFrame) -> Vector:
    """Return each row's probability of being malignant, shape (rows,)."""
    return np.asarray(model.predict_proba(table[features.FEATURES])[:, 1], dtype="float64")


def importance(model: Any, table: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Return what is lost when a feature is shuffled: feature, ROC AUC lost, its spread."""
    result = permutation_importance(
        model,
        table[features.FEATURES],
        table[features.LABEL],
        scoring="roc_auc",
        n_repeats=5,
        random_state=seed,
    )
    lost = {"feature": features.FEATURES, "lost": result.importances_mean}
    return pd.DataFrame(lost).assign(spread=result.importances_std).sort_values("lost")
