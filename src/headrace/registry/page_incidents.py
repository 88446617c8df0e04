"""The incidents on the page of an audit: one item each, the newest first, its events folded."""

from headrace.registry import text as said
from headrace.registry.audit import Audit
from headrace.registry.incidents import WORDS, Account
from headrace.registry.page_entry import told
from headrace.registry.timeline import Entry
from headrace.report.page_parts import badge, code, escape, name

LOUD = {"act": "bad", "notice": "calm"}


def section(audit: Audit) -> str:
    """Return the incidents' part of the page; nothing where there is none."""
    if not audit.incidents:
        return ""
    first = len(audit.lives)
    listed = reversed([*enumerate(audit.incidents, first)])
    items = "".join(_item(at, one) for at, one in listed)
    return (
        '<section class="life" aria-label="Incidents"><h2>Incidents'
        f' <span class="soft small">{escape(said.incidents(audit))}</span></h2>'
        f'<ul class="incidents">{items}</ul></section>\n'
    )


def _item(at: int, one: Account) -> str:
    kind = LOUD.get(one.level, "") if one.is_open else ""
    state = badge(kind or "good", f"{one.level}, open" if one.is_open else "closed")
    broken = badge("bad", "✗ broken") if one.broken else ""
    decisions = "".join(_decision(entry) for entry in one.entries if entry.word in DECIDED)
    entries = "".join(told(each, f"e{at}-{place}") for place, each in enumerate(one.entries))
    shown = " open" if one.broken else ""
    return (
        f'<li><div class="event">{state}<strong>{name(one.rule)}</strong>{broken}'
        f'<span class="soft small">{name(one.standing)}</span></div><p>{name(one.shows)}</p>'
        f'{decisions}<details{shown}><summary><span class="soft small">Events of {code(one.id)}'
        f'</span></summary><ol class="line">{entries}</ol></details></li>'
    )


DECIDED = (*WORDS.values(), "decided")


def _decision(entry: Entry) -> str:
    reason = next((text for head, text in entry.facts if head == "reason"), "")
    return (
        f"<p>{badge('calm', entry.word)} {name(reason)}</p>"
        f'<p class="soft small">{name(entry.who)}, {entry.moment}</p>'
    )
