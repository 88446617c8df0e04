"""What is known before departure, and that nothing else is."""

import numpy as np
import pandas as pd
import pytest

from study import features, model

AFTER_DEPARTURE = ["dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"]


def test_no_feature_is_named_after_what_happens_later() -> None:
    assert not set(features.FEATURES) & set(AFTER_DEPARTURE)


def test_shuffling_what_happens_after_departure_changes_no_prediction(
    raw: dict[str, pd.DataFrame], built: pd.DataFrame, table: pd.DataFrame
) -> None:
    size = {"max_leaf_nodes": 31, "min_samples_leaf": 20, "learning_rate": 0.1}
    fitted = model.fit(table, max_iter=20, **size, seed=0)
    naive = model.fit_naive(table, prior_flights=20)
    order = np.random.default_rng(0).permutation(len(raw["flights"]))
    shuffled = raw["flights"].copy()
    shuffled[AFTER_DEPARTURE] = raw["flights"][AFTER_DEPARTURE].to_numpy()[order]
    other = features.build(**{**raw, "flights": shuffled}, lag_hours=2, fill_hours=6)
    assert np.array_equal(model.probability(fitted, other), model.probability(fitted, built))
    assert np.array_equal(
        model.naive_probability(naive, other), model.naive_probability(naive, built)
    )


def test_weather_that_was_not_known_two_hours_before_changes_no_feature(
    raw: dict[str, pd.DataFrame],
) -> None:
    flight = raw["flights"].iloc[[100]]
    departure = flight["time_hour"].iloc[0]
    weather = raw["weather"]
    # The row of an hour is known when the hour has ended.
    too_new = weather["time_hour"] + pd.Timedelta(hours=1) > departure - pd.Timedelta(hours=2)
    spoiled = weather.assign(temp=weather["temp"].mask(too_new, -39.0))
    tables = {**raw, "flights": flight}
    expected = features.build(**tables, lag_hours=2, fill_hours=6)
    result = features.build(**{**tables, "weather": spoiled}, lag_hours=2, fill_hours=6)
    pd.testing.assert_frame_equal(result, expected)
    assert expected["temp"].notna().all()


def test_a_missing_hour_is_filled_from_before_and_only_so_far(raw: dict[str, pd.DataFrame]) -> None:
    flight = raw["flights"].iloc[[100]]
    newest = flight["time_hour"].iloc[0] - pd.Timedelta(hours=3)
    weather = raw["weather"]
    gap = weather["time_hour"].between(newest - pd.Timedelta(hours=3), newest)
    tables = {**raw, "flights": flight, "weather": weather[~gap]}
    assert features.build(**tables, lag_hours=2, fill_hours=4)["temp"].notna().all()
    assert features.build(**tables, lag_hours=2, fill_hours=3)["temp"].isna().all()


def test_one_flight_in_is_one_row_out_in_the_same_order(
    raw: dict[str, pd.DataFrame], built: pd.DataFrame
) -> None:
    keys = [*features.KEY, "origin", "dest"]
    pd.testing.assert_frame_equal(built[keys], raw["flights"][keys])


@pytest.mark.parametrize(
    ("dest", "utc_hour", "hours"),
    [("LAX", 4, 6.25), ("LAX", 3, 6.25), ("PHX", 4, 5.25), ("PHX", 3, 6.25), ("BOS", 3, 3.25)],
    ids=[
        "coast in winter",
        "coast in summer",
        "Phoenix in winter",
        "Phoenix in summer",
        "no shift",
    ],
)
def test_block_time_counts_time_zones_and_summer_time(
    dest: str, utc_hour: int, hours: float
) -> None:
    when = pd.Timestamp(f"2013-07-02 {utc_hour:02}:00", tz="UTC")
    flight = pd.DataFrame(
        {"year": [2013], "month": [7], "day": [1], "hour": [23], "minute": [30]}
        | {"sched_arr_time": [245], "origin": ["JFK"], "dest": [dest], "time_hour": [when]}
    )
    places = {"faa": ["JFK", "LAX", "PHX", "BOS"], "tz": [-5, -8, -7, -5], "dst": list("AANA")}
    result = features.timetable(flight, pd.DataFrame(places)).iloc[0]
    assert result["departure_minute"] == 23 * 60 + 30
    assert result["arrival_minute"] == 2 * 60 + 45
    assert result["block_minutes"] == 60 * hours


def test_late_begins_at_the_minute_that_params_name() -> None:
    flights = pd.DataFrame({"arr_delay": [14.0, 15.0, 16.0]})
    assert features.late(flights, late_minutes=15).tolist() == [False, True, True]


def test_thinning_keeps_each_month_and_is_drawn_by_the_seed(table: pd.DataFrame) -> None:
    thinned = features.thin(table, fraction=0.25, seed=3)
    share = thinned.groupby("month").size() / table.groupby("month").size()
    assert share.between(0.24, 0.26).all()
    pd.testing.assert_frame_equal(thinned, features.thin(table, fraction=0.25, seed=3))
    assert not thinned.index.equals(features.thin(table, fraction=0.25, seed=4).index)
    assert thinned.index.is_monotonic_increasing
