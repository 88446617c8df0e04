"""Say what in params.yaml breaks the typed model: file, key, value and the nearest right name."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from headrace import notebook
from headrace.project import Project
from headrace.words import nearest

FILE = "params.yaml"


def lines(error: ValidationError, raw: Mapping[str, Any], project: Project) -> list[str]:
    """Return one line per breach, each once."""
    details = error.errors(include_url=False)
    return list(dict.fromkeys(_breach(detail, raw, project) for detail in details))


def _breach(detail: Mapping[str, Any], raw: Mapping[str, Any], project: Project) -> str:
    """Say one breach of the model as: file, key, value, what is wrong, the nearest name."""
    place = detail["loc"]
    key = ".".join(map(str, place))
    if detail["type"] == "extra_forbidden":
        return (
            f"{FILE}: {key} is not a parameter{_owner(place, project)}.{_near(place, raw, project)}"
        )
    if detail["type"] == "missing":
        return f"{FILE}: {key}{_owner(place, project)} is missing. Next: add it"
    message = str(detail["msg"]).removeprefix("Value error, ")
    if not place:
        return f"{FILE}: {message}"
    return f"{FILE}: {key} is {detail['input']!r}: {message[:1].lower()}{message[1:]}"


def _owner(place: tuple[Any, ...], project: Project) -> str:
    """Name the stage and notebook that a block belongs to, where it is a stage's."""
    if len(place) < 2 or place[0] not in project.notebook_stages():
        return ""
    stage = str(place[0])
    return f' of stage "{stage}" ({notebook.name(project.notebook(stage))})'


def _near(place: tuple[Any, ...], raw: Mapping[str, Any], project: Project) -> str:
    """Find the nearest right name: one of the model's that is still free, else any of them."""
    fields = project.load("params").model_fields
    given: Any = raw
    for part in place[:-1]:
        inner = getattr(fields.get(part), "annotation", None)
        fields = getattr(inner, "model_fields", {})
        given = given.get(part, {}) if isinstance(given, Mapping) else {}
    name = str(place[-1])
    return nearest(name, set(fields) - set(given)) or nearest(name, fields)
