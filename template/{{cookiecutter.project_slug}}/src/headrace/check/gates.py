"""A rule on gates.yaml: what a change must keep is written so that it can be read."""

import re
from collections.abc import Iterator

from headrace.check.rules import Found, Place, found, rule, split
from headrace.check.study import Study
from headrace.diff import gatesfile
from headrace.diff.rules import NAME
from headrace.errors import ProjectError


@rule()
def gates_yaml(study: Study) -> Iterator[Found]:
    """gates.yaml cannot be used: {problem}.

    Next: {step}
    """
    path = study.root / NAME
    try:
        _ = gatesfile.parse(path.read_bytes()) if path.is_file() else None
    except ProjectError as error:
        line = re.match(rf"{NAME}:(\d+): ", str(error))
        text = str(error)[line.end() :] if line else str(error)
        at = Place(NAME, line=int(line[1]) if line else 1)
        place, problem, step = split(text, at)
        yield found(place, problem=problem, step=step or f"mend {NAME}")
