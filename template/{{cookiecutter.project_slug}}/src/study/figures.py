"""The study's pictures: frames in, figures out. Each has a title, units and a legend."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from headrace.report import mpl_style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

# Colours that any eye can tell apart: from the palette of Okabe and Ito.
BLUE, ORANGE, AMBER, GREEN, GREY = "#0072b2", "#d55e00", "#e69f00", "#009e73", "#6e7681"
COLOURS = {"model": BLUE, "naive": ORANGE}
DASHES = {"model": "-", "naive": "--"}
NAMES = {"model": "gradient boosting", "naive": "naive"}

Curves = Mapping[str, Mapping[str, pd.DataFrame]]
"""For "model" and "naive", the curves by name, as `evaluation.curves` returns them."""


def _percent(axes: Axes, *, x: bool = True, y: bool = True) -> None:
    for axis, wanted in ((axes.xaxis, x), (axes.yaxis, y)):
        if wanted:
            axis.set_major_formatter(PercentFormatter(1, decimals=0))


def _draw(axes: Axes, curves: Curves, kind: str, *, marker: str = "") -> None:
    """Draw one kind of curve for both models; a curve's two columns are its x and its y."""
    for name, named in curves.items():
        x, y = named[kind].columns
        (line,) = axes.plot(named[kind][x], named[kind][y], DASHES[name], label=NAMES[name])
        line.set(color=COLOURS[name], marker=marker)
    _percent(axes)


def late_by_hour(table: pd.DataFrame) -> Figure:
    """Draw the late share over the scheduled hour of departure, one line per origin."""
    figure, axes = mpl_style.new()
    shares = table.pivot_table(index="hour", columns="origin", values="late")
    for origin, colour in zip(shares, [BLUE, AMBER, GREEN], strict=False):
        axes.plot(shares.index, shares[origin], color=colour, marker="o", label=origin)
    axes.set(title="Delays pile up over the day", ylim=(0, None))
    axes.set_xticks(range(0, 24, 3), [f"{hour:02}:00" for hour in range(0, 24, 3)])
    axes.set(xlabel="scheduled departure (local time)", ylabel="late flights")
    _percent(axes, x=False)
    axes.legend(title="origin", loc="upper left")
    return figure


def cost(curves: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw what every threshold costs, for both models, with a dot at the cheapest."""
    figure, axes = mpl_style.new()
    for name, curve in curves.items():
        x, y = curve["threshold"], curve["cost_per_1000"]
        best = y.argmin()
        label = f"{NAMES[name]}: cheapest from {x.iloc[best]:.1%} on"
        axes.plot(x, y, DASHES[name], color=COLOURS[name], label=label)
        axes.plot(x.iloc[best], y.iloc[best], marker="o", color=COLOURS[name])
    axes.set(title="What a threshold costs", ylim=(0, None))
    axes.set(xlabel="warn from this probability on", ylabel="dollars per 1,000 flights")
    _percent(axes, y=False)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.legend(loc="lower right")
    return figure


def importance(table: pd.DataFrame) -> Figure:
    """Draw how much ROC AUC is lost when each feature is shuffled."""
    figure, axes = mpl_style.new(height=5.4)
    whiskers = {"ecolor": GREY, "elinewidth": 1.2}
    axes.barh(
        table["feature"], table["auc_lost"], xerr=table["spread"], color=BLUE, error_kw=whiskers
    )
    axes.set(title="What the model leans on", xlabel="ROC AUC lost when the feature is shuffled")
    axes.grid(visible=False, axis="y")
    axes.margins(y=0.02)
    return figure


def ranking(curves: Curves, *, late_share: float) -> Figure:
    """Draw how well the models rank flights: ROC curves, and precision over recall."""
    figure, (roc, recall) = mpl_style.pair()
    _draw(roc, curves, "roc")
    roc.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="a coin")
    roc.set(title="ROC")
    roc.set(xlabel="punctual flights warned of", ylabel="late flights warned of")
    roc.legend(loc="lower right")
    _draw(recall, curves, "precision_recall")
    recall.axhline(late_share, color=GREY, linestyle=":", label="warn of every flight")
    recall.set(title="Precision and recall", ylim=(0, 1))
    recall.set(
        xlabel="late flights warned of (recall)", ylabel="warnings that are right (precision)"
    )
    recall.legend(loc="upper right")
    return figure


def trust(curves: Curves, outcomes: pd.DataFrame) -> Figure:
    """Draw what a probability and a warning mean: the calibration, and the confusion matrix."""
    figure, (calibration, confusion) = mpl_style.pair()
    _draw(calibration, curves, "calibration", marker="o")
    top = max(named["calibration"].to_numpy().max() for named in curves.values())
    calibration.plot([0, top], [0, top], color=GREY, linestyle=":", label="perfectly calibrated")
    calibration.set(title="Calibration: does 30 % mean 30 %?")
    calibration.set(xlabel="predicted probability of being late", ylabel="flights that were late")
    calibration.legend(loc="upper left")
    _confusion(confusion, outcomes)
    return figure


def _confusion(axes: Axes, outcomes: pd.DataFrame) -> None:
    names = ["late", "on time"]
    counts = pd.crosstab(outcomes["actual"], outcomes["predicted"])
    counts = counts.reindex(index=names, columns=names, fill_value=0)
    darkest = 1.6 * float(counts.to_numpy().max())
    axes.imshow(counts, cmap="Blues", vmin=0, vmax=darkest, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        text = f"{count:,}\n{count / len(outcomes):.1%}"
        axes.text(column, row, text, ha="center", va="center", fontsize=12)
    axes.set_xticks([0, 1], names)
    axes.set_yticks([0, 1], names, rotation=90, va="center")
    axes.set(title="Flights by truth and warning", xlabel="predicted", ylabel="actual")
    axes.grid(visible=False)


def error_rates(rates: pd.DataFrame, naive: pd.DataFrame) -> Figure:
    """Draw both kinds of error per group: the model's with 95 % intervals, the naive beside it."""
    figure, (missed, alarmed) = mpl_style.pair(height=1.4 + 0.3 * len(rates), sharey=True)
    _rates(missed, rates, naive, "false_negative_rate")
    _rates(alarmed, rates, naive, "false_positive_rate")
    missed.set(title="Late, not warned of", xlabel="share of the group's late flights")
    alarmed.set(title="Punctual, warned of", xlabel="share of the group's punctual flights")
    flights = rates["late_flights"] + rates["punctual_flights"]
    missed.set_yticks(rates.index, rates["group"] + flights.map("  ({:,})".format))
    missed.set(ylabel="group (flights)", ylim=(len(rates) - 0.5, -0.5))
    mpl_style.legend_below(figure, missed)
    return figure


def _rates(axes: Axes, rates: pd.DataFrame, naive: pd.DataFrame, rate: str) -> None:
    width = [rates[rate] - rates[f"{rate}_low"], rates[f"{rate}_high"] - rates[rate]]
    label = f"{NAMES['model']}, 95 % interval over days"
    axes.errorbar(
        rates[rate], rates.index, xerr=width, fmt="o", color=BLUE, label=label, clip_on=False
    )
    axes.plot(naive[rate], naive.index, "x", color=ORANGE, label=NAMES["naive"], clip_on=False)
    axes.set(xlim=(0, 1))
    _percent(axes, y=False)
