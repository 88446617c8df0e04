"""A stage's parameters: read from params.yaml, checked before anything runs."""

import keyword
import os
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from headrace.core import parameter_check, yaml
from headrace.core.notebook import Source
from headrace.core.project import Project
from headrace.core.suggest import nearest
from headrace.errors import ParameterError, ProjectError

FILE = parameter_check.FILE
COMPUTE = "compute"
"""The block that the runner uses itself; no notebook takes it."""
REFERENCE = re.compile(r"\$\{\s*([\w.]+)\s*\}")
"""How a pipeline file refers to a value of params.yaml."""


def load(project: Project) -> tuple[dict[str, Any], BaseModel]:
    """Return params.yaml as it is written, and as the project's typed model sees it.

    Errors:
        ProjectError: the file cannot be read.
        ParameterError: a value breaks the model; file, key, value and nearest name are given.
    """
    raw = yaml.read(project.root / FILE)
    model = project.load("params")
    try:
        return raw, model.model_validate(raw)
    except ValidationError as error:
        lines = parameter_check.error_lines(error, raw, project)
        raise ParameterError("\n".join(lines), lines) from None


@dataclass(frozen=True)
class Given:
    """What a stage is given: the values that its notebook takes, and the runner's own block."""

    notebook: dict[str, Any]
    compute: dict[str, Any]


def for_stage(project: Project, name: str, source: Source) -> Given:
    """Return what params.yaml gives to a stage.

    A `matrix` stage such as "backtest@6" takes its matrix values as well.

    Errors:
        ParameterError: params.yaml breaks the model, two blocks hold one name, or the names and
            types are not those of the parameters cell.
    """
    raw, typed = load(project)
    stage = project.stage(name)
    own = _matrix_values(stage, name, raw)
    values = merge(stage_values(raw, stage, name), own, name)
    meant = stage_values(typed.model_dump(), stage, name) | own
    for disagreement in parameter_check.disagreements(name, source.name, source.defaults, meant):
        raise ParameterError(disagreement.message)
    compute = [dotted for dotted in listed(stage, name) if dotted.split(".")[0] == COMPUTE]
    return Given(values, {k: v for dotted in compute for k, v in _block(raw, dotted).items()})


def stage_values(content: Mapping[str, Any], stage: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the names and values of the blocks that a stage lists, but for `compute`."""
    values: dict[str, Any] = {}
    for dotted in listed(stage, name):
        if dotted.split(".")[0] != COMPUTE:
            values = merge(values, _block(content, dotted), name)
    return values


def listed(stage: Mapping[str, Any], name: str) -> list[str]:
    """Return the dotted names of params.yaml that a stage lists in its `params:`."""
    entries = stage.get("params") or []
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise ProjectError(f"dvc.yaml: params of stage {name!r} must be a list of names in {FILE}")
    return entries


def _block(content: Mapping[str, Any], dotted: str) -> dict[str, Any]:
    """Return a block's names and values, or one value under its own name."""
    value: Any = content
    for part in dotted.split("."):
        if not isinstance(value, Mapping) or part not in value:
            near = nearest(part, value if isinstance(value, Mapping) else [])
            raise ParameterError(f"dvc.yaml lists {dotted} in params, but {FILE} has none.{near}")
        value = value[part]
    return dict(value) if isinstance(value, dict) else {part: value}


def merge(values: Mapping[str, Any], more: Mapping[str, Any], stage: str) -> dict[str, Any]:
    """Return both together: no name from two places, and each one a plain name of Python.

    Errors:
        ParameterError: a name stands twice, or cannot be assigned to.
    """
    for name in more:
        if name in values:
            raise ParameterError(
                f"dvc.yaml: stage {stage!r} takes {name} from two places; rename one"
            )
        # Python reads some letters as others (NFKC): a bold A would arrive as a plain one.
        plain = name.isidentifier() and unicodedata.normalize("NFKC", name) == name
        if not plain or keyword.iskeyword(name):
            raise ParameterError(f"{FILE}: {name!r} cannot be a name in a notebook; rename it")
    return {**values, **more}


def _matrix_values(
    stage: Mapping[str, Any], name: str, content: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what DVC_STAGE says of this run of a `matrix` stage, as its matrix lists it."""
    if not isinstance(stage.get("matrix"), dict):
        return {}
    combinations = matrix(stage, name, content)
    keys = {"-".join(map(_as_dvc_says, chosen.values())): chosen for chosen in combinations}
    key = os.environ.get("DVC_STAGE", "").partition("@")[2]
    if key not in keys:
        known = ", ".join(f"{name}@{key}" for key in keys)
        raise ProjectError(f"Stage {name!r} is a matrix. Next: dvc repro with one of {known}")
    return keys[key]


def matrix(stage: Mapping[str, Any], name: str, content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what each of the stages of a matrix takes: a list of its own, or of params.yaml.

    Errors:
        ProjectError: an axis is neither a plain list nor a reference to one, `${block.name}`.
    """
    combinations: list[dict[str, Any]] = [{}]
    for axis, choices in (stage.get("matrix") or {}).items():
        named = REFERENCE.fullmatch(choices) if isinstance(choices, str) else None
        choices = yaml.lookup(content, named[1]) if named else choices
        if not isinstance(choices, list):
            raise ProjectError(
                f"dvc.yaml: matrix of stage {name!r}: {axis} must be a plain list,"
                f" or refer to one of {FILE}, such as "
                "${block.name}"
            )
        combinations = [{**chosen, axis: choice} for chosen in combinations for choice in choices]
    return combinations


def _as_dvc_says(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
