"""Rules on gates.yaml: what must be kept is written so that it can be read, and can come true."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain

from headrace.core.suggest import nearest
from headrace.errors import ProjectError
from headrace.gates import live, reader
from headrace.gates.model import NAME
from headrace.lint.context import Study
from headrace.lint.rules import Found, Place, found, rule, split


@rule()
def gates_yaml(study: Study) -> Iterator[Found]:
    """gates.yaml cannot be used: {problem}.

    Next: {step}
    """
    path = study.root / NAME
    try:
        _ = reader.parse(path.read_bytes()) if path.is_file() else None
    except ProjectError as error:
        line = re.match(rf"{NAME}:(\d+): ", str(error))
        text = str(error)[line.end() :] if line else str(error)
        at = Place(NAME, line=int(line[1]) if line else 1)
        place, problem, step = split(text, at)
        yield found(place, problem=problem, step=step or f"mend {NAME}")


MONITOR = "metrics/monitor.json"
TRUTH_SHARE = "performance.truth_share"
"""Stands alone where no truth has come in yet: then nobody can tell which figures there will be."""


@rule()
def live_figures(study: Study) -> Iterator[Found]:
    """{file} has no figure {figure}, so the live rule on it never fires.{near}.

    Next: name a figure that it has; or, where it comes later, say so in [tool.headrace.ignore]
    """
    known = _figures(study)
    checks = {figure.partition(".")[0] for figure in known - {TRUTH_SHARE}}
    for one in _live(study) if known else ():
        if one.figure in known or (one.check in live.CHECKS and one.check not in checks):
            continue
        place = study.at(NAME, "live", one.name, "figure")
        near = nearest(one.figure, known)
        yield found(place, file=MONITOR, figure=one.figure, near=near)


def _live(study: Study) -> tuple[live.Rule, ...]:
    """Return the live rules; none where gates.yaml cannot be used, which another rule tells."""
    path = study.root / NAME
    with suppress(ProjectError):
        return reader.parse(path.read_bytes()).live if path.is_file() else ()
    return ()


def _figures(study: Study) -> set[str]:
    """Return all figures that any batch has; none before the monitor ran."""
    try:
        batches = json.loads((study.root / MONITOR).read_bytes()).values()
        return {*chain.from_iterable(map(live.finite_values, batches))}
    except (OSError, ValueError, AttributeError):
        return set()
