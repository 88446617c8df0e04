"""What the model card says that no file knows: what the model is for, and where it ends."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

TITLE = "Model card: will this flight be late?"
ABOUT = (
    "Gives the probability that a flight out of New York arrives 15 minutes late or more, asked two"
    " hours before its scheduled departure."
)
USE = [
    "To warn travellers and dispatchers of flights that are likely to be late.",
    "By people who know the price of a missed late flight and of a false alarm: the threshold from"
    " which it warns is the cheapest by these prices.",
]
NOT_FOR = [
    "Flights that do not start at EWR, JFK or LGA, and airlines that did not fly there in 2013.",
    "Cancelled and diverted flights: they have no arrival delay, and it has seen none.",
    "Judging an airline, a crew or a passenger: it tells what was usual, not who is to blame.",
]
LIMITS = [
    "It knows one year, 2013, and learned from its first months. Seasons move the late share by far"
    " more than chance, and no second winter has been seen.",
    "Weather is that of the origin alone, and two hours old; storms on the way are not in it.",
    "Who flies late for reasons of the timetable will be warned of more often: see the groups.",
]


def data(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return what the model learned from and was judged on: months, flights, share of late ones."""
    rows = [
        (name, _months(table), len(table), float(table["late"].mean()))
        for name, table in tables.items()
    ]
    return pd.DataFrame(rows, columns=["flights", "months", "number", "late_share"])


def _months(table: pd.DataFrame) -> str:
    return ", ".join(map(str, sorted(table["month"].unique())))


def scores(figures: pd.DataFrame) -> pd.DataFrame:
    """Return both models' scores side by side, with the ends of their 95 % intervals."""
    names = figures["metric"].str.extract(r"^(?P<of>model|naive)\.(?P<score>\w+)$")
    texts = figures[["value", "low", "high"]].apply(_span, axis="columns")
    table = names.assign(text=texts).dropna(subset=["of"])
    sides = table.pivot_table("text", index="score", columns="of", aggfunc="first", sort=False)
    return sides.rename_axis(columns=None).rename(columns=_with_interval).reset_index()


def groups(rates: pd.DataFrame) -> pd.DataFrame:
    """Return the groups' error rates with the ends of their 95 % intervals, as a reader needs them.

    Missed is the share of late flights that were not warned of, false alarms that of punctual
    ones that were.
    """
    shown = rates[["group", "late_flights", "punctual_flights"]]
    columns = {"missed": "false_negative_rate", "false alarms": "false_positive_rate"}
    return shown.assign(**{_with_interval(k): _spans(rates, rate) for k, rate in columns.items()})


def _with_interval(name: str) -> str:
    return f"{name} (95 % interval)"


def _spans(rates: pd.DataFrame, name: str) -> pd.Series:
    columns = rates[[name, f"{name}_low", f"{name}_high"]]
    return columns.apply(_span, axis="columns")


def _span(row: Any) -> str:
    middle, low, high = row
    form = ",.0f" if abs(middle) >= 1000 else ".3f"
    return "" if pd.isna(middle) else f"{middle:{form}} ({low:{form}} to {high:{form}})"


def costs(threshold: float, prices: Mapping[str, float], per_1000: float) -> list[str]:
    """Return what mistakes cost, in sentences."""
    return [
        f"It warns from a probability of {threshold:.3f} on.",
        f"A late flight that nobody was warned of costs {prices['price_missed']:,.0f} dollars, a"
        f" false alarm {prices['price_false_alarm']:,.0f}.",
        f"By these prices its mistakes cost {per_1000:,.0f} dollars in 1,000 flights.",
    ]
