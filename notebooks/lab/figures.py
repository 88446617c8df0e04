"""The pictures of the template's own study."""

import pandas as pd
from matplotlib.figure import Figure

from headrace.report import mpl_style

BLUE = "#0072b2"


def lines(files: pd.DataFrame) -> Figure:
    """Draw how many lines of each kind a fresh study holds."""
    figure, axes = mpl_style.new(height=3.4)
    totals = files[files["kind"] != "generated"].groupby("kind")["lines"].sum().sort_values()
    bars = axes.barh(totals.index, totals, color=BLUE)
    axes.bar_label(bars, fmt="{:,.0f}", padding=4)
    axes.set(title="What a fresh study is made of", xlabel="lines")
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.12)
    return figure


def seconds(runs: pd.DataFrame) -> Figure:
    """Draw how long each `dvc repro` took, and how many stages it ran."""
    figure, axes = mpl_style.new(height=2.6)
    order = runs[::-1]
    bars = axes.barh(order["run"], order["seconds"], color=BLUE)
    notes = [f"{row.seconds:.1f} s, {row.stages_run} stages" for row in order.itertuples()]
    axes.bar_label(bars, notes, padding=4)
    axes.set(title="What is not changed is not run", xlabel="seconds of `dvc repro`")
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.25)
    return figure
