"""The two models: gradient boosting, and the late share per carrier and hour beside it."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.inspection import permutation_importance
from sklearn.metrics import roc_curve

from study.features import CATEGORIES, FEATURES

TRUSTED_TYPES = (
    "functools.partial",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.utils.validation.check_array",
)
"""What a file of this model holds beyond what skops trusts by itself; nothing else is loaded."""

ABOVE_ONE = np.nextafter(1.0, 2.0)

Vector = npt.NDArray[np.float64]


def inputs(table: pd.DataFrame) -> pd.DataFrame:
    """Take the model's inputs out of a table, in order, with text as categories."""
    return table[FEATURES].astype(dict.fromkeys(CATEGORIES, "category"))


def fit(
    table: pd.DataFrame,
    *,
    max_iter: int,
    learning_rate: float,
    max_leaf_nodes: int,
    min_samples_leaf: int,
    seed: int,
) -> HistGradientBoostingClassifier:
    """Fit gradient-boosted trees; missing values and categories need no preparation."""
    model = HistGradientBoostingClassifier(
        max_iter=max_iter,
        learning_rate=learning_rate,
        max_leaf_nodes=max_leaf_nodes,
        min_samples_leaf=min_samples_leaf,
        early_stopping=False,
        categorical_features=CATEGORIES,
        random_state=seed,
    )
    return model.fit(inputs(table), table["late"])


def probability(model: HistGradientBoostingClassifier, table: pd.DataFrame) -> Vector:
    """Return each flight's probability of being late, shape (rows,).

    The model knows its categories by their texts; to make categories of them anew takes as long as
    to predict one flight.
    """
    return np.asarray(model.predict_proba(table[FEATURES])[:, 1], dtype="float64")


def fit_naive(table: pd.DataFrame, *, prior_flights: int) -> pd.DataFrame:
    """Return the late share per carrier and hour, drawn towards the overall share.

    Each share counts `prior_flights` more flights than there were, late at the overall rate, so
    that a carrier with three flights in an hour does not get a share of 0 or 1. The last row, with
    an empty carrier and hour -1, is the overall share.
    """
    overall = table["late"].mean()
    groups = table.groupby(["carrier", "hour"], as_index=False)["late"].agg(["sum", "size"])
    share = (groups["sum"] + prior_flights * overall) / (groups["size"] + prior_flights)
    rest = pd.DataFrame({"carrier": [""], "hour": [-1], "late_share": [overall]})
    return pd.concat(
        [groups[["carrier", "hour"]].assign(late_share=share), rest], ignore_index=True
    )


def naive_probability(naive: pd.DataFrame, table: pd.DataFrame) -> Vector:
    """Look up each flight's late share, shape (rows,); an unseen pair gets the overall share."""
    found = table[["carrier", "hour"]].merge(naive, how="left", on=["carrier", "hour"])
    return found["late_share"].fillna(naive["late_share"].iloc[-1]).to_numpy("float64")


def cost_per_1000(
    late: pd.Series, warned: pd.Series, *, price_missed: float, price_false_alarm: float
) -> float:
    """Return the dollars that missed late flights and false alarms cost per 1,000 flights."""
    missed, false_alarms = (late & ~warned).mean(), (~late & warned).mean()
    return float(1000 * (missed * price_missed + false_alarms * price_false_alarm))


def cost_curve(
    late: pd.Series, probability: Vector, *, price_missed: float, price_false_alarm: float
) -> pd.DataFrame:
    """Return what every threshold would have cost on these flights: threshold, cost_per_1000."""
    false_share, found_share, thresholds = roc_curve(late, probability, drop_intermediate=False)
    missed = (1 - found_share) * late.mean() * price_missed
    false_alarms = false_share * (~late).mean() * price_false_alarm
    # The first threshold, infinity, warns of nothing; so does the first number above 1.
    curve = {
        "threshold": np.minimum(thresholds, ABOVE_ONE),
        "cost_per_1000": 1000 * (missed + false_alarms),
    }
    return pd.DataFrame(curve)


def cheapest(curve: pd.DataFrame) -> dict[str, float]:
    """Return the threshold of the lowest cost, and that cost; of equals, what warns least."""
    best = curve.iloc[curve["cost_per_1000"].argmin()]
    return {str(name): float(value) for name, value in best.items()}


def importance(
    model: HistGradientBoostingClassifier, table: pd.DataFrame, *, seed: int
) -> pd.DataFrame:
    """Return how much ROC AUC is lost when a feature is shuffled: feature, mean and spread."""
    result = permutation_importance(
        model, inputs(table), table["late"], scoring="roc_auc", n_repeats=5, random_state=seed
    )
    columns = {"feature": FEATURES, "auc_lost": result.importances_mean}
    return pd.DataFrame(columns).assign(spread=result.importances_std).sort_values("auc_lost")
