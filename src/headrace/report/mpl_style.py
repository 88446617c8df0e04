"""The style of every picture; its files hold no date and no random id."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from headrace.core import atomic

STYLE: dict[Any, Any] = {  # the stubs know a setting's name only as a literal
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 13,
    "axes.titleweight": "bold",
    "axes.titlepad": 12,
    "figure.dpi": 110,
    "figure.facecolor": "white",
    "font.size": 10.5,
    "grid.color": "#e4e7eb",
    "legend.frameon": False,
    "lines.linewidth": 2,
    "savefig.bbox": "tight",
    "text.parse_math": False,  # names may hold a $
    "svg.hashsalt": "headrace",  # without it the ids in an SVG are random
}


def new(*, width: float = 7.2, height: float = 4.2) -> tuple[Figure, Axes]:
    """Return an empty figure in the style (width and height in inches), and its axes."""
    figure, axes = _subplots(1, 1, (width, height))
    return figure, axes[0]


def pair(*, height: float = 4.4, sharey: bool = False) -> tuple[Figure, list[Axes]]:
    """Return a figure with two axes side by side (height in inches)."""
    return _subplots(1, 2, (10.4, height), sharey=sharey)


def stack(*, height: float = 7.6) -> tuple[Figure, list[Axes]]:
    """Return a figure with two axes one above the other, over the same x (height in inches)."""
    return _subplots(2, 1, (8.2, height), sharex=True)


def _subplots(
    rows: int, columns: int, size: tuple[float, float], **shared: Any
) -> tuple[Figure, list[Axes]]:
    """Return a figure and its axes; pyplot does not keep it, or a notebook would show it twice."""
    mpl.rcParams.update(STYLE)
    figure, axes = plt.subplots(
        rows, columns, figsize=size, layout="constrained", squeeze=False, **shared
    )
    plt.close(figure)
    return figure, list(axes.flat)


def legend_below(figure: Figure, axes: Axes) -> None:
    """Put the legend of one of the axes below them all, in one row, where it hides nothing."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(handles))


def write(figure: Figure, path: Path) -> None:
    """Write a figure as SVG: the same figure gives the same bytes."""
    with mpl.rc_context(STYLE):  # a notebook may have changed it since
        atomic.write_whole(
            path, lambda file: figure.savefig(file, metadata={"Date": None, "Creator": None})
        )
