"""What DVC's schema takes in a pipeline file, by a table: its own import takes a third of a second.

DVC's schema is asked where a file is not as the table has it; a test compares the two.
"""

from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Any

from headrace.core.yaml import Key

REQUIRED = {"cmd", "foreach", "do", "path"}
ANNOTATION = {"desc": str, "type": str, "labels": [str], "meta": object}
OUT = ANNOTATION | {"cache": bool, "persist": bool, "checkpoint": bool, "remote": str, "push": bool}
TITLES = {"x_label": str, "y_label": str, "title": str, "template": str}
PLOT = OUT | TITLES | {"x": str, "y": str, "header": bool}
VARS = [(str, dict)]
STAGE = {
    "matrix": {str: (str, list)},
    "cmd": (str, list),
    "wdir": str,
    "deps": [str],
    "params": [(str, dict)],
    "vars": VARS,
    "frozen": bool,
    "meta": object,
    "desc": str,
    "always_changed": bool,
    "outs": [(str, {str: OUT})],
    "metrics": [(str, {str: OUT})],
    "plots": [(str, {str: (PLOT, [PLOT])})],
}
DRAWN = TITLES | {"x": (str, {str: str}), "y": (str, [str], {str: (str, [str])})}
FILE = {
    "datasets": object,
    "plots": [(str, {str: (DRAWN, NoneType)})],
    "stages": {str: (STAGE, {"foreach": (dict, list, str), "do": STAGE})},
    "vars": VARS,
    "params": [str],
    "metrics": [str],
    "artifacts": {str: ANNOTATION | {"path": str}},
}
"""A tuple is a choice, a list one of such items, `str` any name; what is required is above."""
NAMES = {*FILE, *STAGE, *PLOT, "foreach", "do"}


def problems(content: Mapping[str, Any]) -> list[tuple[str, Sequence[Key]]]:
    """Return in what a pipeline file is not as DVC wants it, and where; nothing where it is."""
    if _fits(content, FILE):
        return []
    from dvc.schema import COMPILED_MULTI_STAGE_SCHEMA

    try:
        COMPILED_MULTI_STAGE_SCHEMA(content)
    except Exception as error:  # that of voluptuous, which is dvc's and not ours
        return [(e.error_message, e.path) for e in getattr(error, "errors", [error])]
    return []


def _fits(value: Any, form: Any) -> bool:
    match form:
        case type():
            return isinstance(value, form)
        case tuple():
            return any(_fits(value, choice) for choice in form)
        case list():
            return isinstance(value, list) and all(_fits(item, form[0]) for item in value)
    if not isinstance(value, dict) or form.keys() & REQUIRED - value.keys():
        return False
    return all(
        isinstance(key, str) and _fits(item, form.get(key, form.get(str, ())))
        for key, item in value.items()
    )
