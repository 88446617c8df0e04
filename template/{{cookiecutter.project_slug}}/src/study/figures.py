"""The study's pictures: frames in, figures out. Each has a title, units and a legend."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from headrace import figures

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
    figure, axes = figures.new()
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
    figure, axes = figures.new()
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
    figure, axes = figures.new(height=5.4)
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
    figure, (roc, recall) = figures.pair()
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
    figure, (calibration, confusion) = figures.pair()
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
    """Draw the model's error rates per group with 95 % intervals, the naive ones as crosses."""
    rows = rates[::-1].reset_index(drop=True)
    figure, axes = figures.new(height=1.4 + 0.3 * len(rows))
    for rate, colour, label in (
        ("false_negative_rate", ORANGE, "late, not warned of"),
        ("false_positive_rate", BLUE, "punctual, warned of"),
    ):
        width = [rows[rate] - rows[f"{rate}_low"], rows[f"{rate}_high"] - rows[rate]]
        axes.errorbar(
            rows[rate], rows.index, xerr=width, fmt="o", color=colour, label=label, capsize=2
        )
        axes.plot(naive[rate][::-1], rows.index, "x", color=colour, alpha=0.6, label="naive")
    flights = rows["late_flights"] + rows["punctual_flights"]
    axes.set_yticks(rows.index, rows["group"] + flights.map("  ({:,})".format))
    axes.set(title="Error rates per group, with 95 % intervals over days", xlim=(0, 1))
    axes.set(
        xlabel="share of the group's late flights, or of its punctual flights",
        ylabel="group (flights)",
    )
    axes.margins(y=0.02)
    _percent(axes, y=False)
    figures.legend_above(axes)
    return figure
