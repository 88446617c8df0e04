"""The monitor's pictures, by batch: drift, cost and share of positives."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from headrace.gates.live import POSITIVE_SHARE
from headrace.report import mpl_style
from headrace.stats import SHIFTED, STEADY
from headrace.stats.scores import COST

TINTS = ("#eef1f4", "#f3d27a", "#e2703a")
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#6e7681"
NOTHING = "No batch yet. Next: headrace ingest FILE"


def moved(drift: pd.DataFrame, *, most: int = 16) -> Figure:
    """Draw the drift of each feature and batch, of the `most` features that moved farthest."""
    if not len(drift):
        return _empty("What moved")
    index = drift.pivot_table(index="feature", columns="batch", values="psi", sort=False)
    index = index.loc[index.max(axis=1).sort_values(ascending=False).index[:most]]
    figure, axes = mpl_style.new(width=max(7.2, 3 + 0.9 * index.shape[1]), height=0.34 * most + 1.2)
    # The last edge must lie above every value.
    edges = [0, STEADY, SHIFTED, max(1.0, float(index.max().max()) + 1)]
    norm = BoundaryNorm(edges, len(TINTS))
    values = index.to_numpy("float64")
    image = axes.imshow(values, cmap=ListedColormap(TINTS), norm=norm, aspect="auto")
    for row, column in np.ndindex(*index.shape):
        axes.text(column, row, f"{float(values[row, column]):.2f}", ha="center", va="center")
    axes.set_xticks(range(index.shape[1]), index.columns)
    axes.set_yticks(range(index.shape[0]), [str(name).replace("_", " ") for name in index.index])
    axes.set(title="What moved since the model learned", xlabel="batch")
    axes.grid(visible=False)
    bar = figure.colorbar(image, ax=axes, ticks=[STEADY, SHIFTED], shrink=0.6)
    bar.set_label("population stability index")
    return figure


def money(true: pd.DataFrame, estimated: pd.DataFrame, promised: pd.Series) -> Figure:
    """Draw cost and share of positives per batch: measured, estimated, and at evaluation.

    `true` and `estimated` have a row for each batch; `promised` holds those at evaluation, as
    `evaluate.promised` returns them.
    """
    if not len(true):
        return _empty("What it costs")
    figure, (cost, share) = mpl_style.pair(height=4.6)
    _costs(cost, true, estimated, promised)
    _shares(share, true, estimated, promised)
    mpl_style.legend_below(figure, cost)
    return figure


def _costs(axes: Axes, true: pd.DataFrame, estimated: pd.DataFrame, promised: pd.Series) -> None:
    x = np.arange(len(true))
    values = _column(true, COST)
    ends = [_column(true, f"{COST}_{end}") for end in ("low", "high")]
    spread = np.abs(np.vstack([values - ends[0], ends[1] - values]))
    axes.axhspan(promised[f"{COST}_low"], promised[f"{COST}_high"], color=GREY, alpha=0.2, lw=0)
    axes.axhline(promised[COST], color=GREY, label="when it was judged, 95 % interval")
    label = "as it turned out, 95 % interval"
    axes.errorbar(x, values, yerr=spread, fmt="o", color=ORANGE, capsize=4, label=label)
    label = "estimated from its own probabilities"
    axes.plot(x, _column(estimated, COST), "D", mfc="none", color=BLUE, label=label)
    # From 0 on: a cut axis would make a small change look like a large one.
    axes.set(title="What its mistakes cost", ylabel="cost per 1,000 rows", ylim=(0, None))
    axes.yaxis.set_major_formatter("{x:,.0f}")
    _batches(axes, true)


def _shares(axes: Axes, true: pd.DataFrame, estimated: pd.DataFrame, promised: pd.Series) -> None:
    x = np.arange(len(true))
    axes.axhline(promised[POSITIVE_SHARE], color=GREY)
    axes.plot(x, _column(true, POSITIVE_SHARE), "o", color=ORANGE)
    axes.plot(x, _column(estimated, POSITIVE_SHARE), "D", mfc="none", color=BLUE)
    axes.set(title="How many were positive", ylabel="share of rows", ylim=(0, None))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    _batches(axes, true)


def _batches(axes: Axes, true: pd.DataFrame) -> None:
    axes.set_xticks(range(len(true)), [str(name) for name in true.index])
    axes.set_xlim(-0.5, len(true) - 0.5)
    axes.set_xlabel("batch")


def _column(table: pd.DataFrame, name: str) -> np.ndarray:
    """Return a column as numbers, NaN where no batch has it."""
    column: np.ndarray = table.reindex(columns=[name])[name].to_numpy("float64")
    return column


def _empty(title: str) -> Figure:
    figure, axes = mpl_style.new(height=1.6)
    axes.set(title=title, xticks=[], yticks=[])
    axes.text(0.5, 0.5, NOTHING, ha="center", va="center", transform=axes.transAxes)
    return figure
