"""A stage's parameters: read from params.yaml and other files, and checked before anything runs."""

import keyword
import math
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from headrace.core import notebook, param_files, parameter_check, yaml
from headrace.core.entry import Param
from headrace.core.notebook import Source
from headrace.core.param_files import Contents, is_compute
from headrace.core.parameter_check import Value
from headrace.core.project import Project
from headrace.core.stage import PARAMS, Stage
from headrace.errors import ParameterError, nearest

Values = dict[str, Value]


def load(project: Project) -> tuple[dict[str, Any], BaseModel]:
    """Return params.yaml as it is written, and as the project's typed model reads it.

    Errors:
        ProjectError: the file cannot be read.
        ParameterError: the model refuses a value; file, key, value and nearest name are given.
    """
    raw = yaml.read(project.root / PARAMS)
    model = project.load("params")
    try:
        return raw, model.model_validate(raw)
    except ValidationError as error:
        lines = parameter_check.error_lines(error, raw, project)
        raise ParameterError("\n".join(lines), lines) from None


def load_for(project: Project, stages: Collection[Stage]) -> tuple[Contents, Contents]:
    """Return the files that the stages' params list, by their paths: as written, and as typed.

    Only params.yaml has a typed model. A study without parameters may do without that file.

    Errors:
        ProjectError, ParameterError: see `load` and `param_files.read`.
    """
    raw: dict[str, Mapping[str, Any]] = {}
    typed: dict[str, Mapping[str, Any]] = {}
    is_listed = any(param.file == PARAMS for stage in stages for param in stage.params)
    if is_listed or (project.root / PARAMS).exists():
        content, model = load(project)
        raw[PARAMS], typed[PARAMS] = content, model.model_dump()
    others = param_files.read(stages, project.read, known=raw)
    return raw | others, others | typed


def for_stage(project: Project, stage: Stage, source: Source) -> dict[str, Any]:
    """Return what a stage's params give to it, and what it has as a member of a matrix or foreach.

    Errors:
        ProjectError: a file of parameters cannot be read.
        ParameterError: the model refuses params.yaml, two blocks hold one name, or the names and
            types are not those of the parameters cell.
        NotebookError: there are values, and no cell that declares them.
    """
    raw, typed = load_for(project, [stage])
    values = stage_values(stage, raw, source.defaults)
    expected = stage_values(stage, typed, source.defaults)
    if expected and not source.has_cell:
        notebook.refuse_but_one(0, source.path)
    for mismatch in parameter_check.mismatches(stage.group, source.name, source.defaults, expected):
        raise ParameterError(mismatch.message)
    return {name: given.value for name, given in values.items()}


def stage_values(stage: Stage, contents: Contents, declared: Collection[str]) -> Values:
    """Return the names and values that a notebook gets, each with the file that it is from.

    A listed block gives all its names, but for `compute`; a file that is listed whole gives those
    that the notebook's cell declares, and so do the values of a member where the stage's params
    depend on the member themselves.

    Errors:
        ParameterError: a name is from two places, cannot be a parameter, or is in no file.
    """
    values: Values = {}
    for param in stage.params:
        if param.name and not is_compute(param):
            values = merge(values, block_values(contents, param), stage)
    values = merge(values, member_values(stage, declared), stage)
    for param in stage.params:
        if not param.name:
            values = merge(values, _whole_file(contents, param, {*declared} - {*values}), stage)
    return values


def block_values(contents: Contents, param: Param) -> Values:
    """Return what a listed name gives: a block's names and values, or one value."""
    return {name: Value(value, param.file) for name, value in _block(contents, param).items()}


def member_values(stage: Stage, declared: Collection[str]) -> Values:
    """Return the values of a member; `key`, and what its params depend on, where it is declared."""
    optional = {*stage.values} if stage.takes_members_by_params else {"key"} - {*stage.matrix}
    return {
        name: Value(value, stage.file)
        for name, value in stage.values.items()
        if name in declared or name not in optional
    }


def _whole_file(contents: Contents, param: Param, declared: Collection[str]) -> Values:
    """Return the declared names that a file has, at its top level or in one of its blocks."""
    content = contents[param.file]
    values: Values = {}
    for name in sorted(declared):
        dotted = [name] if name in content else [*dotted_names(content, name)]
        dotted = [n for n in dotted if not is_compute(Param(param.file, n))]
        if len(dotted) > 1:
            raise ParameterError(
                f"{param.file} has {name} more than once: {', '.join(dotted)}."
                " Next: list the one that is meant in the stage's params"
            )
        if dotted:
            values[name] = Value(yaml.lookup(content, dotted[0]), param.file)
    return values


def dotted_names(content: Mapping[str, Any], name: str) -> Iterator[str]:
    """Yield the dotted names in a file that end in a name and hold a value."""
    blocks = {key: block for key, block in content.items() if isinstance(block, dict)}
    if name in content and name not in blocks:
        yield name
    yield from (f"{key}.{name}" for key, block in blocks.items() if name in block)


def _block(contents: Contents, param: Param) -> dict[str, Any]:
    """Return a block's names and values, or one value under its own name."""
    value: Any = contents[param.file]
    for part in param.name.split("."):
        inner = yaml.lookup(value, part) if isinstance(value, list | tuple) else None
        if inner is None and not (isinstance(value, Mapping) and part in value):
            near = nearest(part, value if isinstance(value, Mapping) else [])
            raise ParameterError(
                f"dvc.yaml lists {param.name} in params, but {param.file} has none.{near}"
                " Next: correct the name, or add it"
            )
        value = inner if inner is not None else value[part]
    return dict(value) if isinstance(value, dict) else {part: value}


def merge(values: Mapping[str, Value], new: Mapping[str, Value], stage: Stage) -> Values:
    """Return both together; each name stands once, and is a plain name of Python.

    Errors:
        ParameterError: a name stands twice, or cannot be assigned to; or a value is not of JSON.
    """
    for name, given in new.items():
        if name in values:
            raise ParameterError(
                f"{stage.file}: stage {stage.group!r} takes {name} from two places."
                " Next: rename one"
            )
        # Python reads some letters as others (NFKC): a bold A would arrive as a plain one.
        plain = name.isidentifier() and unicodedata.normalize("NFKC", name) == name
        if not plain or keyword.iskeyword(name):
            raise ParameterError(
                f"{given.file}: {name!r} cannot be a name in a notebook. Next: rename it"
            )
        if not _is_json(given.value):
            raise ParameterError(
                f"{given.file}: {name} is {given.value!r}, which JSON does not know."
                " Next: write it as text or as a finite number"
            )
    return {**values, **new}


def _is_json(value: object) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_json(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return all(map(_is_json, value))
    return type(value) in yaml.SCALARS and not (
        isinstance(value, float) and not math.isfinite(value)
    )
