"""A metric over commits as inline SVG, coloured by the page's style, light or dark."""

from collections.abc import Iterator, Sequence

from headrace.history.commits import Commit
from headrace.history.series import Series
from headrace.report.pages import escape
from headrace.report.svg_scale import Scale, unit
from headrace.report.text import counted, number, plain

WIDTH, HEIGHT = 480, 240
LEFT, RIGHT, TOP, BOTTOM = 64, 14, 34, 40
"""Margins around the plot."""
DOTS = 80
"""With more commits than these only a value without neighbours gets a dot."""
NAME = 22
"""Letters of a tag that are shown."""
APART = 13
"""Of tags nearer than this, only the newer one has its name shown."""


def draw(commits: Sequence[Commit], series: Series, parents: Sequence[int | None]) -> str:
    """Return a metric's line over the commits, with tags and gates, as SVG.

    The line goes from each commit's first parent (its index) to the commit, and breaks at a gap.
    """
    span = [*series.numbers, *(bound for bound in series.bounds if bound is not None)]
    x = Scale(0, max(len(commits) - 1, 1), LEFT, WIDTH - RIGHT)
    y = Scale.around(span or [0.0, 1.0], HEIGHT - BOTTOM, TOP)
    label = escape(f"{series.label}, {_summary(series)}")
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">',
        _text("name", 8, 18, series.label),
        *_axes(commits, series, x, y),
        *_tags(commits, series, x, y),
        *_gates(series, y),
        *_values(commits, series, parents, x, y),  # last: a name over a line would look like a gap
        "</svg>",
    ]
    return "\n".join(parts)


def _summary(series: Series) -> str:
    if not series.numbers:
        return "no value"
    low, high = number(min(series.numbers)), number(max(series.numbers))
    return f"last {number(series.numbers[-1])}, from {low} to {high}"


def _text(style: str, x: float, y: float, text: str, anchor: str = "start") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text class="{style}" {place}>{escape(text)}</text>'


def _axes(commits: Sequence[Commit], series: Series, x: Scale, y: Scale) -> Iterator[str]:
    for value, label in y.ticks():
        yield f'<path class="grid" d="M{LEFT} {y(value):.1f}H{WIDTH - RIGHT}"/>'
        yield _text("tick", LEFT - 6, y(value) + 4, label, "end")
    yield f'<path class="axis" d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>'
    last = len(commits) - 1
    for place in sorted({0, last // 2, last}):
        anchor = {0: "start", last: "end"}.get(place, "middle") if last else "start"
        yield _text("tick", x(place), HEIGHT - BOTTOM + 16, commits[place].day, anchor)
    count = counted(len(commits), "commit") + (", oldest first" if last else "")
    yield _text("tick", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, count, "middle")
    yield _text("tick", WIDTH - RIGHT, 18, unit(series.metric.name), "end")


def _tags(commits: Sequence[Commit], series: Series, x: Scale, y: Scale) -> Iterator[str]:
    """Mark tags from the newest on: where they are crowded, the newest keep their names."""
    last = float(WIDTH)
    for place in reversed(range(len(commits))):
        if not commits[place].tags:
            continue
        at, names = x(place), ", ".join(commits[place].tags)
        line = f"M{at:.1f} {TOP}V{HEIGHT - BOTTOM}"
        yield f'<path class="tag" d="{line}"><title>{escape(names)}</title></path>'
        if last - at >= APART:
            last = at
            yield _tag_name(plain(names), at, series.values[place], y)


def _tag_name(names: str, at: float, value: float | None, y: Scale) -> str:
    """Return a tag's name along its mark, at the end that is farther from the line."""
    short = names if len(names) <= NAME else names[: NAME - 1] + "…"
    is_low = value is not None and y(value) > (TOP + HEIGHT - BOTTOM) / 2
    foot, anchor = (TOP + 3, "end") if is_low else (HEIGHT - BOTTOM - 4, "start")
    transform = f"translate({at - 3:.1f} {foot}) rotate(-90)"
    return f'<g transform="{transform}">{_text("mark", 0, 0, short, anchor)}</g>'


def _gates(series: Series, y: Scale) -> Iterator[str]:
    for bound, name in zip(series.bounds, ("at least", "at most"), strict=True):
        if bound is not None:
            at = y(bound)
            above = at - 4 if at > TOP + 16 else at + 13
            yield f'<path class="gate" d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}"/>'
            yield _text("bound", LEFT + 5, above, f"gate: {name} {number(bound)}")


def _values(
    commits: Sequence[Commit],
    series: Series,
    parents: Sequence[int | None],
    x: Scale,
    y: Scale,
) -> Iterator[str]:
    steps = [*_pen_steps(series.values, parents)]
    path = "".join(f"{command}{x(place):.1f} {y(value):.1f}" for command, place, value in steps)
    if path:
        yield f'<path class="line" d="{path}"/>'
    joined = {place for _, place, _ in steps}
    for place, value in enumerate(series.values):
        if value is not None and (len(commits) <= DOTS or place not in joined):
            commit = commits[place]
            title = escape(f"{number(value)}  {commit.day}  {commit.short}  {commit.subject}")
            at = f'cx="{x(place):.1f}" cy="{y(value):.1f}"'
            yield f'<circle {at} r="2.5"><title>{title}</title></circle>'


def _pen_steps(
    values: Sequence[float | None], parents: Sequence[int | None]
) -> Iterator[tuple[str, int, float]]:
    """Yield the pen's steps from each parent to its child: M moves it, L draws."""
    position = None
    for place, (value, parent) in enumerate(zip(values, parents, strict=True)):
        start = values[parent] if parent is not None else None
        if value is None or parent is None or start is None:
            continue
        if parent != position:
            yield "M", parent, start
        yield "L", place, value
        position = place
