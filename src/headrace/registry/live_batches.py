"""Live batches by study, with their figures, lights, incidents and the version then in production.

Read from git's objects at HEAD, so that a bare clone gives the same result.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.core.git import Objects
from headrace.errors import DataError, ProjectError
from headrace.gates import live, reader
from headrace.gates.live import POSITIVE_SHARE, Light, Rule, RuleState
from headrace.gates.model import NAME
from headrace.registry.active_versions import FILE, ActiveVersions, find_active_versions
from headrace.registry.events import Event
from headrace.registry.incidents import IncidentHistory, studies

COST = "cost_per_1000"  # as in stats.scores, which imports numpy


@dataclass(frozen=True)
class Batch:
    """One batch. `share` is of positives; `cost` is per 1,000 rows, `low` to `high` its interval.

    An unknown figure is None; `estimated` marks share and cost taken from the model's predictions.
    `version` was in the last stage when the batch was first monitored; empty if unknown.
    """

    batch: str
    version: str
    rows: float | None
    share: float | None
    cost: float | None
    low: float | None
    high: float | None
    estimated: bool
    marks: tuple[Rule, ...]
    """The rules on the cost that fire."""
    lights: Mapping[str, Light]
    incidents: tuple[IncidentHistory, ...]
    """Those that were open in it."""


@dataclass(frozen=True)
class LiveBatches:
    """A study's batches, oldest first; `study` is its path from the repository's top.

    `stage` is the last one; `model_version` is the one whose bundle made the figures, empty if it
    is not registered. `problems` are the files that cannot be read.
    """

    study: str
    stage: str
    model_version: str
    checks: tuple[str, ...]
    batches: tuple[Batch, ...]
    problems: tuple[str, ...] = ()


def read(
    root: Path,
    objects: Objects,
    prefix: str | None,
    events: Mapping[str, Sequence[Event]],
    incidents: Sequence[IncidentHistory],
) -> Iterator[LiveBatches]:
    """Yield the live batches of each study that has any; unreadable figures become a problem.

    `events` are the registry's by artifact.
    """
    for study in studies(root, prefix):
        content = objects.read(f"HEAD:{study}{FILE}")
        if content is None:
            continue
        try:
            figures = _figures(content)
        except DataError as error:
            yield LiveBatches(study, "", "", (), (), (str(error),))
            continue
        if figures:
            active = find_active_versions(root, objects, study, events)
            of_study = [incident for incident in incidents if incident.study == study]
            yield _live_batches(objects, study, active, figures, of_study)


def _figures(content: bytes) -> dict[str, dict[str, float]]:
    """Return each batch's numbers by their dotted names."""
    try:
        batches: dict[str, Any] = json.loads(content.decode("utf-8"))
        return {name: live.finite_values(values) for name, values in sorted(batches.items())}
    except (ValueError, AttributeError, RecursionError, OverflowError):
        problem = f"{FILE} of this commit holds no figures by batch"
        raise DataError(f"{problem}. Next: dvc repro monitor, and commit it") from None


def _live_batches(
    objects: Objects,
    study: str,
    active: ActiveVersions,
    figures: Mapping[str, Mapping[str, float]],
    incidents: Sequence[IncidentHistory],
) -> LiveBatches:
    rules, problems = _rules(objects.read(f"HEAD:{study}{NAME}") or b"")
    verdicts = live.evaluate(rules, figures)
    lights = live.lights(verdicts)
    checks = tuple(dict.fromkeys(check for row in lights.values() for check in row))
    firing = [verdict for verdict in verdicts if verdict.state is RuleState.FIRES]
    batches = tuple(
        _batch(
            name,
            active.by_batch.get(name, ""),
            values,
            [verdict.rule for verdict in firing if verdict.batch == name],
            lights.get(name, {}),
            [incident for incident in incidents if incident.was_open_in(name)],
        )
        for name, values in figures.items()
    )
    return LiveBatches(study, active.stage, active.model_version, checks, batches, problems)


def _rules(content: bytes) -> tuple[tuple[Rule, ...], tuple[str, ...]]:
    """Return the live rules of a gates.yaml, and its problems."""
    try:
        return (reader.parse(content).live if content.strip() else ()), ()
    except ProjectError as error:
        return (), (f"No rule is evaluated: {error}",)


def _batch(
    name: str,
    version: str,
    values: Mapping[str, float],
    firing: Sequence[Rule],
    lights: Mapping[str, Light],
    incidents: Sequence[IncidentHistory],
) -> Batch:
    """Return a batch from its numbers by dotted names, the rules that fire, and its incidents."""
    estimated = f"performance.{COST}" not in values and f"estimate.{COST}" in values
    source = "estimate" if estimated else "performance"
    cost, low, high = (values.get(f"{source}.{COST}{end}") for end in ("", "_low", "_high"))
    marks = tuple(rule for rule in firing if rule.figure.startswith(f"{source}.{COST}"))
    # "act" sorts before "notice".
    open_first = sorted(incidents, key=lambda incident: (not incident.is_open, incident.level))
    return Batch(
        name,
        version,
        values.get("rows"),
        values.get(f"{source}.{POSITIVE_SHARE}"),
        cost,
        low,
        high,
        estimated,
        marks,
        lights,
        tuple(open_first),
    )
