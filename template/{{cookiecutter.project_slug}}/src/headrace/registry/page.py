"""An audit as one page: no script, no network; a verdict on top, the links folded.

Everything that people wrote (reasons, names, commits) passes through `escape`.
"""

from importlib.resources import files

from headrace.diff.page import POLICY
from headrace.diff.page_parts import badge, code, escape, name
from headrace.registry import said
from headrace.registry.audit import Audit, Held, Life
from headrace.registry.links import Link, Truth
from headrace.registry.timeline import Entry, moment

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
}


def render(audit: Audit) -> str:
    """Return the page of an audit, as the text of one HTML file."""
    diff = (files("headrace.diff") / "style.css").read_text("utf-8")
    own = (files("headrace.registry") / "style.css").read_text("utf-8")
    lives = "\n".join(_life(at, life) for at, life in enumerate(audit.lives))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>Audit of {escape(audit.repository)}</title>\n<style>\n{diff}{own}</style></head>\n"
        f'<body><main>\n<header><p class="kicker">headrace audit</p>'
        f"<h1>{name(audit.repository)}</h1></header>\n{_verdict(audit)}\n{lives}\n"
        "<footer>Times are UTC. This page needs no network and runs no script.</footer>\n"
        "</main></body></html>\n"
    )


def _verdict(audit: Audit) -> str:
    kind = "good" if audit.holds else "bad"
    sign = "✓ " if audit.holds else "✗ "
    if not audit.lives:
        kind, sign = "calm", ""
    broken = "".join(
        f'<li><a href="#e{at}-{place}">{escape(entry.word)} {name(entry.what)}</a>:'
        f" {'; '.join(name(link.says) for link in entry.broken)}</li>"
        for at, life in enumerate(audit.lives)
        for place, entry in [one for one in enumerate(life.entries) if one[1].broken][:MOST]
    )
    reasons = "".join(
        f"<li>{name(one)}</li>" for life in audit.lives for one in said.unchecked(life)
    )
    not_checked = f'<h3>Not checked here</h3><ul class="soft">{reasons}</ul>' if reasons else ""
    return (
        f'<section class="verdict {kind}" aria-label="Verdict"><h2>{sign}'
        f"{escape(said.verdict(audit))}</h2>{f'<ul>{broken}</ul>' if broken else ''}"
        f"{not_checked}</section>"
    )


MOST = 50
"""Broken events that the verdict names; the time line shows all."""


def _life(at: int, life: Life) -> str:
    cards = "".join(map(_card, life.held))
    stages = f'<ul class="stages" aria-label="Who is in which stage now">{cards}</ul>'
    entries = "".join(
        _entry(entry, f"e{at}-{place}") for place, entry in reversed([*enumerate(life.entries)])
    )
    return (
        f'<section class="life" aria-label="{escape(life.artifact)}"><h2>{code(life.artifact)}'
        f' <span class="soft small">{escape(said.life(life))}</span></h2>{stages if cards else ""}'
        f'<ol class="line">{entries}</ol></section>'
    )


def _card(one: Held) -> str:
    broken = "" if one.sound else badge("bad", "✗ broken")
    return (
        f'<li><span class="soft small">{code(one.stage)}</span><strong>{name(one.version)}</strong>'
        f'{broken}<span class="soft small">since {moment(one.since)}, {name(one.who)}</span></li>'
    )


def _entry(entry: Entry, anchor: str) -> str:
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
    told = "".join(
        f"<li><strong>{escape(said.NAMES.get(one.name, one.name))}</strong>: {name(one.says)}</li>"
        for one in entry.broken
    )
    return f'<ul class="broken">{told}</ul>' if told else ""


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
