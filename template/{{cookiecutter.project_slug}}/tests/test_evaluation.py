"""Figures that agree with counting by hand."""

import numpy as np
import pandas as pd
import pytest

from study import evaluation

LATE = pd.Series([True, True, True, False, False, False, False, False])
CHANCE = np.array([0.9, 0.6, 0.2, 0.7, 0.3, 0.2, 0.1, 0.1])
PRICES = {"price_missed": 100.0, "price_false_alarm": 25.0}


def test_scores_agree_with_counting() -> None:
    scores = evaluation.scores(LATE, CHANCE, threshold=0.5, **PRICES)
    pairs = [(a, b) for a in CHANCE[LATE] for b in CHANCE[~LATE]]
    auc = np.mean([(a > b) + 0.5 * (a == b) for a, b in pairs])
    assert scores["roc_auc"] == pytest.approx(auc)
    assert scores["brier_score"] == pytest.approx(np.mean((CHANCE - LATE) ** 2))
    assert scores["precision"] == pytest.approx(2 / 3)
    assert scores["recall"] == pytest.approx(2 / 3)
    assert scores["cost_per_1000"] == pytest.approx((1 * 100 + 1 * 25) / 8 * 1000)


GROUPS = pd.Series(["a"] * 4 + ["b"] * 4)
DAYS = pd.Series([1, 2] * 4)


def test_error_rates_agree_with_counting_and_lie_in_their_intervals() -> None:
    warned = pd.Series(CHANCE >= 0.5)
    rates = evaluation.error_rates(LATE, warned, GROUPS, DAYS, seed=0).set_index("group")
    assert rates.loc["a", "false_negative_rate"] == pytest.approx(1 / 3)
    assert rates.loc["a", "false_positive_rate"] == 1
    assert rates.loc["b", "false_positive_rate"] == 0
    assert rates.loc["a", "false_negative_rate_low"] == 0
    assert rates.loc["a", "false_negative_rate_high"] == 0.5
    assert rates[["late_flights", "punctual_flights"]].to_numpy().tolist() == [[3, 1], [0, 4]]


def test_a_group_without_late_flights_has_no_rate_of_missed_ones() -> None:
    rates = evaluation.error_rates(LATE, ~LATE, GROUPS, DAYS, seed=0).set_index("group")
    assert np.isnan(rates.loc["b", "false_negative_rate"])
    assert rates.loc["b", "punctual_flights"] == 4


def test_flights_that_share_a_day_widen_the_interval() -> None:
    random = np.random.default_rng(0)
    days = pd.Series(np.repeat(np.arange(30), 100))
    bad_day = random.random(30) < 0.5
    warned = pd.Series(bad_day[days.to_numpy()])
    late = pd.Series(np.zeros(3000, dtype=bool))
    everyone = pd.Series(["all"] * 3000)
    together = evaluation.error_rates(late, warned, everyone, days, seed=0).iloc[0]
    apart = evaluation.error_rates(late, warned, everyone, pd.Series(range(3000)), seed=0).iloc[0]
    width = [
        row["false_positive_rate_high"] - row["false_positive_rate_low"]
        for row in (together, apart)
    ]
    assert width[0] > 5 * width[1]


def test_a_rate_with_few_flights_behind_it_does_not_widen_the_gaps() -> None:
    rates = pd.DataFrame(
        {"by": "carrier", "late_flights": [500, 400, 3], "punctual_flights": [900, 900, 900]}
        | {"false_negative_rate": [0.2, 0.3, 1.0], "false_positive_rate": [0.5, 0.5, 0.1]}
    )
    gaps = evaluation.gaps(rates, min_group=100)
    assert gaps["carrier"]["false_negative_rate"] == pytest.approx(0.1)
    assert gaps["carrier"]["false_positive_rate"] == pytest.approx(0.4)


def test_what_is_sure_of_a_gap_is_the_distance_between_intervals() -> None:
    ends = {"false_negative_rate_low": [0.1, 0.25], "false_negative_rate_high": [0.22, 0.4]}
    alike = {"false_positive_rate_low": [0.1, 0.2], "false_positive_rate_high": [0.4, 0.5]}
    rates = pd.DataFrame(
        {"by": "origin", "late_flights": 500, "punctual_flights": 900}
        | {"false_negative_rate": [0.15, 0.3], "false_positive_rate": [0.2, 0.4]}
        | ends
        | alike
    )
    gaps = evaluation.gaps(rates, min_group=100, sure=True)["origin"]
    assert gaps["false_negative_rate_low"] == pytest.approx(0.03)
    assert gaps["false_positive_rate_low"] == 0
    assert gaps["false_positive_rate"] == pytest.approx(0.2)


def test_a_small_group_is_not_called_unfairly_treated_by_chance() -> None:
    random = np.random.default_rng(0)
    rows, wide, sure = 8_000, [], []
    for _ in range(20):  # both groups fare alike; the smaller one has some 120 late flights
        late, warned = pd.Series(random.random(rows) < 0.3), pd.Series(random.random(rows) < 0.5)
        groups = pd.Series(np.where(random.random(rows) < 0.05, "small", "large"))
        days = pd.Series(random.integers(0, 30, rows))
        rates = evaluation.error_rates(late, warned, groups, days, seed=0).assign(by="carrier")
        gaps = evaluation.gaps(rates, min_group=50, sure=True)["carrier"]
        wide.append(gaps["false_negative_rate"])
        sure.append(gaps["false_negative_rate_low"])
    assert sum(gap > 0.03 for gap in wide) >= 10
    assert max(sure) < 0.03


def test_curves_have_both_ends_and_few_points() -> None:
    random = np.random.default_rng(0)
    chance = random.random(5000)
    late = pd.Series(random.random(5000) < chance)
    roc = evaluation.roc(late, chance)
    assert len(roc) <= evaluation.CURVE_POINTS
    assert roc.iloc[0].tolist() == [0, 0]
    assert roc.iloc[-1].tolist() == [1, 1]
    assert evaluation.precision_recall(late, chance)["recall"].is_monotonic_increasing
