"""What would have happened: a champion that is kept beside a model that is retrained every month.

Retrained as `headrace retrain` does it, with every challenger promoted. Frames in, frames out.
Money is dollars that mistakes cost: late flights without a warning, warnings without a late flight.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

from study import live, model
from study.model import Vector

POLICIES = ("champion", "retrained", "naive", "nothing")
"""Who warns: the model that is kept, the one that is retrained, the naive one, and nobody."""


class Window(NamedTuple):
    """The months that a model learns, the one that sets its threshold, and the one it is judged on.

    It answers for none of them.
    """

    fit_months: list[int]
    threshold_month: int
    judged_month: int


class Learned(NamedTuple):
    """Both models as one window makes them, each with the probability from which it warns."""

    fitted: HistGradientBoostingClassifier
    threshold: float
    naive: pd.DataFrame
    naive_threshold: float


def window(month: int, available: Iterable[int], *, delay: int, **retrain: Any) -> Window:
    """Return what a model has learned that answers for `month`: what `headrace retrain` gives it.

    It was judged on the batch `delay` months before, since a challenger takes over only when the
    truth of that is known. `available` are the months that were collected: others are not learned.
    `retrain` is the block of that name in params.yaml.

    Errors:
        DataError: there are too few months before it.
    """
    made, collected = live.window(live.called(month - delay), retrain), {*available}
    return Window(
        [each for each in made["train.fit_months"] if each in collected],
        made["train.threshold_month"],
        made["evaluate.evaluate_month"],
    )


def learn(
    table: pd.DataFrame,
    months: Window,
    *,
    size: Mapping[str, Any],
    prior_flights: int,
    prices: Mapping[str, float],
) -> Learned:
    """Fit both models on a window's months, and choose their thresholds on the month after."""
    train = table[table["month"].isin(months.fit_months)]
    later = table[table["month"] == months.threshold_month]
    fitted = model.fit(train, **size)
    naive = model.fit_naive(train, prior_flights=prior_flights)
    chances = (model.probability(fitted, later), model.naive_probability(naive, later))
    curves = [model.cost_curve(later["late"], chance, **prices) for chance in chances]
    best, naive_best = (model.cheapest(curve)["threshold"] for curve in curves)
    return Learned(fitted, best, naive, naive_best)


def chances(table: pd.DataFrame, champion: Learned, retrained: Learned) -> dict[str, Vector]:
    """Return what each policy but "nothing" says of each flight; the naive model is retrained."""
    return {
        "champion": model.probability(champion.fitted, table),
        "retrained": model.probability(retrained.fitted, table),
        "naive": model.naive_probability(retrained.naive, table),
    }


def thresholds(champion: Learned, retrained: Learned) -> dict[str, float]:
    """Return from which probability on each policy but "nothing" warns."""
    return {
        "champion": champion.threshold,
        "retrained": retrained.threshold,
        "naive": retrained.naive_threshold,
    }


def facts(
    table: pd.DataFrame, windows: Mapping[str, Window], thresholds: Mapping[str, float]
) -> dict[str, dict[str, float]]:
    """Return of each model the months it learned, of its threshold and of its judging; flights."""
    return {
        name: {
            "fit_from": min(months.fit_months),
            "fit_to": max(months.fit_months),
            "fit_flights": int(table["month"].isin(months.fit_months).sum()),
            "threshold_month": months.threshold_month,
            "threshold": thresholds[name],
            "judged_month": months.judged_month,
        }
        for name, months in windows.items()
    }


def daily(
    table: pd.DataFrame,
    warned: Mapping[str, npt.NDArray[np.bool_]],
    *,
    price_missed: float,
    price_false_alarm: float,
) -> pd.DataFrame:
    """Return per day the flights, the late ones, and the dollars of each policy's mistakes."""
    late = table["late"].to_numpy()
    warned = {**warned, "nothing": np.zeros(len(table), dtype=bool)}
    costs = {
        name: price_missed * (late & ~warned[name]) + price_false_alarm * (~late & warned[name])
        for name in POLICIES
    }
    flights = pd.DataFrame({"flights": 1, "late": late.astype(int), **costs})
    flights.insert(0, "day", table["time_hour"].dt.strftime("%Y-%m-%d").to_numpy())
    flights.insert(0, "month", table["month"].to_numpy())
    return flights.groupby(["month", "day"], as_index=False).sum()
