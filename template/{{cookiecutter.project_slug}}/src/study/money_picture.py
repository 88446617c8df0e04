"""The picture of the backtest: what it found as its title, the months below."""

from typing import Any

import numpy as np
import pandas as pd
from headrace.report import mpl_style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from study.figures import AMBER, BLUE, GREEN, GREY, ORANGE
from study.money import MINUS, detail, finding, month_name, policy

NAMES = {"champion": "one model, kept", "retrained": "retrained every month"}
BESIDE = {"naive": ("naive model", ORANGE), "nothing": ("no warnings", AMBER)}
COLOURS = {"champion": GREY, "retrained": BLUE}
SAVED, SO_FAR, INTERVAL = "saved in the month", "saved so far", "95 % interval"
ORDER = [*NAMES.values(), *(label for label, _ in BESIDE.values()), SAVED, SO_FAR, INTERVAL]
ABOVE: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (-0.01, 0.98), "columnspacing": 1.4}


def picture(table: pd.DataFrame, *, delay: int) -> Figure:
    """Draw what a month's mistakes cost under each policy, and below what retraining saved.

    `table` is what `money.monthly` returns; `delay` is that of params.yaml's backtest.
    """
    figure, (cost, saved) = mpl_style.stack()
    # A dollar sign would begin a formula.
    plain: dict[str, Any] = {"x": 0.01, "ha": "left", "parse_math": False}
    figure.suptitle(finding(table), fontsize=13.5, fontweight="bold", **plain)
    figure.supxlabel("\n".join([policy(delay), *detail(table)]), fontsize=10, **plain)
    _cost(cost, table)
    _saved(saved, table)
    for axes in (cost, saved):
        axes.yaxis.set_major_formatter(_thousands)
        axes.grid(visible=False, axis="x")
        _legend_above(axes)
    months, late = (
        table["month"].map(month_name).str[:3],
        table["late_share"].map("{:.0%} late".format),
    )
    saved.set_xticks(range(len(table)), months + "\n" + late)
    saved.set(xlim=(-0.6, len(table) - 0.4))
    return figure


def _legend_above(axes: Axes) -> None:
    """Put the legend between title and picture, in one row that does not push the axes together."""
    named = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    order = [label for label in ORDER if label in named]
    legend = axes.legend([named[label] for label in order], order, ncols=len(order), **ABOVE)
    legend.set_in_layout(False)


def _thousands(value: float, place: float = 0) -> str:
    """Write an amount as an axis shows it; matplotlib gives a tick's place as well."""
    return f"{MINUS if value <= -0.5 else ''}${abs(value):,.0f}k"


def _cost(axes: Axes, table: pd.DataFrame) -> None:
    places = np.arange(len(table))
    for shift, (name, label) in zip((-0.2, 0.2), NAMES.items(), strict=True):
        axes.bar(places + shift, table[name] / 1000, 0.38, color=COLOURS[name], label=label)
    for name, (label, colour) in BESIDE.items():
        ends = (places - 0.42, places + 0.42)
        axes.hlines(table[name] / 1000, *ends, color=colour, label=label, lw=2.5)
    axes.set_title("What the mistakes of each month cost", pad=26)


def _saved(axes: Axes, table: pd.DataFrame) -> None:
    places = np.arange(len(table))
    thousands = table.drop(columns="month") / 1000
    low, high = thousands["summed_low"], thousands["summed_high"]
    axes.fill_between(places, low, high, color=BLUE, alpha=0.12, lw=0, label=INTERVAL)
    axes.plot(places, thousands["summed"], "o-", color=BLUE, label=SO_FAR)
    colours = np.where(thousands["saved"] < 0, ORANGE, GREEN)
    bars = axes.bar(places, thousands["saved"], 0.5, color=colours, label=SAVED)
    axes.bar_label(bars, [_thousands(value) for value in thousands["saved"]], padding=3)
    total = f"  {_thousands(thousands['summed'].iloc[-1])}"
    axes.annotate(total, (places[-1], thousands["summed"].iloc[-1]), color=BLUE, va="center")
    axes.axhline(0, color=GREY, lw=1)
    axes.margins(y=0.12)
    axes.set_title("What retraining saved; below zero it lost", pad=26)
