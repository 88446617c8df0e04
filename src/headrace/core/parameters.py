"""A stage's parameters: read from params.yaml, and checked before anything runs."""

import keyword
import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from headrace.core import parameter_check, yaml
from headrace.core.notebook import Source
from headrace.core.pipeline import Stage
from headrace.core.project import Project
from headrace.errors import ParameterError, ProjectError, nearest

FILE = parameter_check.FILE
COMPUTE = "compute"
"""The block that the runner uses itself; no notebook takes it."""
REFERENCE = re.compile(r"\$\{\s*([\w.]+)\s*\}")
"""How a pipeline file refers to a value of params.yaml."""


def load(project: Project) -> tuple[dict[str, Any], BaseModel]:
    """Return params.yaml as it is written, and as the project's typed model reads it.

    Errors:
        ProjectError: the file cannot be read.
        ParameterError: the model refuses a value; file, key, value and nearest name are given.
    """
    raw = yaml.read(project.root / FILE)
    model = project.load("params")
    try:
        return raw, model.model_validate(raw)
    except ValidationError as error:
        lines = parameter_check.error_lines(error, raw, project)
        raise ParameterError("\n".join(lines), lines) from None


@dataclass(frozen=True)
class StageParameters:
    """A stage's values: those for its notebook, and the runner's own block."""

    notebook: dict[str, Any]
    compute: dict[str, Any]


def for_stage(project: Project, stage: Stage, source: Source) -> StageParameters:
    """Return what params.yaml gives to a stage.

    A `matrix` stage such as "backtest@6" takes its matrix values as well.

    Errors:
        ParameterError: the model refuses params.yaml, two blocks hold one name, or the names and
            types are not those of the parameters cell.
    """
    raw, typed = load(project)
    matrix_values = _matrix_values(stage, raw)
    values = merge(stage_values(raw, stage), matrix_values, stage.name)
    expected = stage_values(typed.model_dump(), stage) | matrix_values
    for mismatch in parameter_check.mismatches(stage.name, source.name, source.defaults, expected):
        raise ParameterError(mismatch.message)
    blocks = [_block(raw, dotted) for dotted in stage.params if _is_compute(dotted)]
    return StageParameters(values, {k: v for block in blocks for k, v in block.items()})


def _is_compute(dotted: str) -> bool:
    return dotted.split(".")[0] == COMPUTE


def stage_values(
    content: Mapping[str, Any], stage: Stage, names: Sequence[str] | None = None
) -> dict[str, Any]:
    """Return names and values of the blocks that a stage lists, or of some, but for `compute`."""
    values: dict[str, Any] = {}
    for dotted in stage.params if names is None else names:
        if not _is_compute(dotted):
            values = merge(values, _block(content, dotted), stage.name)
    return values


def _block(content: Mapping[str, Any], dotted: str) -> dict[str, Any]:
    """Return a block's names and values, or one value under its own name."""
    value: Any = content
    for part in dotted.split("."):
        if not isinstance(value, Mapping) or part not in value:
            near = nearest(part, value if isinstance(value, Mapping) else [])
            raise ParameterError(
                f"dvc.yaml lists {dotted} in params, but {FILE} has none.{near}"
                " Next: correct the name, or add it"
            )
        value = value[part]
    return dict(value) if isinstance(value, dict) else {part: value}


def merge(values: Mapping[str, Any], new: Mapping[str, Any], stage: str) -> dict[str, Any]:
    """Return both together; each name stands once, and is a plain name of Python.

    Errors:
        ParameterError: a name stands twice, or cannot be assigned to.
    """
    for name in new:
        if name in values:
            raise ParameterError(
                f"dvc.yaml: stage {stage!r} takes {name} from two places. Next: rename one"
            )
        # Python reads some letters as others (NFKC): a bold A would arrive as a plain one.
        plain = name.isidentifier() and unicodedata.normalize("NFKC", name) == name
        if not plain or keyword.iskeyword(name):
            raise ParameterError(
                f"{FILE}: {name!r} cannot be a name in a notebook. Next: rename it"
            )
    return {**values, **new}


def _matrix_values(stage: Stage, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the matrix values of the member that DVC runs, by the key in DVC_STAGE."""
    if not isinstance(stage.body.get("matrix"), dict):
        return {}
    # DVC tells a command which member it runs by this variable alone: `cmd` is fixed text.
    members = {
        "-".join(map(_dvc_text, values.values())): values for values in matrix(stage, content)
    }
    key = os.environ.get("DVC_STAGE", "").partition("@")[2]
    if key not in members:
        names = ", ".join(f"{stage}@{member}" for member in members)
        raise ProjectError(f"Stage {stage.name!r} is a matrix. Next: dvc repro with one of {names}")
    return members[key]


def matrix(stage: Stage, content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the values of each member of a matrix: from lists of its own, or of params.yaml.

    A stage without a matrix has one member without values.

    Errors:
        ProjectError: an axis is neither a plain list nor a reference to one, `${block.name}`.
    """
    members: list[dict[str, Any]] = [{}]
    axes = stage.body.get("matrix")
    for axis, values in axes.items() if isinstance(axes, dict) else ():
        reference = REFERENCE.fullmatch(values) if isinstance(values, str) else None
        choices = yaml.lookup(content, reference[1]) if reference else values
        if not isinstance(choices, list):
            raise ProjectError(
                f"dvc.yaml: matrix of stage {stage.name!r}: {axis} must be a plain list,"
                f" or refer to one of {FILE}. Next: write its items, or "
                "${block.name}"
            )
        members = [{**member, axis: choice} for member in members for choice in choices]
    return members


def _dvc_text(value: object) -> str:
    """Return a matrix value as DVC writes it into a stage's name: true, where Python has True."""
    return str(value).lower() if isinstance(value, bool) else str(value)
