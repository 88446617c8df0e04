"""The data contract: what is published keeps it, and every violation is named."""

from collections.abc import Callable

import pandas as pd
import pytest
from headrace.errors import DataError

from study import features, schema

Change = Callable[[pd.DataFrame], pd.DataFrame]


def test_the_published_tables_keep_their_contracts(raw: dict[str, pd.DataFrame]) -> None:
    for name, table in raw.items():
        assert len(schema.check(table, getattr(schema, name))) == len(table)


def test_what_is_built_keeps_the_features_contract(table: pd.DataFrame) -> None:
    assert list(schema.check(table, schema.features)) == features.COLUMNS


def test_the_wind_of_a_thousand_miles_per_hour_is_refused(raw: dict[str, pd.DataFrame]) -> None:
    weather = raw["weather"].copy()
    weather.loc[7, "wind_speed"] = 1048.36
    with pytest.raises(DataError, match=r"wind_speed.*1 row, such as 1048\.36"):
        schema.check(weather, schema.weather)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.rename(columns={"dest": "destination"}), r"dest +the column is missing"),
        (lambda t: t.rename(columns={"dest": "destination"}), r"destination +the column is not in"),
        (
            lambda t: t.assign(distance=t["distance"].astype(str)),
            r"distance +expected dtype\('int64'\)",
        ),
        (lambda t: t.assign(month=13), r"month +in_range\(1, 12\): 4,000 rows, such as 13"),
        (lambda t: t.assign(origin="BOS"), r"origin +isin.*such as BOS"),
        (lambda t: t.assign(sched_dep_time=1275), r"sched_dep_time +is_a_clock_time"),
        (lambda t: pd.concat([t, t.tail(1)]), r"carrier +multiple_fields_uniqueness: 2 rows"),
        (
            lambda t: t.assign(carrier=t["carrier"].mask(t.index == 5)),
            r"carrier +not_nullable: 1 row",
        ),
    ],
)
def test_every_violation_names_column_rule_count_and_examples(
    raw: dict[str, pd.DataFrame], change: Change, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        schema.check(change(raw["flights"]), schema.flights)


def test_all_violations_are_listed_at_once(raw: dict[str, pd.DataFrame]) -> None:
    broken = raw["flights"].drop(columns="dest").assign(month=0, hour=99)
    with pytest.raises(DataError) as error:
        schema.check(broken, schema.flights)
    assert [word in str(error.value) for word in ("dest", "month", "hour")] == [True] * 3


def test_a_table_without_rows_is_refused(raw: dict[str, pd.DataFrame]) -> None:
    with pytest.raises(DataError, match="'flights' has no rows"):
        schema.check(raw["flights"].head(0), schema.flights)


def test_a_column_of_a_wrong_type_is_said_once(raw: dict[str, pd.DataFrame]) -> None:
    broken = raw["flights"].assign(distance=raw["flights"]["distance"].astype(str))
    with pytest.raises(DataError) as error:
        schema.check(broken, schema.flights)
    assert str(error.value).count("distance") == 1
    assert "TypeError" not in str(error.value)
