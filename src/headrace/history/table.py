"""The table of a history: a row for each commit that changed something, the newest first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from headrace.history.commits import Commit
from headrace.history.series import History, Series, change
from headrace.report.terminal import fit, shorten, width
from headrace.report.text import number, plain

HEAD = 20
"""Columns that a metric's name may take at most, where its values need fewer."""
TAG = 16
SUBJECT = 20
"""The subject is shown where so many columns are left."""


@dataclass(frozen=True)
class Column:
    """A metric's column: how wide its values and their changes are, and both together."""

    series: Series
    value: int
    change: int
    width: int

    @property
    def head(self) -> str:
        """The metric's name, as far as there is room."""
        return fit(shorten(plain(self.series.label), self.width), self.width, right=True)

    def cell(self, place: int) -> str:
        """Return the value at a commit, and its change."""
        new, old = self.series.values[place], self.series.before[place]
        shown = f"{number(new, missing=''):>{self.value}} {change(new, old):>{self.change}}"
        return fit(shown if self.change else shown[:-1], self.width, right=True)


def lines(history: History, room: int, rows: int | None) -> Iterator[str]:
    """Walk the table's lines, in so many columns; `rows` limits how many commits are shown."""
    names = [plain(" ".join(history.names(place))) for place in range(len(history.commits))]
    tag = min(max(map(width, names)), TAG)
    left = room - 22 - (tag + 2 if tag else 0)
    columns = _fitting(history.series, left)
    left -= sum(column.width + 2 for column in columns) + 2
    head = f"{'commit':<10}  {'date':<10}" + (f"  {fit('tag', tag)}" if tag else "")
    yield head + "".join(f"  {column.head}" for column in columns)
    every = [*history.rows()]
    for row in every[:rows]:
        if isinstance(row, list):
            yield f"  … {len(row)} {'commit' if len(row) == 1 else 'commits'} without a change"
        else:
            name = f"  {fit(names[row], tag)}" if tag else ""
            yield _row(history.commits[row], row, columns, name, left)
    yield from _left_out(len(every[rows:]) if rows else 0, len(history.series) - len(columns))


def _row(commit: Commit, place: int, columns: Sequence[Column], name: str, left: int) -> str:
    line = f"{commit.short}  {commit.day}{name}"
    line += "".join(f"  {column.cell(place)}" for column in columns)
    return (line + (f"  {fit(plain(commit.subject), left)}" if left >= SUBJECT else "")).rstrip()


def _left_out(rows: int, metrics: int) -> Iterator[str]:
    if rows:
        yield f"  … {rows} older rows. Next: headrace history … | less, or --html FILE"
    if metrics:
        noun = "metric does" if metrics == 1 else "metrics do"
        yield f"  {metrics} more {noun} not fit. Next: name fewer, or --html FILE"


def _fitting(drawn: Sequence[Series], room: int) -> list[Column]:
    """Return the columns of the first series that there is room for, and of one at least."""
    shown: list[Column] = []
    for one in drawn:
        column = _column(one, room)
        if shown and sum(known.width + 2 for known in shown) + column.width + 2 > room:
            break
        shown.append(column)
    return shown


def _column(one: Series, room: int) -> Column:
    pairs = zip(one.values, one.before, strict=True)
    sizes = [(len(number(new, missing="")), len(change(new, old))) for new, old in pairs]
    value, moved = (max(column) for column in zip(*sizes, strict=True))
    wide = max(value + moved + bool(moved), min(width(plain(one.label)), HEAD))
    return Column(one, value, moved, max(min(wide, room - 2), 8))
