"""Text and numbers as people read them, in every form of a report."""

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


def signed(value: float | None) -> str:
    """Return a change with its sign; nothing where it is not known."""
    if value is None:
        return ""
    return f"+{number(value)}" if value > 0 else number(value)


def counted(count: int, noun: str) -> str:
    """Return a count of things, in the plural unless it is 1."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
