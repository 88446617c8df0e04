"""Small drawings and pictures within a page."""

import base64
import math
import re

from markupsafe import Markup

from headrace.report.pages import signed
from headrace.stats import Interval

DATA_URI = re.compile(r"data:image/(?:png|jpeg|gif|svg\+xml);base64,[A-Za-z0-9+/]+={0,2}")
HALF = 75.0
"""Half the width of an interval's drawing; zero is in the middle."""
INTERVAL = Markup(
    '<span class="drawn"><svg class="interval {kind}" viewBox="0 0 150 22" role="img"'
    ' aria-label="{label}"><title>{label}, from {rows:,} rows and {resamples:,} resamples</title>'
    '<line class="axis" x1="0" y1="11" x2="150" y2="11"/>'
    '<line class="zero" x1="75" y1="1" x2="75" y2="21"/>'
    '<line x1="{low:.1f}" y1="11" x2="{high:.1f}" y2="11" stroke-width="2"/>'
    '<line x1="{low:.1f}" y1="7" x2="{low:.1f}" y2="15" stroke-width="2"/>'
    '<line x1="{high:.1f}" y1="7" x2="{high:.1f}" y2="15" stroke-width="2"/>'
    '<circle cx="{dot:.1f}" cy="11" r="3.5"/></svg><span class="ends">{ends}</span></span>'
)


def interval(value: Interval, change: float | None, kind: str, beside: float = 0.0) -> Markup:
    """Return an interval around zero: a dot for the change, a line from end to end.

    `beside` is the value whose decimals its ends have.
    """
    reach = max(abs(value.low), abs(value.high), abs(change or 0.0)) or 1.0
    if not math.isfinite(reach):
        return Markup()
    places = (value.low, value.high, change or 0.0)
    low, high, dot = (HALF + place / reach * (HALF - 8) for place in places)
    ends = f"{signed(value.low, beside)} to {signed(value.high, beside)}"
    return INTERVAL.format(
        kind=kind,
        label=f"95 % interval of the change: {ends}",
        rows=value.rows,
        resamples=value.resamples,
        low=low,
        high=high,
        dot=dot,
        ends=ends,
    )


def svg_uri(svg: str) -> str:
    """Return an SVG as the address of an image, in which nothing runs."""
    encoded = base64.b64encode(svg.encode("utf-8", "replace")).decode()
    return f"data:image/svg+xml;base64,{encoded}"


def image_uri(picture: str) -> str:
    """Return the address of a picture that a page may show, a data URI; "" for any other."""
    address = svg_uri(picture) if picture.lstrip().startswith("<svg") else picture
    return address if DATA_URI.fullmatch(address) else ""
