"""What a JSON Schema says of one value, in Python's types."""

from collections.abc import Mapping
from sys import float_info
from typing import Any, Literal, NamedTuple, get_args

from pydantic_core import PydanticCustomError

BOUNDS = {
    "minimum": "ge",
    "exclusiveMinimum": "gt",
    "maximum": "le",
    "exclusiveMaximum": "lt",
    "minLength": "min_length",
    "maxLength": "max_length",
    "pattern": "pattern",
}
"""By the names of JSON Schema, those that pydantic and msgspec have for them."""
TYPES: dict[str, type] = {"integer": int, "number": float, "boolean": bool, "string": str}
TAKEN = {"int": (int,), "float": (int, float), "bool": (bool,), "str": (str,)}
"""The types of JSON's values that a choice may be held against, by the choices' own."""


class Kind(NamedTuple):
    """A value's type, its bounds by the names that `BOUNDS` has, and whether null will do."""

    type: Any
    bounds: dict[str, Any]
    nullable: bool


def of(said: Mapping[str, Any]) -> Kind:
    """Return what a JSON Schema's property says of its value."""
    kinds = said["type"] if isinstance(said["type"], list) else [said["type"]]
    if "enum" in said:
        kind: Any = Literal[tuple(value for value in said["enum"] if value is not None)]
    else:
        kind = TYPES[next(one for one in kinds if one != "null")]
    bounds = {ours: said[theirs] for theirs, ours in BOUNDS.items() if theirs in said}
    return Kind(kind, bounds, "null" in kinds)


def strict(kind: Kind, value: Any) -> Any:
    """Return a value that may be one of a kind's choices: to Python true is 1, to JSON it is not.

    Errors:
        PydanticCustomError: it is of another type than they.
    """
    name = type(get_args(kind.type)[0]).__name__
    if type(value) not in TAKEN[name] and not (kind.nullable and value is None):
        raise PydanticCustomError(f"{name}_type", "Input should be of the type of its choices")
    number = name == "float" and value is not None and abs(value) <= float_info.max
    return float(value) if number else value
