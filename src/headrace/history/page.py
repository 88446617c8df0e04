"""The history of metrics as a page: one file, no script, readable in any light and on paper."""

import base64
import hashlib
from collections.abc import Iterator

from headrace.history.axes import clean
from headrace.history.picture import draw
from headrace.history.series import History, change
from headrace.report.text import number

STYLE = """\
:root { color-scheme: light dark; --paper: #fff; --ink: #1f2933; --line: #2563eb; --gate: #b45309;
  --rule: #d9dee5 }
@media (prefers-color-scheme: dark) { :root { --paper: #14181d; --ink: #e4e7eb; --line: #7aa7ff;
  --gate: #fbbf24; --rule: #39424e } }
body { margin: 0 auto; max-width: 1020px; padding: 1rem; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
h1 { font-size: 1.4rem; margin: 0 } h2 { font-size: 1.1rem; margin: 1.5rem 0 .5rem }
.pictures { display: grid; gap: 1rem; margin: 1rem 0;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 430px), 1fr)) }
svg { width: 100%; max-width: 720px; height: auto; fill: currentColor }
svg text { font: 12px system-ui, sans-serif } svg .name { font-size: 14px; font-weight: 600 }
svg .tick { opacity: .8; font-size: 11.5px } svg .mark { font-size: 10.5px }
.mark, .bound { paint-order: stroke; stroke: var(--paper); stroke-width: 3px }
svg path { fill: none } .axis { stroke: currentColor; opacity: .5 } .grid { stroke: var(--rule) }
.tag { stroke: currentColor; opacity: .35 } .line { stroke: var(--line); stroke-width: 2;
  stroke-linejoin: round } circle { fill: var(--line) }
.gate { stroke: var(--gate); stroke-dasharray: 5 4; stroke-width: 1.5 } .bound { fill: var(--gate) }
.wide { overflow-x: auto } table { border-collapse: collapse; font-size: .875rem;
  font-variant-numeric: tabular-nums } caption { text-align: left }
th, td { padding: .25rem .6rem; text-align: left; white-space: nowrap;
  border-bottom: 1px solid var(--rule) } .number { text-align: right }
.subject { white-space: normal; min-width: 14rem } .fold { opacity: .8 } .moved { opacity: .75 }
@media print { :root { --paper: #fff; --ink: #000; --line: #1d4ed8; --gate: #92400e;
  --rule: #ccc } body { max-width: none; padding: 0; font-size: 11px } svg { break-inside: avoid }
  .wide { overflow: visible } table { font-size: 8px } th, td { padding: 1px 4px } }
"""


def page(history: History) -> str:
    """Return the page: a picture for each metric, the table, and the notes."""
    title = clean(f"History of {history.title}")
    pictures = [draw(history.commits, one, history.parents) for one in history.series]
    first, last = history.commits[0], history.commits[-1]
    count = len(history.commits)
    said = f"{count} {'commit' if count == 1 else 'commits'}, {first.day} to {last.day}"
    parts = [
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_policy()}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title><style>{STYLE}</style></head><body>",
        f"<h1>{title}</h1><p>{clean(said)}, along the first parent</p>",
        *_notes(history),
        '<main><div class="pictures">',
        *pictures,
        '</div><h2>Commits</h2><div class="wide" tabindex="0"><table><thead><tr>',
        *_heads(history),
        "</tr></thead><tbody>",
        *_rows(history),
        "</tbody></table></div></main></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _notes(history: History) -> Iterator[str]:
    if history.notes:
        yield from ("<ul>", *(f"<li>{clean(note)}</li>" for note in history.notes), "</ul>")


def _policy() -> str:
    """Return a policy that allows nothing but this very style."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'"


def _heads(history: History) -> Iterator[str]:
    for name in ("commit", "date", "tag"):
        yield f"<th>{name}</th>"
    for one in history.series:
        yield f'<th class="number" colspan="2">{clean(one.label)}</th>'
    yield "<th>subject</th>"


def _rows(history: History) -> Iterator[str]:
    for row in history.rows():
        if isinstance(row, list):
            many = f"{len(row)} {'commit' if len(row) == 1 else 'commits'}"
            span = 4 + 2 * len(history.series)
            yield f'<tr><td class="fold" colspan="{span}">… {many} without a change</td></tr>'
        else:
            yield f"<tr>{''.join(_cells(history, row))}</tr>"


def _cells(history: History, place: int) -> Iterator[str]:
    commit = history.commits[place]
    for text in (commit.short, commit.day, ", ".join(history.names(place))):
        yield f"<td>{clean(text)}</td>"
    for one in history.series:
        moved = change(one.values[place], one.before[place])
        yield f'<td class="number">{number(one.values[place], missing="")}</td>'
        yield f'<td class="number moved">{moved}</td>'
    yield f'<td class="subject">{clean(commit.subject)}</td>'
