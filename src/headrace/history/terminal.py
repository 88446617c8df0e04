"""The history for a terminal: a sparkline for each metric, and a table, the newest commit first."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from headrace.history.series import History, Series
from headrace.report.terminal import WIDTH, fit, shorten, width
from headrace.report.text import counted, number, plain

BLOCKS = "▁▂▃▄▅▆▇█"
FIGURE = 10
"""Columns of a figure beside a sparkline."""
LABEL = 34
"""Columns of a metric's name before its sparkline, at most."""
HEAD = 16
"""Columns of a metric's name over its values, at most, where the values need fewer."""
TAG = 16
MIN_SUBJECT = 20
"""Columns that a commit's subject keeps: fewer metrics are shown, but one at least."""


def lines(history: History, columns: int, *, rows: int | None = None) -> Iterator[str]:
    """Yield lines of at most so many columns; `rows` limits the table."""
    yield fit(plain(history.title), columns).rstrip()
    yield ""
    yield from _sparklines(history.series, min(columns, WIDTH))
    yield ""
    yield from _table(history, columns, rows)
    if history.notes:
        yield ""
        for note in history.notes:
            yield textwrap.fill(
                plain(note), min(columns, WIDTH), break_long_words=False, break_on_hyphens=False
            )


def _sparklines(series: Sequence[Series], room: int) -> Iterator[str]:
    names = [plain(line.label) for line in series]
    label = min(max(map(width, names)), LABEL, room // 3)
    available = max(8, room - label - 2 - 3 * (FIGURE + 1))
    longest = min(available, max(len(line.values) for line in series))
    heads = "".join(f"{head:>{FIGURE + 1}}" for head in ("min", "last", "max"))
    yield " " * (label + 2 + longest) + heads
    for name, line in zip(names, series, strict=True):
        blocks = f"{sparkline(line.values, longest):<{longest}}"
        yield f"{fit(shorten(name, label), label)}  {blocks}{_figures(line.numbers)}".rstrip()


def _figures(values: Sequence[float]) -> str:
    if not values:
        return ""
    figures = (min(values), values[-1], max(values))
    return "".join(f" {_figure(value):>{FIGURE}}" for value in figures)


def _figure(value: float) -> str:
    text = number(value)
    return text if len(text) <= FIGURE else f"{value:.3g}"


def sparkline(values: Sequence[float | None], columns: int) -> str:
    """Return values as blocks of eight heights; a gap is a space.

    Where there are more values than columns, a column shows the last known of several values.
    """
    numbers = [value for value in values if value is not None]
    low, high = (min(numbers), max(numbers)) if numbers else (0, 0)
    blocks = (
        " " if value is None else _block(value, low, high) for value in _sampled(values, columns)
    )
    return "".join(blocks)


def _block(value: float, low: float, high: float) -> str:
    if low == high:
        return BLOCKS[3]
    share = (value / 2 - low / 2) / (high / 2 - low / 2)  # halves: a difference may overflow
    return BLOCKS[min(int(share * len(BLOCKS)), len(BLOCKS) - 1)]


def _sampled(values: Sequence[float | None], columns: int) -> list[float | None]:
    count = len(values)
    if count <= columns:
        return [*values]
    edges = [count * column // columns for column in range(columns + 1)]
    parts = (values[start:end] for start, end in pairwise(edges))
    return [next((v for v in reversed(part) if v is not None), None) for part in parts]


@dataclass(frozen=True)
class _Column:
    """A metric's column, `width` columns wide: its values, and their changes beside them."""

    series: Series
    value_width: int
    change_width: int
    width: int

    @classmethod
    def of_series(cls, series: Series, room: int) -> "_Column":
        """Return a column as wide as its content, in so much room."""
        values = max(len(number(value, missing="")) for value in series.values)
        changes = max(len(series.change(place)) for place in range(len(series.values)))
        content = values + changes + bool(changes)
        wide = max(content, min(width(plain(series.label)), HEAD))
        return cls(series, values, changes, max(min(wide, room - 2), 8))

    @property
    def head(self) -> str:
        """The metric's name, shortened."""
        return fit(shorten(plain(self.series.label), self.width), self.width, right=True)

    def cell(self, place: int) -> str:
        """Return the value at a commit, and its change."""
        value = f"{number(self.series.values[place], missing=''):>{self.value_width}}"
        change = f" {self.series.change(place):>{self.change_width}}" if self.change_width else ""
        return fit(value + change, self.width, right=True)


def _table(history: History, room: int, max_rows: int | None) -> Iterator[str]:
    """Yield a row for each commit that changed something, the newest first."""
    tags = [plain(" ".join(history.names(place))) for place in range(len(history.commits))]
    tag_width = min(max(map(width, tags)), TAG)
    free = room - 22 - (tag_width + 2 if tag_width else 0)
    columns = _columns(history.series, free - MIN_SUBJECT - 2)
    free -= sum(column.width + 2 for column in columns) + 2
    tag = f"  {fit('tag', tag_width)}" if tag_width else ""
    heads = "".join(f"  {column.head}" for column in columns)
    yield f"{'commit':<10}  {'date':<10}{tag}{heads}"
    rows = [*history.rows()]
    for row in rows[:max_rows]:
        if isinstance(row, list):
            yield f"  … {counted(len(row), 'commit')} without a change"
            continue
        commit = history.commits[row]
        tag = f"  {fit(tags[row], tag_width)}" if tag_width else ""
        cells = "".join(f"  {column.cell(row)}" for column in columns)
        subject = f"  {fit(plain(commit.subject), free)}" if free >= MIN_SUBJECT else ""
        yield f"{commit.short}  {commit.day}{tag}{cells}{subject}".rstrip()
    if max_rows and len(rows) > max_rows:
        older = len(rows) - max_rows
        yield f"  … {older} older rows. Next: headrace history … | less, or --html FILE"
    if omitted := len(history.series) - len(columns):
        noun = "metric does" if omitted == 1 else "metrics do"
        yield f"  {omitted} more {noun} not fit. Next: name fewer, or --html FILE"


def _columns(series: Sequence[Series], room: int) -> list[_Column]:
    """Return the columns of the first series that there is room for, and of one at least."""
    columns: list[_Column] = []
    for line in series:
        column = _Column.of_series(line, room)
        if columns and sum(fitting.width + 2 for fitting in columns) + column.width + 2 > room:
            break
        columns.append(column)
    return columns
