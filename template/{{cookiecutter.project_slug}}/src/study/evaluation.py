"""How good the two models are, for whom, and what their mistakes cost: frames in, frames out."""

import numpy as np
import pandas as pd
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    precision_recall_curve,
    precision_score,
    recall_score,
    roc_auc_score,
    roc_curve,
)

from study.model import Vector, cost_per_1000

DRAWS = 1000
"""Bootstrap draws behind an interval."""

CURVE_POINTS = 200
"""Points kept of a curve; more cannot be seen."""


def scores(
    late: pd.Series,
    probability: Vector,
    *,
    threshold: float,
    price_missed: float,
    price_false_alarm: float,
) -> dict[str, float]:
    """Judge one model's probabilities, and the warnings they give from the threshold on.

    The cost is in dollars per 1,000 flights; all others are shares of 1. `calibration_in_the_large`
    is the mean probability minus the late share: above 0, the model warns of too much.
    """
    warned = pd.Series(probability >= threshold, index=late.index)
    prices = {"price_missed": price_missed, "price_false_alarm": price_false_alarm}
    return {
        "roc_auc": float(roc_auc_score(late, probability)),
        "average_precision": float(average_precision_score(late, probability)),
        "brier_score": float(brier_score_loss(late, probability)),
        "calibration_in_the_large": float(probability.mean() - late.mean()),
        "precision": float(precision_score(late, warned, zero_division=0)),
        "recall": float(recall_score(late, warned)),
        "cost_per_1000": cost_per_1000(late, warned, **prices),
    }


def curves(late: pd.Series, probability: Vector, *, bins: int) -> dict[str, pd.DataFrame]:
    """Return one model's curves by name: roc, precision_recall and calibration."""
    return {
        "roc": roc(late, probability),
        "precision_recall": precision_recall(late, probability),
        "calibration": calibration(late, probability, bins=bins),
    }


def roc(late: pd.Series, probability: Vector) -> pd.DataFrame:
    """Return the ROC curve: false_positive_rate and true_positive_rate, rising."""
    false_positive, true_positive, _ = roc_curve(late, probability)
    curve = {"false_positive_rate": false_positive, "true_positive_rate": true_positive}
    return _thin(pd.DataFrame(curve))


def precision_recall(late: pd.Series, probability: Vector) -> pd.DataFrame:
    """Return the precision-recall curve, recall rising."""
    precision, recall, _ = precision_recall_curve(late, probability, drop_intermediate=True)
    # The last point, precision 1 at recall 0, is a convention of the curve, not a result.
    return _thin(pd.DataFrame({"recall": recall[-2::-1], "precision": precision[-2::-1]}))


def calibration(late: pd.Series, probability: Vector, *, bins: int) -> pd.DataFrame:
    """Return per bin of about equally many flights the mean probability and the late share."""
    late_share, predicted = calibration_curve(late, probability, n_bins=bins, strategy="quantile")
    return pd.DataFrame({"probability": predicted, "late_share": late_share})


def _thin(curve: pd.DataFrame) -> pd.DataFrame:
    """Keep CURVE_POINTS rows spread along the curve, both ends among them."""
    kept = np.linspace(0, len(curve) - 1, min(CURVE_POINTS, len(curve))).round().astype(int)
    return curve.iloc[kept].reset_index(drop=True)


def outcomes(late: pd.Series, warned: pd.Series) -> pd.DataFrame:
    """Name each flight's truth and prediction: actual and predicted, "late" or "on time"."""
    words = {True: "late", False: "on time"}
    return pd.DataFrame({"actual": late.map(words), "predicted": warned.map(words)})


def error_rates(
    late: pd.Series, warned: pd.Series, groups: pd.Series, days: pd.Series, *, seed: int
) -> pd.DataFrame:
    """Return each group's error rates with 95 % intervals.

    One row per group: late_flights, punctual_flights, and false_negative_rate (late flights not
    warned of) and false_positive_rate (punctual flights warned of), each with its low and high end.
    A rate without a single flight to count is missing.

    Flights of one day share its weather, so whole days are drawn: a bootstrap over clusters, with
    percentile intervals. Intervals that took flights for independent would be several times too
    narrow. Source: Davison and Hinkley, Bootstrap Methods and their Application (1997), 3.8.
    """
    missed = _rate("false_negative_rate", late, ~warned, groups, days, seed=seed)
    alarmed = _rate("false_positive_rate", ~late, warned, groups, days, seed=seed)
    flights = pd.DataFrame({"late_flights": late, "punctual_flights": ~late}).groupby(groups).sum()
    return pd.concat([flights, missed, alarmed], axis="columns").rename_axis("group").reset_index()


def _rate(
    name: str, among: pd.Series, wrong: pd.Series, groups: pd.Series, days: pd.Series, *, seed: int
) -> pd.DataFrame:
    """Return per group the share of `among` that is wrong, and its interval over drawn days."""
    counts = pd.DataFrame({"day": days, "group": groups, "among": among, "wrong": among & wrong})
    daily = {
        kind: counts.pivot_table(kind, index="day", columns="group", aggfunc="sum", fill_value=0)
        for kind in ("wrong", "among")
    }
    judged = daily["among"].sum() > 0
    errors, chances = (daily[kind].loc[:, judged] for kind in ("wrong", "among"))
    weights = np.full(len(errors), 1 / len(errors))
    draws = np.random.default_rng(seed).multinomial(len(errors), weights, size=DRAWS)
    with np.errstate(invalid="ignore"):  # a draw without one day of a group says nothing of it
        drawn = (draws @ errors.to_numpy()) / (draws @ chances.to_numpy())
    low, high = np.nanpercentile(drawn, [2.5, 97.5], axis=0).reshape(2, errors.shape[1])
    rate = errors.sum() / chances.sum()
    columns = {name: rate, f"{name}_low": low, f"{name}_high": high}
    return pd.DataFrame(columns).reindex(daily["among"].columns)


def group_rates(
    table: pd.DataFrame, warned: pd.Series, *, small_destination: int, seed: int
) -> pd.DataFrame:
    """Return `error_rates` per carrier, origin and size of the destination, one below the other.

    The column `by` names the grouping, and `group` begins with it. A destination is small when the
    table holds fewer than `small_destination` flights to it.
    """
    to_dest = table.groupby("dest")["dest"].transform("size")
    size = (to_dest < small_destination).map({True: "small", False: "large"})
    groups = {"carrier": table["carrier"], "origin": table["origin"], "destination": size}
    days = table["time_hour"].dt.floor("D")
    parts = [
        error_rates(table["late"], warned, by, days, seed=seed).assign(by=name)
        for name, by in groups.items()
    ]
    rates = pd.concat(parts, ignore_index=True)
    return rates.assign(group=rates["by"] + " " + rates["group"])


def gaps(rates: pd.DataFrame, *, min_group: int, sure: bool = False) -> dict[str, dict[str, float]]:
    """Return, per grouping, the widest difference of each error rate between groups.

    A rate counts only where at least `min_group` flights stand behind it. With `sure` there is also
    what chance leaves of the difference, `RATE_low`: the distance between the intervals of the two
    groups that are farthest apart, 0 where all of them overlap. By it a small group, whose rate is
    hardly known, is not called unfairly treated.
    """
    behind = {"false_negative_rate": "late_flights", "false_positive_rate": "punctual_flights"}
    widest = {}
    for rate, flights in behind.items():
        by = rates[rates[flights] >= min_group].groupby("by")
        widest[rate] = by[rate].max() - by[rate].min()
        if sure:
            apart = by[f"{rate}_low"].max() - by[f"{rate}_high"].min()
            widest[f"{rate}_low"] = apart.clip(lower=0.0)
    return {
        str(name): {str(rate): float(gap) for rate, gap in row.dropna().items()}
        for name, row in pd.DataFrame(widest).reindex(rates["by"].unique()).iterrows()
        if row.notna().any()
    }
