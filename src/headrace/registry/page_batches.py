"""The live batches on the page of an audit: a row each, and below it its incidents."""

from collections.abc import Mapping, Sequence

from headrace.gates.live import Level, Light
from headrace.registry import text
from headrace.registry.audit import Audit
from headrace.registry.live_batch import Batch, Live, Shown
from headrace.report.page_parts import ABSENT, badge, code, counted, escape, name, number, share

BADGES = {
    Light.OK: ("good", "✓ ok"),
    Light.NOTICE: ("calm", "! notice"),
    Light.ACT: ("bad", "✗ act"),
    Light.UNKNOWN: ("", "not known"),
}
SIGNS = {Level.NOTICE: ("calm", "!"), Level.ACT: ("bad", "✗")}
MOST = 24
"""Batches that are seen without unfolding more."""
FIGURES = range(2, 2 + len(text.HEADS))
NUMBER = ' class="number"'
Places = Mapping[tuple[str, str], str]
"""Where on the page an incident is told, by its study and id."""


def section(audit: Audit) -> str:
    """Return the batches' part of the page; nothing where there is none."""
    first = len(audit.lives)
    places = {(one.study, one.id): f"e{first + at}-0" for at, one in enumerate(audit.incidents)}
    return "".join(_told(live, places) for live in audit.live)


def _told(live: Live, places: Places) -> str:
    unread = badge("calm", "! not read")
    problems = "".join(f'<p class="unread">{unread} {name(one)}</p>\n' for one in live.problems)
    if not live.batches:
        return problems
    of = f" {code(live.study)}" if live.study else ""
    return (
        f'<section class="life batches" aria-label="Batch by batch"><h2>Batch by batch{of}</h2>'
        f'<p class="soft small">{name(text.batches(live))}</p>{problems}'
        f"{_tables(live, places)}</section>\n"
    )


def _tables(live: Live, places: Places) -> str:
    """Return the newest batches as a table, and older ones as another, folded."""
    older, newest = live.batches[:-MOST], live.batches[-MOST:]
    first = _table(live, newest, places, "The live batches")
    if not older:
        return first
    says = f'<span class="soft small">{counted(len(older), "older row")}</span>'
    rest = _table(live, older, places, "Older live batches")
    return f"{first}<details><summary>{says}</summary>{rest}</details>"


def _table(live: Live, shown: Sequence[Batch], places: Places, label: str) -> str:
    heads = ("batch", f"in {live.stage}", *text.HEADS, *live.checks)
    cells = "".join(
        f'<th scope="col"{NUMBER if at in FIGURES else ""}>{escape(one)}</th>'
        for at, one in enumerate(heads)
    )
    rows = "".join(_rows(live, one, places) for one in shown)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}"><table>'
        f"<thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _rows(live: Live, one: Batch, places: Places) -> str:
    figures = (number(one.rows), share(one.share), _cost(one), _interval(one))
    kinds = ("number", "number", "number wider", "number wider")
    cells = [_cell(f"in {live.stage}", name(one.version) if one.version else ABSENT)]
    cells += [
        _cell(head, content, kind)
        for head, content, kind in zip(text.HEADS, figures, kinds, strict=True)
    ]
    cells += [
        _cell(check, badge(*BADGES[one.lights[check]]), "first" if check is live.checks[0] else "")
        for check in live.checks
    ]
    row = f'<tr><th scope="row">{name(one.batch)}</th>{"".join(cells)}</tr>'
    items = "".join(_incident(each, places[live.study, each.id]) for each in one.incidents)
    wide = 2 + len(text.HEADS) + len(live.checks)
    below = f'<tr class="second"><td colspan="{wide}"><ul>{items}</ul></td></tr>'
    return row + (below if items else "")


def _cell(head: str, content: str, kind: str = "") -> str:
    of_kind = f' class="{kind}"' if kind else ""
    return f'<td data-head="{escape(head)}"{of_kind}>{content}</td>'


def _cost(one: Batch) -> str:
    kind, word = SIGNS[min(one.marks, key=lambda mark: mark.level).level] if one.marks else ("", "")
    limits = " and ".join(mark.limit for mark in one.marks)
    mark = f"{badge(kind, f'{word} {limits}')} " if one.marks else ""
    return f"{mark}{'≈ ' if one.estimated else ''}{number(one.cost)}"


def _interval(one: Batch) -> str:
    if one.estimated:
        return "estimated"
    if one.low is None or one.high is None:
        return ABSENT
    return f"{number(one.low)} to {number(one.high)}"


def _incident(one: Shown, place: str) -> str:
    kind, sign = SIGNS[Level(one.level)] if one.is_open else ("", "")
    state = badge(kind, f"{sign} {one.level}, open" if one.is_open else f"{one.level}, closed")
    broken = "" if one.sound else f" {badge('bad', '✗ broken')}"
    return (
        f'<li>{state} <a href="#{place}">{name(one.rule)}</a>{broken}'
        f'<span class="soft small">{name(text.decided(one))}</span></li>'
    )
