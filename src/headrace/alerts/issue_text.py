"""The text of an issue: evidence, decision, ways out, and hidden marks of who was told."""

from collections.abc import Iterator

from headrace.incidents import format as wording
from headrace.incidents.incident import Incident
from headrace.incidents.store import name
from headrace.report.markdown import code, escape
from headrace.report.text import number

MARK = "<!-- headrace: incident {} -->"


def render(one: Incident, who: str) -> str:
    """Return an issue's text: the evidence, the decision, the ways out; harmless Markdown."""
    parts = [MARK.format(one.id), f"**{escape(one.level)}**: {escape(one.do)}"]
    parts.append(f"{escape(wording.standing(one))}. {escape(wording.shows(one))}.")
    rows = [f"| {escape(batch)} | {value} | {state} |" for batch, value, state in _firing(one)]
    head = f"| batch | {code(one.figure)} | |\n| --- | ---: | --- |"
    parts.append("\n".join([head, *rows]))
    if decided := wording.decided(one):
        parts.append(f"Decided: {escape(decided)}")
    parts += _ways(one)
    marks = [told(who, key) for key, heard in one.told.items() if heard.get(who)]
    return "\n\n".join([*parts, *(["\n".join(marks)] if marks else [])]) + "\n"


def _firing(one: Incident) -> list[tuple[str, str, str]]:
    """Return each batch of an incident, its value in words, and what the rule said."""
    return [(batch, number(s.value), str(s.state)) for batch, s in one.batches.items()]


def told(who: str, key: str) -> str:
    """Return the hidden mark by which an issue remembers who heard of a transition."""
    return f"<!-- headrace told {who}: {escape(key)} -->"


def _ways(one: Incident) -> Iterator[str]:
    if not (listed := wording.ways(one)):
        return
    commands = "\n".join(f"# {way}\n{command}" for way, command in listed.items())
    yield f"### Three ways out\n\n```sh\n{commands}\n```"
    first = f"headrace monitor && git add {name(one)} && git commit -m 'Record the incident'"
    yield f"Where {code(name(one))} is not in git yet, first:\n\n```sh\n{first}\n```"
