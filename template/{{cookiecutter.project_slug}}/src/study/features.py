"""What is known two hours before the scheduled departure: frames in, frames out."""

import pandas as pd

KEY = ["time_hour", "carrier", "flight"]
CATEGORIES = ["carrier", "origin", "dest"]
TIMETABLE = ["weekday", "departure_minute", "arrival_minute", "block_minutes", "distance"]
TRAFFIC = ["hour_traffic", "day_traffic"]
PLANE = ["seats", "plane_age"]
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust"]
WEATHER += ["precip", "pressure", "visib"]
FEATURES = CATEGORIES + TIMETABLE + TRAFFIC + PLANE + WEATHER
"""The model's inputs, in order. Nothing that happens after departure is among them."""

COLUMNS = ["time_hour", "flight", "month", "hour", "late", *FEATURES]
"""What is kept of a flight: its key, its month and hour, the label, and the inputs."""

SUMMER_IN_NEW_YORK = -4
"""Hours from Greenwich; in winter it is -5."""

PLAUSIBLE_WIND = 150.0
"""Miles per hour; the data hold one reading of 1,048."""


def late(flights: pd.DataFrame, *, late_minutes: int) -> pd.Series:
    """Tell which flights arrived this many minutes behind schedule, or more (bool)."""
    return (flights["arr_delay"] >= late_minutes).rename("late")


def arrived(flights: pd.DataFrame) -> pd.DataFrame:
    """Keep the flights that have a label: cancelled and diverted ones have no arrival delay."""
    return flights[flights["arr_delay"].notna()]


def blank_impossible(weather: pd.DataFrame) -> pd.DataFrame:
    """Turn wind speeds that no anemometer survives into missing values."""
    return weather.assign(
        wind_speed=weather["wind_speed"].where(weather["wind_speed"] <= PLAUSIBLE_WIND)
    )


def timetable(flights: pd.DataFrame, airports: pd.DataFrame) -> pd.DataFrame:
    """Add weekday (0 Monday), minutes of the day (0 to 1439) and the scheduled block time.

    The block time, minutes from gate to gate, needs the clocks of both airports: the origin's is
    told by `time_hour`, the destination's by its standard zone and by whether it keeps summer time
    as the United States do (`dst` "A"). It is missing where the destination is unknown.
    """
    date = pd.to_datetime(flights[["year", "month", "day"]])
    departure = flights["hour"] * 60 + flights["minute"]
    arrival = (flights["sched_arr_time"] // 100 * 60 + flights["sched_arr_time"] % 100) % 1440
    place = airports.set_index("faa")
    ahead = (flights["hour"] - flights["time_hour"].dt.hour) % 24 - 24  # hours, -4 in summer
    summer = (ahead == SUMMER_IN_NEW_YORK) & (flights["dest"].map(place["dst"]) == "A")
    shift = ahead - flights["dest"].map(place["tz"]) - summer
    return flights.assign(
        weekday=date.dt.day_of_week.astype("int64"),
        departure_minute=departure,
        arrival_minute=arrival,
        block_minutes=(arrival - departure + 60 * shift) % 1440.0,
    )


def traffic(flights: pd.DataFrame) -> pd.DataFrame:
    """Add how many flights the timetable has at the origin in the same hour and on the same day."""
    hour = flights.groupby(["origin", "time_hour"])["flight"].transform("size")
    day = flights.groupby(["origin", "month", "day"])["flight"].transform("size")
    return flights.assign(hour_traffic=hour.astype("int64"), day_traffic=day.astype("int64"))


def plane(flights: pd.DataFrame, planes: pd.DataFrame) -> pd.DataFrame:
    """Add the plane's seats and age in years; missing where the register lacks its tail number."""
    known = planes.set_index("tailnum")
    age = flights["year"] - flights["tailnum"].map(known["year"])
    seats = flights["tailnum"].map(known["seats"]).astype("float64")
    return flights.assign(seats=seats, plane_age=age)


def earlier_weather(
    flights: pd.DataFrame, weather: pd.DataFrame, *, lag_hours: int, fill_hours: int
) -> pd.DataFrame:
    """Add the newest weather at the origin that was known `lag_hours` before the hour of departure.

    A row of the weather gathers its whole hour (rain is the hour's largest reading), so it is known
    only when that hour has ended. A missing hour is filled by the last observation before it, up to
    `fill_hours` earlier; beyond that the weather stays missing, and the model is told so.
    """
    cutoff = flights["time_hour"] - pd.Timedelta(hours=lag_hours + 1)
    left = flights.assign(cutoff=cutoff, row=range(len(flights))).sort_values(
        "cutoff", kind="stable"
    )
    right = weather[["origin", "time_hour", *WEATHER]].rename(columns={"time_hour": "observed"})
    joined = pd.merge_asof(
        left,
        right.sort_values("observed", kind="stable"),
        left_on="cutoff",
        right_on="observed",
        by="origin",
        tolerance=pd.Timedelta(hours=fill_hours),
    )
    return (
        joined.sort_values("row")
        .drop(columns=["cutoff", "observed", "row"])
        .set_axis(flights.index)
    )


def build(
    flights: pd.DataFrame,
    weather: pd.DataFrame,
    planes: pd.DataFrame,
    airports: pd.DataFrame,
    *,
    lag_hours: int,
    fill_hours: int,
) -> pd.DataFrame:
    """Add every feature to the flights; one row in, one row out, in the same order."""
    table = timetable(flights, airports)
    table = traffic(table)
    table = plane(table, planes)
    return earlier_weather(table, weather, lag_hours=lag_hours, fill_hours=fill_hours)


def thin(table: pd.DataFrame, *, fraction: float, seed: int) -> pd.DataFrame:
    """Keep this share of each month's rows, drawn at random, in their order."""
    if fraction == 1:
        return table
    return table.groupby("month").sample(frac=fraction, random_state=seed).sort_index()
