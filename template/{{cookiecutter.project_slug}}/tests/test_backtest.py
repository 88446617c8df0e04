"""The backtest: what a model may learn, what a day costs, and what is said of it."""

import pandas as pd
import pytest

from study import backtest, data, model, money

PRICES = {"price_missed": 100.0, "price_false_alarm": 25.0}
SIZE = {"max_iter": 5, "learning_rate": 0.1, "max_leaf_nodes": 7, "min_samples_leaf": 20, "seed": 0}


@pytest.mark.parametrize("window", ["expanding", "sliding"])
@pytest.mark.parametrize("month", range(3, 13))
def test_a_model_learns_only_what_came_before_its_month_and_its_threshold(
    month: int, window: str
) -> None:
    found = backtest.window(month, range(1, 13), window=window, window_months=4)
    assert max(found.fit_months) < found.threshold_month == month - 1
    assert len(found.fit_months) == (month - 2 if window == "expanding" else min(4, month - 2))


def test_a_month_that_was_not_collected_is_passed_over() -> None:
    found = backtest.window(9, [1, 2, 5, 7, 9, 10], window="sliding", window_months=2)
    assert found == ([2, 5], 7)


@pytest.fixture(scope="module")
def learned(table: pd.DataFrame) -> backtest.Learned:
    months = backtest.Window([1, 2, 3, 4], 5)
    return backtest.learn(table, months, size=SIZE, prior_flights=20, prices=PRICES)


def test_the_days_of_a_month_add_up_to_its_cost(
    table: pd.DataFrame, learned: backtest.Learned
) -> None:
    flights = data.keep_months(table, [7])
    chances = backtest.chances(flights, learned, learned)
    warned = {name: chance >= 0.3 for name, chance in chances.items()}
    days = backtest.daily(flights, warned, **PRICES)
    for name, said in warned.items():
        per_1000 = model.cost_per_1000(flights["late"], pd.Series(said), **PRICES)
        assert days[name].sum() == pytest.approx(per_1000 * len(flights) / 1000)
    assert days["nothing"].sum() == 100 * flights["late"].sum()


def test_the_same_model_on_both_sides_saves_nothing_for_certain(
    table: pd.DataFrame, learned: backtest.Learned
) -> None:
    flights = data.keep_months(table, [7, 8])
    chances = backtest.chances(flights, learned, learned)
    days = backtest.daily(flights, {k: v >= 0.3 for k, v in chances.items()}, **PRICES)
    found = money.monthly(days, seed=0)
    assert (found[["saved", "saved_low", "saved_high", "summed"]] == 0).all(axis=None)
    assert money.finding(found) == "Retraining from July to August: no gain or loss beyond chance"


def _days(saved: float) -> pd.DataFrame:
    """Ten days in each of two months, on which retraining saves so much, give or take a dollar."""
    day = pd.DataFrame({"day": [f"{number:02}" for number in range(10)], "flights": 10, "late": 3})
    spread = pd.Series(range(10)) % 2
    cost = {"champion": 100 + saved + spread, "retrained": 100.0, "naive": 120.0, "nothing": 300.0}
    return pd.concat([day.assign(month=month, **cost) for month in (6, 7)], ignore_index=True)


@pytest.mark.parametrize(
    ("saved", "said"),
    [
        (9.5, "Retraining every month would have saved $200 from June to July"),
        (-10.5, "Retraining every month would have lost $200 from June to July"),
    ],
)
def test_the_title_says_what_the_figures_say(saved: float, said: str) -> None:
    table = money.monthly(_days(saved), seed=0)
    assert money.finding(table) == said
    assert ("June and July" in money.detail(table)[1]) == (saved < 0)


def test_the_running_sum_ends_in_the_whole() -> None:
    table = money.monthly(_days(20), seed=0)
    whole = money.totals(table)
    assert whole["saved"]["all"] == table["saved"].sum() == table["summed"].iloc[-1]
    assert whole["champion"]["all"] - whole["retrained"]["all"] == whole["saved"]["all"]


@pytest.mark.parametrize(
    ("value", "said"),
    [(999.4, "$999"), (-1234, "$1,200"), (50_812, "$51,000"), (3_040_000, "$3.04 million")],
)
def test_an_amount_is_written_as_people_say_it(value: float, said: str) -> None:
    assert money.dollars(value) == said
