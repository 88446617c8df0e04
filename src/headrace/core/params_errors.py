"""Say what in params.yaml breaks the typed model: file, key, value and the nearest right name."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from headrace.core import notebook
from headrace.core.project import Project
from headrace.core.suggest import nearest_name
from headrace.errors import ProjectError

FILE = "params.yaml"
UNKNOWN = "extra_forbidden"
"""What pydantic calls a name that the model does not declare."""


def error_lines(
    error: ValidationError, raw: Mapping[str, Any], project: Project
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
