"""The monitor's results as one page: a light per batch and check, then the pictures."""

from typing import Any

import pandas as pd

from headrace.gates.live import Level, Light, RuleState
from headrace.incidents import store
from headrace.incidents import text as wording
from headrace.incidents.incident import Incident
from headrace.monitor import estimate
from headrace.monitor.results import PICTURES, MonitorResults
from headrace.report import drawing, pages

ALT = {
    "money": "What the model's mistakes cost in each batch, and how many rows were positive",
    "moved": "How far each input has moved since the model learned, batch by batch",
}
"""What a picture shows, for those who cannot see it."""
MOVED = ("batch", "feature", "says")
RATES = ("false_negative_rate", "false_positive_rate")
GROUPS = ("batch", "group", *(f"{rate}{end}" for rate in RATES for end in ("", "_low", "_high")))


def render(results: MonitorResults) -> str:
    """Return the page, as the text of one HTML file.

    Errors:
        DataError: a file of alerts/ cannot be read.
    """
    incidents = store.read(results.root).values()
    open_first = sorted(incidents, key=lambda incident: (not incident.is_open, incident.opened))
    return pages.render(
        "monitor.html.j2",
        title=f"Monitor of {results.root.name}",
        css="monitor.css",
        study=results.root.name,
        verdict=_verdict(results),
        checks=results.checks,
        lights=pages.LIGHTS,
        batches=[
            {"name": batch, "rows": results.figures[batch]["rows"], "lights": lights}
            for batch, lights in results.lights.items()
        ],
        incidents=[*map(_incident, open_first)],
        open_incidents=sum(incident.is_open for incident in incidents),
        pictures=[(drawing.svg_uri(results.pictures[name]), ALT[name]) for name in PICTURES],
        tables=_tables(results),
    )


def _verdict(results: MonitorResults) -> tuple[str, str, list[str]]:
    """Return the newest batch's state: a colour, a sentence, and the reasons."""
    if not results.lights:
        return "calm", "No batch yet", ["Next: headrace ingest FILE"]
    newest, lights = [*results.lights.items()][-1]
    firing = [
        verdict
        for verdict in results.verdicts
        if verdict.batch == newest and verdict.state is RuleState.FIRES
    ]
    urgent = [verdict for verdict in firing if verdict.rule.level is Level.ACT]
    rules = [verdict.rule for verdict in urgent or firing]
    reasons = [f"{rule.name[:1].upper()}{rule.name[1:]}. {rule.do}" for rule in rules]
    unknown = [check for check, light in lights.items() if light is Light.UNKNOWN]
    reasons += [f"Not known yet: {', '.join(unknown)}"] if unknown else []
    reasons += [f"Not judged yet: {', '.join(results.behind)}"] if results.behind else []
    if not firing:
        return "good", f"{newest}: all is well", reasons
    return ("bad", f"{newest}: act", reasons) if urgent else ("calm", f"{newest}: look", reasons)


def _incident(incident: Incident) -> dict[str, Any]:
    colour = "bad" if incident.level is Level.ACT else "calm"
    return {
        "rule": incident.rule,
        "kind": colour if incident.is_open else "",
        "state": wording.state(incident),
        "evidence": wording.evidence(incident),
        "decision": wording.decision(incident),
        "commands": [*wording.next_commands(incident).values()],
    }


def _tables(results: MonitorResults) -> list[dict[str, Any]]:
    drift, groups = results.tables["drift"], results.tables["groups"]
    moved = drift[drift["moved"].astype(bool)] if "moved" in drift else drift
    quality = results.tables["quality"]
    tables = [
        ("What moved, in words", moved, MOVED),
        ("Estimates", estimate.errors(results.figures), estimate.COLUMNS),
        ("Groups, with 95 % intervals by days", groups, GROUPS),
        ("Contract", quality, [*quality.columns]),
        ("Notes", results.tables["notes"], ("batch", "says")),
    ]
    return [
        _table(title, table[[name for name in columns if name in table]])
        for title, table, columns in tables
        if len(table)
    ]


def _table(title: str, table: pd.DataFrame) -> dict[str, Any]:
    """Return a table's title, heads (with # over numbers) and rows; what is missing is None."""
    # A column of numbers would turn None into NaN again.
    rows = table.astype(object).where(table.notna(), None).to_numpy().tolist()
    texts = [any(isinstance(value, str) for value in column) for column in zip(*rows, strict=True)]
    heads = [name if text else f"{name}#" for name, text in zip(table.columns, texts, strict=True)]
    return {"title": title, "heads": heads, "rows": rows}
