"""One event on the page of an audit, with its facts and its links."""

from headrace.registry import text as said
from headrace.registry.check_result import Link, Truth
from headrace.registry.timeline import Entry
from headrace.report.page_parts import badge, code, escape, name

BADGES = {
    Truth.TRUE: ("good", "✓ true"),
    Truth.BROKEN: ("bad", "✗ broken"),
    Truth.UNCHECKED: ("", "not checked"),
}
KINDS = {
    "promoted": "good",
    "restored": "good",
    "overridden": "bad",
    "rolled back": "calm",
    "demoted": "calm",
    "gone": "bad",
    "opened": "bad",
    "closed": "good",
    "dismissed": "calm",
    "roll back": "calm",
    "retrain": "calm",
}


def told(entry: Entry, anchor: str) -> str:
    """Return one event as an item of a list."""
    kind = "bad" if entry.broken else KINDS.get(entry.word, "")
    mark = said.marks(entry)
    marked = badge("bad", mark) if mark else ""
    facts = "".join(f"<dt>{escape(h)}</dt><dd>{name(text)}</dd>" for h, text in entry.facts)
    listed = f'<dl class="facts">{facts}</dl>' if facts else ""
    tag = f'<span class="soft small">{code(entry.tag)}</span>' if entry.tag else ""
    return (
        f'<li id="{anchor}" class="{kind}"><div class="event">{badge(kind, entry.word)}'
        f'<strong>{name(entry.what)}</strong>{marked}<time class="soft small">{entry.moment}'
        f'</time></div><div class="by"><span class="soft small">{name(entry.who)}</span>{tag}</div>'
        f"{listed}{_broken(entry)}{_links(entry)}</li>"
    )


def _broken(entry: Entry) -> str:
    items = "".join(
        f"<li><strong>{escape(said.NAMES.get(one.name, one.name))}</strong>: {name(one.says)}</li>"
        for one in entry.broken
    )
    return f'<ul class="broken">{items}</ul>' if items else ""


def _links(entry: Entry) -> str:
    if not entry.links:
        return ""
    rows = "".join(map(_link, entry.links))
    return (
        f'<details><summary><span class="soft small">Links: {escape(said.links(entry))}</span>'
        f'</summary><ul class="links">{rows}</ul></details>'
    )


def _link(one: Link) -> str:
    head = "" if one.truth is Truth.TRUE else f"{escape(said.NAMES.get(one.name, one.name))}: "
    return f"<li>{badge(*BADGES[one.truth])} <span>{head}{name(one.says)}</span></li>"
