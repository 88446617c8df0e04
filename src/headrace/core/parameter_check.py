"""Whether a notebook's parameters cell and its stage's parameters have the same names and types."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.core import notebook
from headrace.core.project import Project
from headrace.core.suggest import nearest, nearest_name
from headrace.errors import ProjectError

if TYPE_CHECKING:
    from pydantic import ValidationError


@dataclass(frozen=True)
class Disagreement:
    """A name that a stage's parameters and its notebook's parameters cell do not share."""

    name: str
    message: str
    in_cell: bool
    """Whether the cell has the name."""


def disagreements(
    stage: str, notebook: str, defaults: Mapping[str, Any], meant: Mapping[str, Any]
) -> Iterator[Disagreement]:
    """Find names and types that the parameters cell, with its defaults, does not share."""
    for name, value in meant.items():
        if name not in defaults:
            near = nearest(name, set(defaults) - set(meant))
            yield Disagreement(
                name,
                f'{FILE}: stage "{stage}" is given {name}, but the parameters cell of'
                f" {notebook} has no such name."
                f"{near or f' Next: add a line such as `{name} = {value!r}` to it'}",
                in_cell=False,
            )
        elif not _same_type(defaults[name], value):
            yield Disagreement(
                name,
                f"{notebook}: the default of {name} is {_type(defaults[name])}, but"
                f" {FILE} and the typed model say {_type(value)}. Next: headrace sync",
                in_cell=True,
            )
    for name in defaults:
        if name not in meant:
            yield Disagreement(
                name,
                f'{notebook} takes {name}, but stage "{stage}" gives it no such'
                " parameter."
                f"{nearest(name, set(meant) - set(defaults))}"
                f" Next: add it to {FILE} and to the stage's params",
                in_cell=True,
            )


def _same_type(default: object, value: object) -> bool:
    if isinstance(value, float) and type(default) is int:
        return True
    return default is None or value is None or type(default) is type(value)


def _type(value: object) -> str:
    return f"{value!r} ({type(value).__name__})"


FILE = "params.yaml"
UNKNOWN = "extra_forbidden"
"""What pydantic calls a name that the model does not declare."""


def error_lines(
    error: "ValidationError", raw: Mapping[str, Any], project: Project
) -> dict[str, tuple[Any, ...]]:
    """Return one line per breach, each once, and the key that it speaks of.

    A name that is missing where a misspelt one stands is not a breach of its own.
    """
    details = error.errors(include_url=False)
    misspelt = {
        (place[:-1], right)
        for place in (detail["loc"] for detail in details if detail["type"] == UNKNOWN)
        if (right := _nearest_name(place, raw, project))
    }
    kept = [
        detail
        for detail in details
        if detail["type"] != "missing" or (detail["loc"][:-1], detail["loc"][-1]) not in misspelt
    ]
    return {_breach(detail, raw, project): detail["loc"] for detail in kept}


def _breach(detail: Mapping[str, Any], raw: Mapping[str, Any], project: Project) -> str:
    """Say one breach of the model as: file, key, value, what is wrong, the nearest name."""
    place = detail["loc"]
    key = ".".join(map(str, place))
    if detail["type"] == UNKNOWN:
        right = _nearest_name(place, raw, project)
        hint = f"Did you mean {right}?" if right else f"Next: declare it in {_model(project)}"
        return f"{FILE}: {key} is not a parameter{_owner(place, project)}. {hint}"
    if detail["type"] == "missing":
        return f"{FILE}: {key}{_owner(place, project)} is missing. Next: add it"
    message = str(detail["msg"]).removeprefix("Value error, ")
    if not place:
        return f"{FILE}: {message}"
    given = "empty" if detail["input"] is None else repr(detail["input"])
    return f"{FILE}: {key} is {given}: {message[:1].lower()}{message[1:]}"


def _owner(place: tuple[Any, ...], project: Project) -> str:
    """Name the stage and notebook that a block belongs to, where it is a stage's."""
    if len(place) < 2 or place[0] not in project.notebook_stages():
        return ""
    stage = str(place[0])
    try:
        return f' of stage "{stage}" ({notebook.name(project.notebook(stage))})'
    except ProjectError:  # a mistake of its own
        return f' of stage "{stage}"'


def _model(project: Project) -> str:
    """Return the file that the typed model stands in."""
    module = str(project.settings["params"]).partition(":")[0].replace(".", "/")
    return f"{project.source.name}/{module}.py"


def _nearest_name(place: tuple[Any, ...], raw: Mapping[str, Any], project: Project) -> str:
    """Find the nearest right name: one of the model's that is still free, else any of them."""
    fields = project.load("params").model_fields
    given: Any = raw
    for part in place[:-1]:
        inner = getattr(fields.get(part), "annotation", None)
        fields = getattr(inner, "model_fields", {})
        given = given.get(part, {}) if isinstance(given, Mapping) else {}
    name = str(place[-1])
    return nearest_name(name, set(fields) - set(given)) or nearest_name(name, fields)
