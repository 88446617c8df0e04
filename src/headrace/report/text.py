"""Text and numbers as people read them, in every form of a report."""

import math

NONE = "-"
"""What stands where there is no value."""


def plain(text: str) -> str:
    r"""Return text that neither steers a terminal nor turns the direction of writing.

    Any white space becomes a space; control characters, lone surrogates and their like become
    visible, as `\x1b` or `\u202e`.
    """
    if text.isprintable():
        return text
    return "".join(map(_visible, text))


def _visible(letter: str) -> str:
    return letter if letter.isprintable() else " " if letter.isspace() else repr(letter)[1:-1]


def number(value: float | None, *, missing: str = NONE) -> str:
    """Return a number with four decimals, with one from 100 on, or with the digits it needs."""
    if value is None:
        return missing
    size = abs(value)
    if isinstance(value, int):
        return f"{value:,}" if size < 10**15 else f"{value:.4g}"
    if value == 0 or 0.0001 <= size < 100:
        return f"{value:.4f}"
    return f"{value:,.1f}" if 100 <= size < 1e9 else f"{value:.3g}"


def signed(value: float | None, beside: float = 0.0) -> str:
    """Return a change with its sign; nothing where it is not known.

    Beside a value that has one decimal it has one too, where that leaves something of it.
    """
    if value is None:
        return ""
    is_short = number(float(beside))[-2:-1] == "." and 0.05 <= abs(value) < 100
    text = f"{value:.1f}" if is_short and isinstance(value, float) else number(value)
    return f"+{text}" if value > 0 else text


def money(value: float) -> str:
    """Return an amount with cents; below a cent with two digits."""
    decimals = 1 - math.floor(math.log10(abs(value))) if 0 < abs(value) < 0.01 else 2
    return f"{value:,.{min(decimals, 9)}f}"


def counted(count: int, noun: str) -> str:
    """Return a count of things, in the plural unless it is 1."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
