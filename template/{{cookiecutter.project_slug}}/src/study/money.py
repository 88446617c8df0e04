"""The backtest for those who pay: what each month cost, what was saved, and what that comes to."""

import calendar
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from headrace.stats import bootstrap
from headrace.stats.scores import Array, Score

from study.backtest import POLICIES

MINUS = "\N{MINUS SIGN}"


def monthly(days: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Return per month what each policy cost, and what retraining saved, with 95 % intervals.

    One row per month: flights, late_share, the dollars of each policy, `saved` (the champion's less
    the retrained model's), and `summed`, what was saved up to then; each of both with `_low` and
    `_high`. Whole days are drawn, and the same ones for both models: see `bootstrap.intervals`.
    """
    sums = days.drop(columns="day").groupby("month").sum()
    table = sums.rename(columns={"late": "late_share"})
    table["late_share"] /= table["flights"]
    for name, upto in (("saved", False), ("summed", True)):
        drawn = [
            days[(days["month"] <= month) if upto else (days["month"] == month)]
            for month in sums.index
        ]
        table[name] = [float((part["champion"] - part["retrained"]).sum()) for part in drawn]
        ends = [saved_interval(part, seed=seed) for part in drawn]
        table[[f"{name}_low", f"{name}_high"]] = np.array(ends)
    return table.reset_index()


def saved_interval(days: pd.DataFrame, *, seed: int) -> tuple[float, float]:
    """Return the 95 % interval of the dollars that retraining saved on some days."""
    pair = (_total(days["retrained"]), _total(days["champion"]))
    interval = bootstrap.intervals({"saved": pair}, rows=len(days), seed=seed)["saved"]
    return interval.low, interval.high


def _total(dollars: pd.Series) -> Score:
    values = dollars.to_numpy("float64")

    def score(weights: Array) -> Array:
        return np.asarray(weights @ values)

    return score


def reasons(months: Mapping[int, Mapping[str, Any]]) -> pd.DataFrame:
    """Return each month's scores that explain its dollars, from the files that `backtest` wrote."""
    names = ("cost_per_1000", "roc_auc", "calibration_in_the_large")
    rows = {
        month: {f"{policy}_{name}": read[policy][name] for name in names for policy in POLICIES[:3]}
        for month, read in months.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("month")


def totals(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return the dollars of each policy, and what was saved, by month and for "all" of them."""
    last = table.iloc[-1]
    whole = {name: table[name].sum() for name in POLICIES}
    whole |= {f"saved{end}": last[f"summed{end}"] for end in ("", "_low", "_high")}
    months = table["month"].astype(str)
    return {
        name: {**dict(zip(months, table[name].tolist(), strict=True)), "all": float(value)}
        for name, value in whole.items()
    }


def dollars(value: float) -> str:
    """Write an amount, without its sign, as exactly as people say it."""
    size = abs(value)
    if size >= 1e6:
        return f"${size / 1e6:.2f} million"
    return f"${round(size, -3 if size >= 1e4 else -2 if size >= 1e3 else 0):,.0f}"


def finding(table: pd.DataFrame) -> str:
    """Say in one sentence what retraining would have brought, and whether that may be chance.

    `table` is what `monthly` returns, here and below.
    """
    last, when = table.iloc[-1], _span(table)
    if last["summed_low"] <= 0 <= last["summed_high"]:
        return f"Retraining {when}: no gain or loss beyond chance"
    word = "saved" if last["summed"] > 0 else "lost"
    return f"Retraining every month would have {word} {dollars(last['summed'])} {when}"


def _span(table: pd.DataFrame) -> str:
    first, last = (month_name(table["month"].iloc[place]) for place in (0, -1))
    return f"in {first}" if len(table) == 1 else f"from {first} to {last}"


def policy(delay: int) -> str:
    """Say which model is called retrained; `delay` as in params.yaml's backtest."""
    when = "on the month before" if delay == 1 else f"{delay} months before"
    return (
        f"Retrained: the model that was judged {when}; its threshold is from a month earlier still."
    )


def detail(table: pd.DataFrame) -> tuple[str, str]:
    """Say of how much that is a part and how sure it is, and in which months it did not pay."""
    last, kept, retrained = table.iloc[-1], table["champion"].sum(), table["retrained"].sum()
    ends = " to ".join(_signed(last[f"summed_{end}"]) for end in ("low", "high"))
    lost = [month_name(month) for month in table.loc[table["saved"] < 0, "month"]]
    return (
        f"Mistakes: {dollars(kept)} with one model, {dollars(retrained)} with retraining.",
        f"Saved: {ends} (95 % interval). It lost money in {' and '.join(lost) or 'no month'}.",
    )


def month_name(number: int) -> str:
    """Return the name of a month, 1 to 12."""
    return calendar.month_name[int(number)]


def _signed(value: float) -> str:
    return f"{MINUS if value < 0 else '+'}{dollars(value)}"
