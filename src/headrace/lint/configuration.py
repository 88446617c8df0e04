"""Rules on gates.yaml and the server's settings: each name in them exists."""

import json
import re
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

from headrace.core import artifact, yaml
from headrace.core.stage import PARAMS
from headrace.errors import ProjectError, nearest
from headrace.gates import live, reader
from headrace.gates.model import NAME, RATES, Gates
from headrace.lint.context import Location, Study
from headrace.lint.rules import Violation, rule, split

MONITOR = "metrics/monitor.json"
LABELLED_SHARE = "performance.truth_share"
"""The only figure of performance while no label has arrived: others may follow."""
SCORES = (*live.PROBABILITY_SCORES, *live.WARNING_SCORES, "cost_per_1000")
SCORED = ("performance", "estimate")
OPTIONAL = ("drift.psi_prediction",)
"""Figures that a batch lacks where another model made its predictions, as after a promotion."""
LOG_NEVER = ("serve", "log_never")


@rule()
def gates_yaml(study: Study) -> Iterator[Violation]:
    """gates.yaml cannot be used: {problem}.

    Next: {step}
    """
    path = study.root / NAME
    try:
        _ = reader.parse(path.read_bytes()) if path.is_file() else None
    except ProjectError as error:
        prefix = re.match(rf"{NAME}:(\d+): ", str(error))
        message = str(error)[prefix.end() :] if prefix else str(error)
        location = Location(NAME, line=int(prefix[1]) if prefix else 1)
        location, problem, step = split(message, location)
        yield Violation(location, problem=problem, step=step or f"fix {NAME}")


@rule()
def live_figures(study: Study) -> Iterator[Violation]:
    """{file} has no figure {figure}, so the live rule on it never fires.{near}.

    Next: use a figure that it has; if the figure comes later, say so in [tool.headrace.ignore]
    """
    figures, gates = _figures(study), _gates(study)
    groups = {gate.column for gate in gates.groups}
    for live_rule in gates.live if figures else ():
        if live_rule.figure not in figures and not _may_come(live_rule, figures, groups):
            location = study.at(NAME, "live", live_rule.name, "figure")
            near = nearest(live_rule.figure, figures)
            yield Violation(location, file=MONITOR, figure=live_rule.figure, near=near)


def _may_come(live_rule: live.Rule, figures: set[str], groups: set[str]) -> bool:
    """Tell whether a batch can have a figure that none has now.

    What a batch has depends on its rows: scores need labels of both classes, intervals several
    days, a group's rate enough rows in it. A smaller batch, or the few that a new champion has not
    seen, may lack any of them.
    """
    check, _, name = live_rule.figure.partition(".")
    # A check of which no batch has anything has not run yet; one of which some has may lack a part.
    if check not in {figure.partition(".")[0] for figure in figures - {LABELLED_SHARE}}:
        return check in live.CHECKS
    score = name.removesuffix("_low").removesuffix("_high")
    if check in SCORED:
        return score in SCORES
    if check == "groups":
        return score in {f"{group}.{rate}" for group in groups for rate in RATES}
    return live_rule.figure in OPTIONAL


def _gates(study: Study) -> Gates:
    """Return gates.yaml; nothing where it is missing or invalid, which `gates-yaml` reports."""
    path = study.root / NAME
    with suppress(ProjectError):
        return reader.parse(path.read_bytes()) if path.is_file() else Gates()
    return Gates()


def _figures(study: Study) -> set[str]:
    """Return the figures that any batch has; none before the monitor ran."""
    try:
        batches = json.loads((study.root / MONITOR).read_bytes()).values()
        return {*chain.from_iterable(map(live.finite_values, batches))}
    except (OSError, ValueError, AttributeError):
        return set()


@rule()
def log_never(study: Study) -> Iterator[Violation]:
    """serve.log_never names {name}, which is not an input of {file}.{near}.

    Next: name one of its inputs; the server does not start otherwise
    """
    names = yaml.or_empty(yaml.lookup(study.values, ".".join(LOG_NEVER)), list)
    for bundle, inputs in _inputs(study).items() if names else ():
        for index, name in enumerate(names):
            if isinstance(name, str) and name not in inputs:  # `params-yaml` reports other types
                location = study.at(PARAMS, *LOG_NEVER, index)
                yield Violation(location, name=name, file=bundle, near=nearest(name, inputs))


def _inputs(study: Study) -> dict[str, list[str]]:
    """Return the inputs of the bundle that the server would load; nothing where it is missing."""
    with suppress(ProjectError, OSError, ValueError, LookupError, AttributeError, TypeError):
        bundle = next(iter(artifact.artifacts(study.root).values()))
        return {bundle: [*_schema(study.root / bundle)["properties"]]}
    return {}


def _schema(bundle: Path) -> Any:
    try:
        with tarfile.open(bundle, "r:") as archive:  # a bundle is not compressed
            content = archive.extractfile("schema.json")
            return json.load(content) if content else {}
    except tarfile.TarError as error:
        raise ValueError(str(error)) from None
