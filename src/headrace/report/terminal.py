"""Tables, colours and wrapped lines for a terminal."""

import io
import os
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from headrace.report.text import plain

WIDTH = 100
"""Columns of a line of prose at most, and of any line where there is no terminal."""
COLOURS = {"green": "32", "red": "31", "dim": "2"}
ELLIPSIS = "…"


def has_colours() -> bool:
    """Tell whether standard output shows colours, and the user wants them."""
    is_asked_for = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return is_asked_for and sys.stdout.isatty()


def terminal_width() -> int:
    """Return the columns of the terminal; 100 where there is none."""
    return shutil.get_terminal_size((WIDTH, 24)).columns


def paint(text: str, colour: str) -> str:
    """Return text in one of `COLOURS`; as it is where the colour has no name."""
    return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m" if colour else text


def width(text: str) -> int:
    """Return the columns that text takes: two for a wide character, none for an accent."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def fit(text: str, columns: int, *, right: bool = False) -> str:
    """Return text in exactly so many columns: cut at its end, or filled up."""
    if width(text) > columns:
        text = _head(text, columns - 1) + ELLIPSIS
    fill = " " * (columns - width(text))
    return fill + text if right else text + fill


def shorten(text: str, columns: int) -> str:
    """Return text in at most so many columns; what is too much goes from its middle."""
    if width(text) <= columns:
        return text
    tail = text[-(columns // 2) :]
    while width(tail) > columns // 2:
        tail = tail[1:]
    return f"{_head(text, columns - width(tail) - 1)}{ELLIPSIS}{tail}"


def _head(text: str, columns: int) -> str:
    while text and width(text) > columns:
        text = text[:-1]
    return text


def table(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    words: int = 0,
    first_words: int = 1,
    min_width: int = 0,
) -> list[str]:
    """Return the aligned lines of a table, its head first.

    The `first_words` first columns and the last `words` columns are text, on the left; the others
    are numbers, on the right, in `min_width` columns at least. Where a line would be wider than the
    terminal, the first column is shortened; names that would look alike then stand in full, with
    what is text beside them, on a line of their own, above their numbers.
    """
    from rich.table import Table  # 50 ms: only for those who show a table
    from rich.text import Text

    cells = [[plain(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    room = max(12, terminal_width() - sum(widths[1:]) - 2 * len(widths))
    labels, long_names = _labels(cells, room, first_words)
    layout = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    for place in range(len(heads)):
        is_text = place < first_words or place >= len(heads) - words
        layout.add_column(
            justify="left" if is_text else "right",
            min_width=0 if is_text else min_width,
            no_wrap=True,
        )
    for label, name, (_, *values) in zip(labels, long_names, cells, strict=True):
        above = first_words - 1 if name else 0  # what stands on the name's line
        layout.add_row(Text(label), *map(Text, [*[""] * above, *values[above:]]))
    roomy = sum(widths) + (2 + min_width) * len(widths)  # rich cuts nothing off
    lines = _rendered(layout, roomy)
    return [
        f"{name}\n{line}" if name else line for name, line in zip(long_names, lines, strict=True)
    ]


def _rendered(layout: Any, columns: int) -> list[str]:
    """Return the lines of one of rich's tables, without colours."""
    from rich.console import Console

    console = Console(file=io.StringIO(), width=columns, color_system=None)
    with console.capture() as capture:
        console.print(layout)
    return [line.rstrip() for line in capture.get().splitlines()]


def _labels(rows: Sequence[Sequence[str]], columns: int, words: int) -> tuple[list[str], list[str]]:
    """Return each name shortened, or instead of it "" and a line of the row's first words."""
    names = [row[0] for row in rows]
    beside = ["".join(f"  {word}" for word in row[1:words]) for row in rows]
    labels = [shorten(name, columns) for name in names]
    counts = Counter(dict(zip(names, labels, strict=True)).values())
    is_long = [counts[label] > 1 for label in labels]
    return (
        ["" if long else label for label, long in zip(labels, is_long, strict=True)],
        [
            shorten(name, terminal_width() - width(text)) + text if long else ""
            for name, text, long in zip(names, beside, is_long, strict=True)
        ],
    )


def wrap(text: str, *, indent: str = "", first: str | None = None) -> Iterator[str]:
    """Yield text in lines that the terminal holds; `first` is the indent of the first one."""
    columns = min(terminal_width(), WIDTH)
    for line in textwrap.wrap(
        plain(text),
        columns,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        replace_whitespace=False,
        break_on_hyphens=False,
    ):
        yield line if width(line) <= 2 * columns else f"{line[:columns]}{ELLIPSIS}"
