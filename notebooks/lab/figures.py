"""The pictures of the template's own study."""

import pandas as pd
from matplotlib.figure import Figure

from headrace.report import mpl_style

BLUE = "#0072b2"
PARTS = ("#999999", "#56b4e9", "#e69f00", "#0072b2", "#cc79a7")
"""Colours that people who see few of them can tell apart (Okabe and Ito, 2008)."""


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


def stage_time(rows: pd.DataFrame) -> Figure:
    """Draw where each stage's time goes, with and without preload, in seconds."""
    figure, axes = mpl_style.new(width=8.2, height=4.6)
    names = [
        f"{row.stage}, {'with' if row.preload else 'without'} preload"
        for row in rows[::-1].itertuples()
    ]
    parts = [name for name in rows.columns if name not in ("stage", "preload")]
    left = pd.Series(0.0, index=range(len(rows)))
    for part, color in zip(parts, PARTS, strict=True):
        seconds = rows[::-1][part].reset_index(drop=True)
        bars = axes.barh(names, seconds, left=left, color=color, label=part)
        left += seconds
    axes.bar_label(bars, [f"{total:.1f} s" for total in left], padding=4)
    axes.set(title="Where a stage's time goes", xlabel="seconds")
    mpl_style.legend_below(figure, axes)
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.08)
    return figure
