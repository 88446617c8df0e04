"""The study's pictures: frames in, figures out. Each has a title, units and a legend."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from headrace.report import mpl_style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from study import features

# Colours that any eye can tell apart: from the palette of Okabe and Ito.
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#6e7681"
COLOURS = {"model": BLUE, "naive": ORANGE}
DASHES = {"model": "-", "naive": "--"}
NAMES = {"model": "logistic regression", "naive": "naive"}

Curves = Mapping[str, Mapping[str, pd.DataFrame]]
"""For "model" and "naive", the curves by name, as `evaluation.curves` returns them."""
MANY_ROWS = 2000
"""Points kept of a scatter plot; more hide each other."""


def label_shares(label: pd.Series) -> Figure:
    """Draw how many rows each class has."""
    counts = label.value_counts().sort_index()
    names = [features.NAMES[name] for name in counts.index]
    figure, axes = mpl_style.new(height=1.6 + 0.32 * len(names))
    axes.barh(names, counts.to_numpy(), color=BLUE)
    axes.set(title="Rows by diagnosis", xlabel="rows", ylabel="diagnosis: malignant")
    axes.grid(visible=False, axis="y")
    axes.invert_yaxis()
    return figure


def importance(table: pd.DataFrame) -> Figure:
    """Draw what is lost when each feature is shuffled; of many, the twenty that matter most."""
    shown = table.tail(20)
    figure, axes = mpl_style.new(height=1.6 + 0.24 * len(shown))
    whiskers = {"ecolor": GREY, "elinewidth": 1.2}
    axes.barh(shown["feature"], shown["lost"], xerr=shown["spread"], color=BLUE, error_kw=whiskers)
    axes.set(title="What the model leans on")
    axes.set(xlabel="ROC AUC lost when the feature is shuffled")
    axes.grid(visible=False, axis="y")
    return figure


def _draw(axes: Axes, curves: Curves, kind: str, *, marker: str = "") -> None:
    """Draw one kind of curve for both models; a curve's two columns are its x and its y."""
    for name, named in curves.items():
        x, y = named[kind].columns
        (line,) = axes.plot(named[kind][x], named[kind][y], DASHES[name], label=NAMES[name])
        line.set(color=COLOURS[name], marker=marker)


def ranking(curves: Curves, *, positive_share: float) -> Figure:
    """Draw how well the models rank rows: ROC curves, and precision over recall."""
    figure, (roc, recall) = mpl_style.pair()
    _draw(roc, curves, "roc")
    roc.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="a coin")
    roc.set(title="ROC", xlabel="false positive rate", ylabel="true positive rate")
    roc.legend(loc="lower right")
    _draw(recall, curves, "precision_recall", marker=".")
    recall.axhline(positive_share, color=GREY, linestyle=":", label="say yes to all")
    recall.set(title="Precision and recall", xlabel="recall", ylabel="precision", ylim=(0, 1.02))
    recall.legend(loc="lower left")
    return figure


def trust(curves: Curves, outcomes: pd.DataFrame) -> Figure:
    """Draw what a probability and a prediction mean: calibration, and the confusion matrix."""
    figure, (calibration, confusion) = mpl_style.pair()
    _draw(calibration, curves, "calibration", marker="o")
    calibration.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="perfectly calibrated")
    calibration.set(title="Calibration: does 30 % mean 30 %?")
    calibration.set(xlabel="predicted probability", ylabel="share that was so")
    calibration.legend(loc="upper left")
    _confusion(confusion, outcomes, [*features.NAMES.values()])
    return figure


def _confusion(axes: Axes, outcomes: pd.DataFrame, names: list[str]) -> None:
    counts = pd.crosstab(outcomes["actual"], outcomes["predicted"])
    counts = counts.reindex(index=names, columns=names, fill_value=0)
    darkest = 1.6 * float(counts.to_numpy().max())
    axes.imshow(counts, cmap="Blues", vmin=0, vmax=darkest, aspect="auto")
    size = 12 if len(names) < 5 else 8 if len(names) < 16 else 5
    for (row, column), count in np.ndenumerate(counts):
        if count or len(names) < 16:  # of many classes the zeros would hide the others
            axes.text(column, row, f"{count:,}", ha="center", va="center", fontsize=size)
    axes.set_xticks(range(len(names)), names, rotation=90 if len(names) > 5 else 0)
    axes.set_yticks(range(len(names)), names)
    axes.set(title="Rows by truth and prediction", xlabel="predicted", ylabel="actual")
    axes.grid(visible=False)
