"""What the tests share: real flights, few of them."""

import pandas as pd
import pytest

from study import data, features


@pytest.fixture(scope="session")
def raw() -> dict[str, pd.DataFrame]:
    """The raw tables, with 4,000 flights spread over the year."""
    flights = data.source_table("flights.csv.zip").sample(4000, random_state=1).sort_index()
    return {
        "flights": flights.reset_index(drop=True),
        "weather": features.blank_impossible(data.source_table("weather.csv")),
        "planes": data.source_table("planes.csv"),
        "airports": data.source_table("airports.csv"),
    }


@pytest.fixture(scope="session")
def built(raw: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Every feature of those flights."""
    return features.build(**raw, lag_hours=2, fill_hours=6)


@pytest.fixture(scope="session")
def table(built: pd.DataFrame) -> pd.DataFrame:
    """Features and label of those that arrived."""
    landed = features.arrived(built)
    late = features.late(landed, late_minutes=15)
    return landed.assign(late=late)[features.COLUMNS].reset_index(drop=True)
