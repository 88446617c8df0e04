"""A metric over commits as a picture: inline SVG that a page colours, light or dark."""

from collections.abc import Iterator, Sequence

from headrace.history.axes import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, axes, clean, words
from headrace.history.commits import Commit
from headrace.history.series import Series
from headrace.report.svg_scale import Scale
from headrace.report.text import number, plain

DOTS = 80
"""With more commits than these only a value without neighbours gets a dot."""
NAME = 22
"""Letters of a tag that are shown."""
APART = 13
"""Tags nearer than this keep their mark, and lose their name."""


def draw(commits: Sequence[Commit], one: Series, line: Sequence[int | None]) -> str:
    """Return a metric's line over the commits, with tags and gates, as SVG.

    `line` is the place of each commit's first parent: the line follows it, and breaks at a gap.
    """
    label = clean(one.label)
    low, high = one.bounds
    span = [*one.known, *(bound for bound in (low, high) if bound is not None)]
    x = Scale(0, max(len(commits) - 1, 1), LEFT, WIDTH - RIGHT)
    y = Scale.around(span or [0.0, 1.0], HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}, {_said(one)}">',
        words("name", 8, 18, one.label),
        *axes(commits, one, x, y),
        *_tags(commits, one, x, y),
        *_gates(one, y),
        *_values(commits, one, line, x, y),  # last: a name over the line would look like a gap
        "</svg>",
    ]
    return "\n".join(parts)


def _said(one: Series) -> str:
    if not one.known:
        return "no value"
    low, high = number(min(one.known)), number(max(one.known))
    return f"last {number(one.known[-1])}, from {low} to {high}"


def _tags(commits: Sequence[Commit], one: Series, x: Scale, y: Scale) -> Iterator[str]:
    """Mark tags from the newest on: where they are crowded, the newest keep their names."""
    last = float(WIDTH)
    for place in reversed(range(len(commits))):
        if not commits[place].tags:
            continue
        at, names = x(place), ", ".join(commits[place].tags)
        line = f"M{at:.1f} {TOP}V{HEIGHT - BOTTOM}"
        yield f'<path class="tag" d="{line}"><title>{clean(names)}</title></path>'
        if last - at >= APART:
            last = at
            yield _name(names, at, one.values[place], y)


def _name(names: str, at: float, value: float | None, y: Scale) -> str:
    """Return a tag's name along its mark, at the end that is farther from the line."""
    short = plain(names) if len(plain(names)) <= NAME else plain(names)[: NAME - 1] + "…"
    is_low = value is not None and y(value) > (TOP + HEIGHT - BOTTOM) / 2
    foot, anchor = (TOP + 3, "end") if is_low else (HEIGHT - BOTTOM - 4, "start")
    turned = f"translate({at - 3:.1f} {foot}) rotate(-90)"
    return f'<g transform="{turned}">{words("mark", 0, 0, short, anchor)}</g>'


def _gates(one: Series, y: Scale) -> Iterator[str]:
    for bound, asked in zip(one.bounds, ("at least", "at most"), strict=True):
        if bound is not None:
            at = y(bound)
            above = at - 4 if at > TOP + 16 else at + 13
            yield f'<path class="gate" d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}"/>'
            yield words("bound", LEFT + 5, above, f"gate: {asked} {number(bound)}")


def _values(
    commits: Sequence[Commit], one: Series, line: Sequence[int | None], x: Scale, y: Scale
) -> Iterator[str]:
    steps = [*_steps(one.values, line)]
    drawn = "".join(f"{word}{x(place):.1f} {y(value):.1f}" for word, place, value in steps)
    if drawn:
        yield f'<path class="line" d="{drawn}"/>'
    joined = {place for _, place, _ in steps}
    for place, value in enumerate(one.values):
        if value is not None and (len(commits) <= DOTS or place not in joined):
            told = f"{number(value)}  {_named(commits[place])}"
            at = f'cx="{x(place):.1f}" cy="{y(value):.1f}"'
            yield f'<circle {at} r="2.5"><title>{clean(told)}</title></circle>'


def _named(commit: Commit) -> str:
    return f"{commit.day}  {commit.short}  {commit.subject}"


def _steps(
    values: Sequence[float | None], line: Sequence[int | None]
) -> Iterator[tuple[str, int, float]]:
    """Walk the pen's steps from each parent to its child: M moves it, L draws."""
    at = None
    for place, (value, parent) in enumerate(zip(values, line, strict=True)):
        held = values[parent] if parent is not None else None
        if value is None or parent is None or held is None:
            continue
        if parent != at:
            yield "M", parent, held
        yield "L", place, value
        at = place
