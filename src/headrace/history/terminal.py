"""The history of metrics in a terminal: a sparkline each, and a table, the newest commit first."""

import textwrap
from collections.abc import Iterator, Sequence
from itertools import pairwise

from headrace.history import table
from headrace.history.series import History, Series
from headrace.report.terminal import MAX_WIDTH, fit, shorten, width
from headrace.report.text import number, plain

BLOCKS = "▁▂▃▄▅▆▇█"
FIGURE = 10
LABEL = 34


def lines(history: History, columns: int, *, rows: int | None = None) -> Iterator[str]:
    """Walk the lines of what is shown, none longer than the columns; `rows` limits the table."""
    room = min(columns, MAX_WIDTH)
    yield fit(plain(history.title), room).rstrip()
    yield ""
    yield from _sparklines(history.series, room)
    yield ""
    yield from table.lines(history, room, rows)
    if history.notes:
        yield ""
        for note in history.notes:
            yield textwrap.fill(plain(note), room, break_long_words=False, break_on_hyphens=False)


def _sparklines(drawn: Sequence[Series], room: int) -> Iterator[str]:
    names = [plain(one.label) for one in drawn]
    label = min(max(map(width, names)), LABEL, room // 3)
    wide = max(8, room - label - 2 - 3 * (FIGURE + 1))
    heads = "".join(f"{head:>{FIGURE + 1}}" for head in ("min", "last", "max"))
    longest = min(wide, max(len(one.values) for one in drawn))
    yield " " * (label + 2 + longest) + heads
    for name, one in zip(names, drawn, strict=True):
        line = f"{sparkline(one.values, longest):<{longest}}"
        yield f"{fit(shorten(name, label), label)}  {line}{_figures(one.known)}".rstrip()


def _figures(known: Sequence[float]) -> str:
    if not known:
        return ""
    shown = (min(known), known[-1], max(known))
    return "".join(f" {_figure(value):>{FIGURE}}" for value in shown)


def _figure(value: float) -> str:
    text = number(value)
    return text if len(text) <= FIGURE else f"{value:.3g}"


def sparkline(values: Sequence[float | None], columns: int) -> str:
    """Return values as blocks of eight heights; a gap is a space.

    Where there are more values than columns, a column stands for several, and shows their last.
    """
    shown = _thinned(values, columns)
    known = [value for value in values if value is not None]
    low, high = (min(known), max(known)) if known else (0, 0)
    return "".join(" " if value is None else _block(value, low, high) for value in shown)


def _block(value: float, low: float, high: float) -> str:
    if low == high:
        return BLOCKS[3]
    share = (value / 2 - low / 2) / (high / 2 - low / 2)  # halves: the difference may be too large
    return BLOCKS[min(int(share * len(BLOCKS)), len(BLOCKS) - 1)]


def _thinned(values: Sequence[float | None], columns: int) -> list[float | None]:
    count = len(values)
    if count <= columns:
        return [*values]
    edges = [count * column // columns for column in range(columns + 1)]
    parts = (values[a:b] for a, b in pairwise(edges))
    return [next((one for one in reversed(part) if one is not None), None) for part in parts]
