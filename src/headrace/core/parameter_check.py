"""Check parameters: params.yaml against the typed model, and against a notebook's cell."""

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.core import notebook
from headrace.core.project import Project
from headrace.core.stage import MAIN, PARAMS
from headrace.errors import ProjectError, nearest, nearest_name

if TYPE_CHECKING:
    from pydantic import ValidationError

UNKNOWN = "extra_forbidden"
"""What pydantic calls a name that the model does not declare."""


@dataclass(frozen=True)
class Value:
    """A value that a stage gives to its notebook, and the file that it is from."""

    value: Any
    file: str


@dataclass(frozen=True)
class Mismatch:
    """A name that a stage's parameters and its notebook's parameters cell do not share."""

    name: str
    message: str
    in_cell: bool
    """Whether the cell has the name."""


def mismatches(
    stage: str, source: str, defaults: Mapping[str, Any], expected: Mapping[str, Value]
) -> Iterator[Mismatch]:
    """Yield the names and types in which a parameters cell and a stage's parameters differ.

    `source` is the notebook's name, `defaults` what its cell declares, `expected` the stage's
    parameters: those of params.yaml as the typed model has them.
    """
    for name, given in expected.items():
        value, is_typed = given.value, given.file == PARAMS
        if name not in defaults:
            near = nearest(name, set(defaults) - set(expected))
            yield Mismatch(
                name,
                f'{given.file}: stage "{stage}" is given {name}, but the parameters cell of'
                f" {source} has no such name."
                f"{near or f' Next: add a line such as `{name} = {value!r}` to it'}",
                in_cell=False,
            )
        elif not _same_type(defaults[name], value, is_typed=is_typed):
            yield Mismatch(
                name,
                f"{source}: the default of {name} is {_with_type(defaults[name])}, but"
                f" {_says(given.file)} {_with_type(value)}. Next: {_agreement(name, given)}",
                in_cell=True,
            )
    for name in defaults:
        if name not in expected:
            yield Mismatch(
                name,
                f'{source} takes {name}, but stage "{stage}" gives it no such'
                f" parameter.{nearest(name, set(expected) - set(defaults))}"
                f" Next: add it to {PARAMS} and to the stage's params",
                in_cell=True,
            )


def _says(file: str) -> str:
    return f"{file} and the typed model say" if file == PARAMS else f"{file} says"


def _agreement(name: str, given: Value) -> str:
    """Return what makes a default agree with a value; no file has that of a member to copy."""
    if posixpath.basename(given.file) != MAIN:
        return "headrace sync"
    return f"write {name} = {given.value!r} there, or {name} = None where its types differ"


def _same_type(default: object, value: object, *, is_typed: bool) -> bool:
    if isinstance(value, float) and type(default) is int:  # a cell may say 1 for 1.0
        return True
    if not is_typed and isinstance(default, float) and type(value) is int:  # as YAML may
        return True
    if isinstance(default, list | tuple) and isinstance(value, list | tuple):  # as for DVC
        return True
    return default is None or value is None or type(default) is type(value)


def _with_type(value: object) -> str:
    return f"{value!r} ({type(value).__name__})"


def error_lines(
    error: "ValidationError", raw: Mapping[str, Any], project: Project
) -> dict[str, tuple[Any, ...]]:
    """Return one line for each error of the typed model, with the key that it is about.

    A name that is missing where a misspelt one stands has no line of its own.
    """
    details = error.errors(include_url=False)
    misspelt = {
        (place[:-1], right)
        for place in (detail["loc"] for detail in details if detail["type"] == UNKNOWN)
        if (right := _nearest_name(place, raw, project))
    }
    return {
        _error_line(detail, raw, project): detail["loc"]
        for detail in details
        if detail["type"] != "missing" or (detail["loc"][:-1], detail["loc"][-1]) not in misspelt
    }


def _error_line(detail: Mapping[str, Any], raw: Mapping[str, Any], project: Project) -> str:
    """Describe one error as: file, key, value, what is wrong, the nearest name."""
    place = detail["loc"]
    key = ".".join(map(str, place))
    if detail["type"] == UNKNOWN:
        right = _nearest_name(place, raw, project)
        hint = f"Did you mean {right}?" if right else f"Next: declare it in {_model(project)}"
        return f"{PARAMS}: {key} is not a parameter{_owner(place, project)}. {hint}"
    if detail["type"] == "missing":
        return f"{PARAMS}: {key}{_owner(place, project)} is missing. Next: add it"
    message = str(detail["msg"]).removeprefix("Value error, ").removesuffix(".")
    step = f"Next: see its type and range in {_model(project)}"
    if not place:
        return f"{PARAMS}: {message}. Next: correct it; the rule is in {_model(project)}"
    value = "empty" if detail["input"] is None else repr(detail["input"])
    return f"{PARAMS}: {key} is {value}: {message[:1].lower()}{message[1:]}. {step}"


def _owner(place: tuple[Any, ...], project: Project) -> str:
    """Name the stage and notebook that a block belongs to, where it is a stage's."""
    stages = {stage.group: stage for stage in project.notebook_stages()}
    if len(place) < 2 or place[0] not in stages:
        return ""
    stage = stages[place[0]]
    try:
        return f' of stage "{stage.group}" ({notebook.name(project.notebook(stage))})'
    except ProjectError:  # an error of its own
        return f' of stage "{stage.group}"'


def _model(project: Project) -> str:
    """Return the file of the typed model."""
    module = str(project.settings["params"]).partition(":")[0].replace(".", "/")
    return f"{project.source.name}/{module}.py"


def _nearest_name(place: tuple[Any, ...], raw: Mapping[str, Any], project: Project) -> str:
    """Return the nearest name of the model: one that is not in use, else any."""
    fields = project.load("params").model_fields
    values: Any = raw
    for part in place[:-1]:
        fields = getattr(getattr(fields.get(part), "annotation", None), "model_fields", {})
        values = values.get(part, {}) if isinstance(values, Mapping) else {}
    name = str(place[-1])
    return nearest_name(name, set(fields) - set(values)) or nearest_name(name, fields)
