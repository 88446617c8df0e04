"""What a JSON Schema says of one value, in Python's types."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

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
