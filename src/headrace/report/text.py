"""Text from commits and files, made fit to show, and numbers in few letters."""

import unicodedata

GAP = "…"


def plain(text: str) -> str:
    r"""Return text in which nothing steers a terminal or turns the direction of writing.

    Control characters, lone surrogates and their like become visible as `\x1b` or `\u202e`.
    """
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else " " if letter.isspace() else _escaped(letter)
        for letter in text
    )


def _escaped(letter: str) -> str:
    return (
        letter.encode("ascii", "backslashreplace").decode()
        if ord(letter) > 127
        else (f"\\x{ord(letter):02x}")
    )


def width(text: str) -> int:
    """Return how many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    return sum(_columns(letter) for letter in text)


def _columns(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def fit(text: str, columns: int, *, right: bool = False) -> str:
    """Return the text in exactly so many columns, its end cut off or filled up."""
    if width(text) > columns:
        cut = text
        while cut and width(cut) > columns - 1:
            cut = cut[:-1]
        text = cut + GAP
    fill = " " * (columns - width(text))
    return fill + text if right else text + fill


def number(value: float | None) -> str:
    """Return a number as a table shows it; nothing for a gap."""
    if value is None:
        return ""
    size = abs(value)
    if isinstance(value, int):
        return f"{value:,}" if size < 10**9 else f"{value:.4g}"
    if size and (size < 0.001 or size >= 10**7):
        return f"{value:.3g}"
    return f"{value:,.4f}" if size < 100 else f"{value:,.1f}"


def change(new: float | None, old: float | None) -> str:
    """Return how much a number changed, with its sign; nothing where it did not."""
    if new is None or old is None or new == old:
        return ""
    moved = new - old
    small = 0 < abs(moved) < 0.001
    shown = (
        (f"{moved:.4f}" if abs(moved) >= 0.00005 else f"{moved:.0e}") if small else number(moved)
    )
    return shown if shown.startswith("-") else f"+{shown}"


def middle(name: str, columns: int) -> str:
    """Return a name in exactly so many columns; what is too much goes from its middle."""
    if len(name) <= columns or columns < 8:
        return fit(name, columns)
    tail = (columns - 1) * 2 // 3
    return fit(f"{name[: columns - 1 - tail]}…{name[-tail:]}", columns)
