"""What the monitor found as one page: a light per batch and check, then the pictures."""

import base64
from collections.abc import Iterator
from importlib.resources import files

import pandas as pd

from headrace.compare.page import POLICY
from headrace.gates.live import Level, Light, State
from headrace.incidents import format as wording
from headrace.incidents import store
from headrace.incidents.incident import Incident
from headrace.monitor import estimate
from headrace.monitor.results import PICTURES, Found
from headrace.report.page_parts import badge, code, escape, long_table, name, number, row, section

BADGES = {
    Light.OK: ("good", "✓ ok"),
    Light.NOTICE: ("calm", "! notice"),
    Light.ACT: ("bad", "✗ act"),
    Light.UNKNOWN: ("", "not known"),
}
SAYS = {
    "money": "What the model's mistakes cost in each batch, and how many rows were positive",
    "moved": "How far each input has moved since the model learned, batch by batch",
}
MOVED = ("batch", "feature", "says")
RATES = ("false_negative_rate", "false_positive_rate")
GROUPS = ("batch", "group", *(f"{rate}{end}" for rate in RATES for end in ("", "_low", "_high")))


def render(found: Found) -> str:
    """Return the page, as the text of one HTML file; it runs no script and needs no network."""
    diff = (files("headrace.compare") / "style.css").read_text("utf-8")
    own = (files("headrace.monitor") / "style.css").read_text("utf-8")
    study = found.root.name
    pictures = "".join(_picture(one, found.pictures[one]) for one in PICTURES)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>Monitor of {escape(study)}</title>\n<style>\n{diff}{own}</style></head>\n"
        f'<body><main>\n<header><p class="kicker">headrace monitor</p><h1>{name(study)}</h1>'
        f"</header>\n{_verdict(found)}\n{_lights(found)}\n{_incidents(found)}\n{pictures}\n"
        f"{_tables(found)}\n</main></body></html>\n"
    )


def _verdict(found: Found) -> str:
    """Say in a sentence how the newest batch stands."""
    if not found.lights:
        return _said("calm", "No batch yet", ["Next: headrace ingest FILE"])
    newest, row_of = [*found.lights.items()][-1]
    firing = [one for one in found.verdicts if one.batch == newest and one.state is State.FIRES]
    loud = [one for one in firing if one.rule.level is Level.ACT]
    kind = "bad" if loud else "calm" if firing else "good"
    unknown = [check for check, light in row_of.items() if light is Light.UNKNOWN]
    words = f"{newest}: act" if loud else f"{newest}: look" if firing else f"{newest}: all is well"
    lines = [
        f"{one.rule.name[:1].upper()}{one.rule.name[1:]}. {one.rule.do}" for one in loud or firing
    ]
    lines += [f"Not known yet: {', '.join(unknown)}"] if unknown else []
    lines += [f"Not judged yet: {', '.join(found.behind)}"] if found.behind else []
    return _said(kind, words, lines)


def _said(kind: str, words: str, lines: list[str]) -> str:
    listed = "".join(f"<li>{name(line)}</li>" for line in lines)
    return (
        f'<section class="verdict {kind}" aria-label="Verdict"><h2>{escape(words)}</h2>'
        f"{f'<ul>{listed}</ul>' if listed else ''}</section>"
    )


def _lights(found: Found) -> str:
    if not found.lights:
        return ""
    heads = "".join(f'<th scope="col">{escape(one)}</th>' for one in ("rows", *found.checks))
    rows = "".join(
        f'<tr><th scope="row">{escape(batch)}</th><td>{number(found.figures[batch]["rows"])}</td>'
        + "".join(f"<td>{badge(*BADGES[lights[one]])}</td>" for one in found.checks)
        + "</tr>"
        for batch, lights in found.lights.items()
    )
    return (
        '<section class="lights"><div class="scroll" tabindex="0"><table>'
        "<caption>The loudest rule on each check of each batch</caption>"
        f'<thead><tr><th scope="col">batch</th>{heads}</tr></thead><tbody>{rows}</tbody>'
        "</table></div></section>"
    )


def _incidents(found: Found) -> str:
    known = store.read(found.root).values()
    rows = [_incident(one) for one in sorted(known, key=lambda one: (not one.is_open, one.opened))]
    opened = sum(one.is_open for one in known)
    listed = f'<ul class="incidents">{"".join(rows)}</ul>'
    return section("Incidents", f"{opened} open", listed, unfolded=bool(opened)) if rows else ""


def _incident(one: Incident) -> str:
    kind = ("bad" if one.level is Level.ACT else "calm") if one.is_open else ""
    ways = "".join(f"<li>{code(way)}</li>" for way in wording.ways(one).values())
    decided = wording.decided(one)
    return (
        f"<li><p><strong>{name(one.rule)}</strong> {badge(kind, wording.standing(one))}</p>"
        f'<p class="soft small">{escape(wording.shows(one))}</p>'
        + (f"<p>{name(decided)}</p>" if decided else "")
        + (f"<details><summary>Ways out</summary><ul>{ways}</ul></details>" if ways else "")
        + "</li>"
    )


def _picture(which: str, svg: str) -> str:
    data = base64.b64encode(svg.encode()).decode()
    return (
        f'<figure class="picture"><img src="data:image/svg+xml;base64,{data}"'
        f' alt="{escape(SAYS[which])}"></figure>'
    )


def _tables(found: Found) -> str:
    drift, groups = found.tables["drift"], found.tables["groups"]
    moved = drift[drift["moved"].astype(bool)] if "moved" in drift else drift
    parts = [
        ("What moved, in words", moved, [one for one in MOVED if one in moved]),
        ("Estimates", estimate.errors(found.figures), [*estimate.COLUMNS]),
        ("Groups, with 95 % intervals by days", groups, [one for one in GROUPS if one in groups]),
        ("Contract", found.tables["quality"], [*found.tables["quality"].columns]),
        ("To know", found.tables["notes"], ["batch", "says"]),
    ]
    return "\n".join(_section(*part) for part in parts if len(part[1]))


def _section(title: str, table: pd.DataFrame, columns: list[str]) -> str:
    content = long_table(title, columns, [*_rows(table[columns])], "row")
    return section(title, f"{len(table)} rows", content)


def _rows(table: pd.DataFrame) -> Iterator[str]:
    for first, *rest in table.itertuples(index=False):
        yield row(
            escape(first), *(name(one) if isinstance(one, str) else number(one) for one in rest)
        )
