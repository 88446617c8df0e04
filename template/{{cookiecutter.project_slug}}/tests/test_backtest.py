"""The backtest: what a model may learn, what a day costs, and how it is described."""

import pandas as pd
import pytest
from headrace.core import yaml
from headrace.errors import DataError
from pydantic import ValidationError

from study import backtest, data, live, model, money, money_picture, paths
from study.params import Params

PRICES = {"price_missed": 100.0, "price_false_alarm": 25.0}
SIZE = {"max_iter": 5, "learning_rate": 0.1, "max_leaf_nodes": 7, "min_samples_leaf": 20, "seed": 0}


@pytest.mark.parametrize("window", ["expanding", "sliding"])
@pytest.mark.parametrize("delay", [1, 2])
@pytest.mark.parametrize("month", range(5, 13))
def test_a_backtest_plays_what_retraining_would_have_proposed(
    month: int, delay: int, window: str
) -> None:
    retrain = {"window": window, "window_months": 4}
    chosen = backtest.window(month, range(1, 13), delay=delay, **retrain)
    proposed = live.window(live.called(month - delay), retrain)
    assert chosen == tuple(proposed.values())
    assert max(chosen.fit_months) == chosen.threshold_month - 1 == chosen.judged_month - 2
    assert chosen.judged_month == month - delay
    past = month - delay - 2
    assert len(chosen.fit_months) == (past if window == "expanding" else min(4, past))
    assert month not in {*chosen.fit_months, chosen.threshold_month, chosen.judged_month}


def test_a_month_without_a_past_is_refused_in_words() -> None:
    for month, delay in ((3, 1), (2, 2), (1, 3)):
        with pytest.raises(DataError, match="Next: "):
            backtest.window(month, range(1, 13), delay=delay, window="expanding", window_months=4)


def test_a_month_that_was_not_collected_is_not_learned() -> None:
    retrain = {"window": "sliding", "window_months": 3}
    chosen = backtest.window(9, [2, 4, 5, 7, 8, 9], delay=1, **retrain)
    assert chosen == ([4, 5], 7, 8)


@pytest.mark.parametrize("window", ["expanding", "sliding"])
@pytest.mark.parametrize("collected", [range(1, 13), range(4, 13), [1, 2, 3, 5, 6, 7, 8, 9, 10]])
def test_params_take_what_can_be_played_back_and_nothing_else(
    collected: list[int], window: str
) -> None:
    raw = yaml.read(paths.root / "params.yaml")
    raw["collect"]["months"] = [*collected]
    raw["train"] |= {"fit_months": [5, 6], "threshold_month": 7}
    raw["evaluate"]["evaluate_month"] = 8
    raw["retrain"] = {"window": window, "window_months": 1}
    taken = {}
    for delay in range(1, 8):
        for month in collected:
            raw["backtest"] = {"months": [month], "champion_month": month, "delay": delay}
            try:
                chosen = backtest.window(month, collected, delay=delay, **raw["retrain"])
                good = bool(chosen.fit_months) and {*chosen[1:]} <= {*collected}
            except DataError:
                good = False
            try:
                Params.model_validate(raw)
                taken[month, delay] = True
            except ValidationError:
                taken[month, delay] = False
            assert taken[month, delay] == good
    assert {*taken.values()} == {True, False}


@pytest.fixture(scope="module")
def learned(table: pd.DataFrame) -> backtest.Learned:
    months = backtest.Window([1, 2, 3, 4], 5, 6)
    return backtest.learn(table, months, size=SIZE, prior_flights=20, prices=PRICES)


def test_the_days_of_a_month_add_up_to_its_cost(
    table: pd.DataFrame, learned: backtest.Learned
) -> None:
    flights = data.keep_months(table, [7])
    chances = backtest.chances(flights, learned, learned)
    warned = {name: chance >= 0.3 for name, chance in chances.items()}
    days = backtest.daily(flights, warned, **PRICES)
    for name, warnings in warned.items():
        per_1000 = model.cost_per_1000(flights["late"], pd.Series(warnings), **PRICES)
        assert days[name].sum() == pytest.approx(per_1000 * len(flights) / 1000)
    assert days["nothing"].sum() == 100 * flights["late"].sum()


def test_the_same_model_on_both_sides_saves_nothing_for_certain(
    table: pd.DataFrame, learned: backtest.Learned
) -> None:
    flights = data.keep_months(table, [7, 8])
    chances = backtest.chances(flights, learned, learned)
    days = backtest.daily(flights, {k: v >= 0.3 for k, v in chances.items()}, **PRICES)
    table = money.monthly(days, seed=0)
    assert (table[["saved", "saved_low", "saved_high", "summed"]] == 0).all(axis=None)
    assert money.finding(table) == "Retraining from July to August: no gain or loss beyond chance"


def _days(saved: float) -> pd.DataFrame:
    """Ten days in each of two months, on which retraining saves so much, give or take a dollar."""
    day = pd.DataFrame({"day": [f"{number:02}" for number in range(10)], "flights": 10, "late": 3})
    spread = pd.Series(range(10)) % 2
    cost = {"champion": 100 + saved + spread, "retrained": 100.0, "naive": 120.0, "nothing": 300.0}
    return pd.concat([day.assign(month=month, **cost) for month in (6, 7)], ignore_index=True)


@pytest.mark.parametrize(
    ("saved", "text"),
    [
        (9.5, "Retraining every month would have saved $200 from June to July"),
        (-10.5, "Retraining every month would have lost $200 from June to July"),
    ],
)
def test_the_title_says_what_the_figures_say(saved: float, text: str) -> None:
    table = money.monthly(_days(saved), seed=0)
    assert money.finding(table) == text
    assert ("June and July" in money.detail(table)[1]) == (saved < 0)


@pytest.mark.parametrize(("delay", "text"), [(1, "on the month before;"), (9, "9 months before;")])
def test_the_picture_says_which_policy_its_figures_are_of(delay: int, text: str) -> None:
    drawn = money_picture.picture(money.monthly(_days(9.5), seed=0), delay=delay)
    foot = drawn.get_supxlabel().split("\n")
    assert f"Retrained: the model that was judged {text}" in foot[0]
    assert len(foot) == 3
    drawn.draw_without_rendering()
    ends = [text.get_window_extent().x1 for text in drawn.texts]
    assert len(ends) == 2
    assert max(ends) <= drawn.bbox.x1, "a longer line would widen the picture"


def test_the_running_sum_ends_in_the_whole() -> None:
    table = money.monthly(_days(20), seed=0)
    whole = money.totals(table)
    assert whole["saved"]["all"] == table["saved"].sum() == table["summed"].iloc[-1]
    assert whole["champion"]["all"] - whole["retrained"]["all"] == whole["saved"]["all"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(999.4, "$999"), (-1234, "$1,200"), (50_812, "$51,000"), (3_040_000, "$3.04 million")],
)
def test_an_amount_is_written_as_people_say_it(value: float, text: str) -> None:
    assert money.dollars(value) == text
