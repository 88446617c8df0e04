"""The data contract: what every table must look like before anything is built on it."""

import copy

import pandas as pd
import pandera.pandas as pa
from headrace.schema import pandera_check

ORIGINS = ["EWR", "JFK", "LGA"]
TIMESTAMP = pd.DatetimeTZDtype(tz="UTC", unit="us")
WHOLE = pa.Check(lambda clock: (clock % 100 < 60) & (clock <= 2400), name="is_a_clock_time")


def _code(length: int) -> pa.Check:
    return pa.Check.str_length(length, length)


def _between(low: float, high: float) -> pa.Check:
    return pa.Check.in_range(low, high)


flights = pa.DataFrameSchema(
    {
        "year": pa.Column("int64", pa.Check.eq(2013)),
        "month": pa.Column("int64", _between(1, 12)),
        "day": pa.Column("int64", _between(1, 31)),
        "sched_dep_time": pa.Column("int64", [_between(0, 2400), WHOLE]),
        "sched_arr_time": pa.Column("int64", [_between(0, 2400), WHOLE]),
        "dep_time": pa.Column("float64", _between(1, 2400), nullable=True),
        "dep_delay": pa.Column("float64", _between(-120, 2000), nullable=True),
        "arr_time": pa.Column("float64", _between(1, 2400), nullable=True),
        "arr_delay": pa.Column("float64", _between(-180, 2000), nullable=True),
        "air_time": pa.Column("float64", _between(5, 1000), nullable=True),
        "carrier": pa.Column("str", _code(2)),
        "flight": pa.Column("int64", _between(1, 9999)),
        "tailnum": pa.Column("str", nullable=True),
        "origin": pa.Column("str", pa.Check.isin(ORIGINS)),
        "dest": pa.Column("str", _code(3)),
        "distance": pa.Column("int64", _between(10, 6000)),
        "hour": pa.Column("int64", _between(0, 23)),
        "minute": pa.Column("int64", _between(0, 59)),
        "time_hour": pa.Column(TIMESTAMP),
    },
    unique=["time_hour", "carrier", "flight"],
    strict=True,
    name="flights",
)
"""Scheduled and actual times are local clock times (HHMM), delays minutes, distance miles."""

weather = pa.DataFrameSchema(
    {
        "origin": pa.Column("str", pa.Check.isin(ORIGINS)),
        "time_hour": pa.Column(TIMESTAMP),
        "temp": pa.Column("float64", _between(-40, 130), nullable=True),
        "dewp": pa.Column("float64", _between(-60, 100), nullable=True),
        "humid": pa.Column("float64", _between(0, 100), nullable=True),
        "wind_dir": pa.Column("float64", _between(0, 360), nullable=True),
        "wind_speed": pa.Column("float64", _between(0, 150), nullable=True),
        "wind_gust": pa.Column("float64", _between(0, 200), nullable=True),
        "precip": pa.Column("float64", _between(0, 10)),
        "pressure": pa.Column("float64", _between(900, 1100), nullable=True),
        "visib": pa.Column("float64", _between(0, 10)),
    },
    unique=["origin", "time_hour"],
    strict="filter",
    name="weather",
)
"""Degrees Fahrenheit, per cent, degrees, miles per hour, inches, millibars, miles."""

planes = pa.DataFrameSchema(
    {
        "tailnum": pa.Column("str", unique=True),
        "year": pa.Column("float64", _between(1940, 2013), nullable=True),
        "seats": pa.Column("int64", _between(1, 900)),
    },
    strict="filter",
    name="planes",
)

airports = pa.DataFrameSchema(
    {
        "faa": pa.Column("str", _code(3), unique=True),
        "tz": pa.Column("int64", _between(-12, 14)),
        "dst": pa.Column("str", pa.Check.isin(["A", "N", "U"])),
    },
    strict="filter",
    name="airports",
)
"""Standard time zone in hours from Greenwich; summer time as in the US, never, or unknown."""

features = pa.DataFrameSchema(
    {
        "time_hour": pa.Column(TIMESTAMP),
        "flight": pa.Column("int64", _between(1, 9999)),
        "month": pa.Column("int64", _between(1, 12)),
        "late": pa.Column("bool"),
        "carrier": pa.Column("str", _code(2)),
        "origin": pa.Column("str", pa.Check.isin(ORIGINS)),
        "dest": pa.Column("str", _code(3)),
        "weekday": pa.Column("int64", _between(0, 6)),
        "hour": pa.Column("int64", _between(0, 23)),
        "departure_minute": pa.Column("int64", _between(0, 1439)),
        "arrival_minute": pa.Column("int64", _between(0, 1439)),
        "block_minutes": pa.Column("float64", _between(0, 1440), nullable=True),
        "distance": pa.Column("int64", _between(10, 6000)),
        "hour_traffic": pa.Column("int64", _between(1, 200)),
        "day_traffic": pa.Column("int64", _between(1, 2000)),
        "seats": pa.Column("float64", _between(1, 900), nullable=True),
        "plane_age": pa.Column("float64", _between(0, 80), nullable=True),
        **{name: weather.columns[name] for name in ("temp", "dewp", "humid", "wind_dir")},
        **{name: weather.columns[name] for name in ("wind_speed", "wind_gust", "pressure")},
        "precip": pa.Column("float64", _between(0, 10), nullable=True),
        "visib": pa.Column("float64", _between(0, 10), nullable=True),
    },
    unique=["time_hour", "carrier", "flight"],
    strict=True,
    name="features",
)
"""What is known two hours before the scheduled departure, the label, and the flight's key."""


INPUTS = {
    "carrier": ("", "airline, by its two-letter code"),
    "origin": ("", "airport of departure"),
    "dest": ("", "airport of arrival, by its three-letter code"),
    "weekday": ("", "day of the week, from 0 for Monday"),
    "departure_minute": ("min", "scheduled departure, on the origin's clock, from midnight"),
    "arrival_minute": ("min", "scheduled arrival, on the destination's clock, from midnight"),
    "block_minutes": ("min", "scheduled time from gate to gate"),
    "distance": ("mi", "distance between the airports"),
    "hour_traffic": ("", "flights scheduled at the origin in the same hour"),
    "day_traffic": ("", "flights scheduled at the origin on the same day"),
    "seats": ("", "seats of the plane"),
    "plane_age": ("years", "age of the plane"),
    "temp": ("°F", "temperature at the origin"),
    "dewp": ("°F", "dew point at the origin"),
    "humid": ("%", "relative humidity at the origin"),
    "wind_dir": ("°", "direction of the wind at the origin"),
    "wind_speed": ("mph", "speed of the wind at the origin"),
    "wind_gust": ("mph", "speed of gusts at the origin"),
    "precip": ("in", "rain or snow at the origin in an hour"),
    "pressure": ("mbar", "air pressure at sea level at the origin"),
    "visib": ("mi", "visibility at the origin"),
}
"""Each of the model's inputs, in its order: unit and meaning. The weather is that of the last hour
that had ended two hours before the hour of departure."""


def _meant(name: str, unit: str, meaning: str) -> pa.Column:
    column: pa.Column = copy.deepcopy(features.columns[name])
    column.description, column.metadata = meaning, {"unit": unit} if unit else None
    return column


inputs = pa.DataFrameSchema(
    {name: _meant(name, unit, meaning) for name, (unit, meaning) in INPUTS.items()},
    strict=True,
    name="inputs",
)
"""What the model is asked with: one row for each flight."""


def check(table: pd.DataFrame, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Return the table as its contract wants it, or list every violation.

    Errors:
        DataError: one line per column and rule, with the number of rows and examples.
    """
    return pandera_check.check(table, schema)
