"""A picture's frame: its axes with numbers, dates and unit."""

from collections.abc import Iterator, Sequence
from html import escape

from headrace.history.commits import Commit
from headrace.history.series import Series
from headrace.report.svg_scale import Scale, unit
from headrace.report.text import plain

WIDTH, HEIGHT = 480, 240
LEFT, RIGHT, TOP, BOTTOM = 64, 14, 34, 40
"""Margins around the plot."""


def clean(text: str) -> str:
    """Return text as it may stand in HTML and SVG, in an attribute too."""
    return escape(plain(text), quote=True)


def words(kind: str, x: float, y: float, text: str, anchor: str = "start") -> str:
    """Return text at a place of the picture; `kind` is what the page's style calls it."""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text class="{kind}" {place}>{clean(text)}</text>'


def axes(commits: Sequence[Commit], one: Series, x: Scale, y: Scale) -> Iterator[str]:
    """Walk the parts of the frame."""
    for value, shown in y.ticks():
        yield f'<path class="grid" d="M{LEFT} {y(value):.1f}H{WIDTH - RIGHT}"/>'
        yield words("tick", LEFT - 6, y(value) + 4, shown, "end")
    yield f'<path class="axis" d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>'
    yield from _dates(commits, x)
    count = f"{len(commits)} commits, oldest first" if len(commits) > 1 else "1 commit"
    yield words("tick", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, count, "middle")
    yield words("tick", WIDTH - RIGHT, 18, unit(one.metric.name), "end")


def _dates(commits: Sequence[Commit], x: Scale) -> Iterator[str]:
    last = len(commits) - 1
    for place in sorted({0, last // 2, last}):
        anchor = {0: "start", last: "end"}.get(place, "middle") if last else "start"
        yield words("tick", x(place), HEIGHT - BOTTOM + 16, commits[place].day, anchor)
