"""An audit as one page: no script, no network; a verdict on top, the links folded.

Everything that people wrote (reasons, names, commits) passes through `escape`.
"""

from importlib.resources import files

from headrace.compare.page import POLICY
from headrace.registry import page_batches, page_incidents, text
from headrace.registry.audit import Audit, Held, Life
from headrace.registry.group_promotions import joined
from headrace.registry.incidents import Account
from headrace.registry.page_entry import told
from headrace.registry.timeline import moment
from headrace.report.page_parts import badge, code, escape, name


def render(audit: Audit) -> str:
    """Return the page of an audit, as the text of one HTML file."""
    diff = (files("headrace.compare") / "style.css").read_text("utf-8")
    own = (files("headrace.registry") / "style.css").read_text("utf-8")
    lives = "\n".join(_life(at, life) for at, life in enumerate(audit.lives))
    parts = f"{page_batches.section(audit)}{_stages(audit)}{page_incidents.section(audit)}{lives}"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>Audit of {escape(audit.repository)}</title>\n<style>\n{diff}{own}</style></head>\n"
        f'<body><main>\n<header><p class="kicker">headrace audit</p>'
        f"<h1>{name(audit.repository)}</h1></header>\n{_verdict(audit)}\n{parts}\n"
        "<footer>Times are UTC. This page needs no network and runs no script.</footer>\n"
        "</main></body></html>\n"
    )


def _verdict(audit: Audit) -> str:
    kind = "good" if audit.holds else "bad"
    sign = "✓ " if audit.holds else "✗ "
    if not audit.lives and not audit.incidents:
        kind, sign = "calm", ""
    parts: list[Life | Account] = [*audit.lives, *audit.incidents]
    broken = "".join(
        f'<li><a href="#e{at}-{place}">{escape(entry.word)} {name(entry.what)}</a>:'
        f" {'; '.join(name(link.says) for link in entry.broken)}</li>"
        for at, part in enumerate(parts)
        for place, entry in [one for one in enumerate(part.entries) if one[1].broken][:MOST]
    )
    reasons = "".join(f"<li>{name(one)}</li>" for part in parts for one in text.unchecked(part))
    not_checked = f'<h3>Not checked here</h3><ul class="soft">{reasons}</ul>' if reasons else ""
    return (
        f'<section class="verdict {kind}" aria-label="Verdict"><h2>{sign}'
        f"{escape(text.verdict(audit))}</h2>{f'<ul>{broken}</ul>' if broken else ''}"
        f"{not_checked}</section>"
    )


MOST = 50
"""Broken events that the verdict names; the time line shows all."""


def _stages(audit: Audit) -> str:
    """Return who is in which stage now, before all that led to it."""
    listed = [one for one in audit.lives if one.held]
    parts = "".join(
        f"<h2>{code(one.artifact)} in its stages</h2>"
        f'<ul class="stages">{"".join(map(_card, one.held))}</ul>'
        for one in listed
    )
    label = "Who is in which stage now"
    return f'<section class="life" aria-label="{label}">{parts}</section>\n' if listed else ""


def _life(at: int, life: Life) -> str:
    entries = "".join(
        told(entry, f"e{at}-{place}") for place, entry in reversed(joined(life.entries))
    )
    return (
        f'<section class="life" aria-label="{escape(life.artifact)}"><h2>{code(life.artifact)}'
        f' <span class="soft small">{escape(text.life(life))}</span></h2>'
        f'<ol class="line">{entries}</ol></section>'
    )


def _card(one: Held) -> str:
    broken = "" if one.sound else badge("bad", "✗ broken")
    return (
        f'<li><span class="soft small">{code(one.stage)}</span><strong>{name(one.version)}</strong>'
        f'{broken}<span class="soft small">since {moment(one.since)}, {name(one.who)}</span></li>'
    )
