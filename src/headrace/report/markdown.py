"""Markdown that shows foreign text as it is."""

import re
from collections.abc import Sequence

from headrace.report.text import plain


def escape(text: object) -> str:
    """Return text that makes no mark, tag, link or mention in Markdown."""
    return re.sub(r"[^\w ,;=()%+'/→…-]|_", _entity, plain(str(text)), flags=re.ASCII)


def _entity(match: re.Match[str]) -> str:
    letter = match[0]
    if not letter.isascii() or letter == ".":
        return letter
    # GitHub notifies nobody of an @ that a zero-width space follows.
    return "&#64;\u200b" if letter == "@" else f"&#{ord(letter)};"


def code(text: object) -> str:
    """Return text as code: a backtick would end a code span of Markdown's own."""
    return f"<code>{escape(text)}</code>"


def table(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    words: int | None = None,
    first_words: int = 1,
) -> str:
    """Return a table of cells that are Markdown already.

    With `words`, the `first_words` first columns and so many last ones are text, and the others
    numbers, which stand on the right; without it, all columns are text.
    """
    numbers = 0 if words is None else len(heads) - first_words - words
    rule = ["---"] * first_words + ["---:"] * numbers
    rule += ["---"] * (len(heads) - len(rule))
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, rule, *rows))
