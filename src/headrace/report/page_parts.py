"""The pieces that the page is made of: escaped text, numbers, tables, folds and small drawings."""

import base64
import html
import json
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from difflib import unified_diff
from itertools import islice

from headrace.compare.model import MetricChange, Shown, Word
from headrace.report.text import counted as counted
from headrace.stats.recipe import Interval

DATA_URI = re.compile(r"data:image/(?:png|jpeg|gif|svg\+xml);base64,[A-Za-z0-9+/]+={0,2}")
JOINTS = re.compile(r"(?<=\w)([._/])(?=\w)")
SHOWN_ROWS = 25
"""Rows that are seen without unfolding more."""
LINES = 400
"""Lines of a difference that are shown."""
ABSENT = "\u2013"
MINUS = "\u2212"
BADGES = {
    Word.BETTER: ("good", "▲ better"),
    Word.WORSE: ("bad", "▼ worse"),
    Word.NOISE: ("", "≈ noise"),
    Word.NEW: ("calm", "new"),
    Word.GONE: ("calm", "gone"),
    Word.CHANGED: ("", "changed"),
}
HALF = 75.0
"""Half the width of an interval's drawing; zero is in the middle."""


def escape(text: object) -> str:
    """Return text that can neither be markup nor turn the direction of what stands around it.

    What cannot be seen, such as the marks that make text run from right to left, is named.
    """
    return html.escape("".join(map(_visible, str(text))))


def _visible(sign: str) -> str:
    hidden = unicodedata.category(sign) in {"Cc", "Cf", "Cs"} and sign not in "\n\t\u200d"
    return f"[U+{ord(sign):04X}]" if hidden else sign


def name(text: object) -> str:
    """Return a name as people gave it, kept apart from the text around it."""
    return f"<bdi>{escape(text)}</bdi>"


def code(text: object) -> str:
    """Return a path, a parameter or another name out of a file; a line may end at its joints."""
    broken = JOINTS.sub(r"\1<wbr>", escape(text))
    return f"<code><bdi>{broken}</bdi></code>"


def number(value: object) -> str:
    """Return a number as people read it, to four digits that matter; a dash where there is none."""
    if value is None:
        return ABSENT
    if isinstance(value, bool) or not isinstance(value, int | float):
        return escape(value)
    if not math.isfinite(value):
        return escape(value)
    if float(value).is_integer() or abs(value) >= 1000:
        plain = f"{value:,.0f}" if abs(value) < 1e12 else f"{value:.3e}"
    elif abs(value) >= 1:
        plain = f"{value:.4g}"
    else:
        plain = f"{value:.4f}" if abs(value) >= 0.001 else f"{value:.3g}"
    return plain.replace("-", MINUS)


def signed(value: float | None) -> str:
    """Return a change with its sign."""
    return f"{'+' if value is not None and value > 0 else ''}{number(value)}"


def share(value: object) -> str:
    """Return a share of 1 in percent."""
    if not isinstance(value, int | float):
        return ABSENT
    percent = value * 100
    return f"{percent:.1f} %" if percent == 0 or percent >= 0.1 else "< 0.1 %"


def value(content: object) -> str:
    """Return a parameter's value as its file would write it."""
    if content is None:
        return ABSENT
    text = json.dumps(content, ensure_ascii=False, default=str)
    return code(text if len(text) <= 300 else f"{text[:300]} …")


def badge(kind: str, text: str) -> str:
    """Return a word in a colour, which says no more than the word."""
    return f'<span class="badge {kind}">{escape(text)}</span>'


def word(change: MetricChange) -> str:
    """Return what a metric's change is called."""
    return badge(*BADGES[change.word])


def table(caption: str, heads: Sequence[str], rows: Iterable[str]) -> str:
    """Return a table that scrolls in a box of its own; heads that end in # are over numbers."""
    cells = "".join(
        f'<th scope="col"{_right(head.endswith("#"))}>{escape(head.removesuffix("#"))}</th>'
        for head in heads
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{cells}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _right(number: bool) -> str:
    return ' class="number"' if number else ""


def row(head: str, *cells: str, numbers: Iterable[int] = ()) -> str:
    """Return a row with its header; the places of cells that hold numbers are told."""
    right = set(numbers)
    made = "".join(f"<td{_right(at in right)}>{cell}</td>" for at, cell in enumerate(cells))
    return f'<tr><th scope="row">{head}</th>{made}</tr>'


def long_table(caption: str, heads: Sequence[str], rows: list[str], thing: str) -> str:
    """Return a table, nothing of no rows; rows beyond those that are read are folded below it."""
    if not rows:
        return ""
    first, rest = rows[:SHOWN_ROWS], rows[SHOWN_ROWS:]
    seen = table(caption, heads, first)
    title = counted(len(rest), f"more {thing}")
    return seen + (fold(title, "", table(f"{caption}, the rest", heads, rest)) if rest else "")


def section(title: str, says: str, content: str, *, unfolded: bool = False) -> str:
    """Return a section that folds; its summary says what is in it."""
    return (
        f'<details id="{escape(title.lower())}"{" open" if unfolded else ""}><summary>'
        f'<h2>{escape(title)}</h2><span class="soft">{escape(says)}</span></summary>'
        f'<div class="inside">{content}</div></details>'
    )


def fold(title: str, says: str, content: str, *, unfolded: bool = False) -> str:
    """Return a fold within a section; its title is markup already, what it says is not."""
    return (
        f"<details{' open' if unfolded else ''}><summary><h3>{title}</h3>"
        f' <span class="soft small">{escape(says)}</span></summary>{content}</details>'
    )


def interval(found: Interval, change: float | None, kind: str) -> str:
    """Return an interval drawn around zero: a dot for the change, a line from end to end."""
    reach = max(abs(found.low), abs(found.high), abs(change or 0.0)) or 1.0
    if not math.isfinite(reach):
        return ""
    low, high, dot = (
        HALF + at / reach * (HALF - 8) for at in (found.low, found.high, change or 0.0)
    )
    says = f"95 % interval of the change: {signed(found.low)} to {signed(found.high)}"
    return (
        f'<span class="drawn"><svg class="interval {kind}" viewBox="0 0 150 22" role="img"'
        f' aria-label="{says}">'
        f"<title>{says}, from {found.rows:,} rows and {found.resamples:,} resamples</title>"
        '<line class="axis" x1="0" y1="11" x2="150" y2="11"/>'
        f'<line class="zero" x1="{HALF:g}" y1="1" x2="{HALF:g}" y2="21"/>'
        f'<line x1="{low:.1f}" y1="11" x2="{high:.1f}" y2="11" stroke-width="2"/>'
        f'<line x1="{low:.1f}" y1="7" x2="{low:.1f}" y2="15" stroke-width="2"/>'
        f'<line x1="{high:.1f}" y1="7" x2="{high:.1f}" y2="15" stroke-width="2"/>'
        f'<circle cx="{dot:.1f}" cy="11" r="3.5"/></svg>'
        f'<span class="ends">{signed(found.low)} to {signed(found.high)}</span></span>'
    )


def difference(old: str, new: str) -> str:
    """Return two texts' lines that differ, with two around them, marked by signs and by colour."""
    told = unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=2)
    lines = list(islice(told, 2, LINES + 3))
    more = '<span class="soft">… and more lines</span>' if len(lines) > LINES else ""
    marks = {"-": "del", "+": "ins"}
    made = []
    for line in lines[:LINES]:
        tag = marks.get(line[0], "span")
        made.append("<span>⋯</span>" if line[0] == "@" else f"<{tag}>{escape(line)}</{tag}>")
    kept = made[1:] if made[:1] == ["<span>⋯</span>"] else made
    return f'<pre tabindex="0" aria-label="Lines that differ">{"".join(kept)}{more}</pre>'


def text(content: str, label: str) -> str:
    """Return text as it stands."""
    return f'<pre tabindex="0" aria-label="{escape(label)}">{escape(content)}</pre>'


def picture(shown: Shown, says: str) -> str:
    """Return a picture as an image, which cannot run anything; other addresses are not followed."""
    address = shown.picture
    if address.lstrip().startswith("<svg"):
        encoded = base64.b64encode(address.encode("utf-8", "replace")).decode()
        address = f"data:image/svg+xml;base64,{encoded}"
    if not DATA_URI.fullmatch(address):
        return text(shown.text or "(a picture that cannot be shown)", says)
    alt = escape(f"{says}: {shown.text[:200]}" if shown.text else says)
    return f'<img src="{address}" alt="{alt}">'
