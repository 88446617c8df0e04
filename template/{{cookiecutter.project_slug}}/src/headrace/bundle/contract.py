"""A pandera contract as JSON Schema: what one row must be, for those who have no pandera."""

from collections.abc import Mapping
from typing import Any

import pandera.pandas as pa

DRAFT = "https://json-schema.org/draft/2020-12/schema"
TYPES: dict[str, dict[str, Any]] = {
    "int": {"type": "integer"},
    "uint": {"type": "integer", "minimum": 0},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "datetime": {"type": "string", "format": "date-time"},
}
"""By how a type's name begins; any other is text."""


def json_schema(schema: pa.DataFrameSchema) -> dict[str, Any]:
    """Return the JSON Schema of one row of a table, an object with a value for each column.

    Ranges, choices, lengths and patterns are carried over; a check by a function of one's own is
    named under `x-checks`, since JSON Schema cannot say it. A column's unit stands in `x-unit`.
    """
    columns = {str(name): _column(column) for name, column in schema.columns.items()}
    return {
        "$schema": DRAFT,
        "title": schema.name or "inputs",
        "type": "object",
        "properties": columns,
        "required": [*columns],
        "additionalProperties": False,
    }


def _column(column: pa.Column) -> dict[str, Any]:
    name = str(column.dtype).lower()
    found = dict(next((TYPES[t] for t in TYPES if name.startswith(t)), {"type": "string"}))
    for check in column.checks:
        found |= _check(str(check.name), check.statistics or {}, found)
    if column.nullable:
        found["type"] = [found["type"], "null"]
        if "enum" in found:
            found["enum"] = [*found["enum"], None]
    if column.description:
        found["description"] = column.description
    if unit := (column.metadata or {}).get("unit"):
        found["x-unit"] = unit
    return found


def _check(name: str, said: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    low, high = said.get("min_value"), said.get("max_value")
    least = "minimum" if said.get("include_min", True) else "exclusiveMinimum"
    most = "maximum" if said.get("include_max", True) else "exclusiveMaximum"
    known: dict[str, dict[str, Any]] = {
        "in_range": {least: low, most: high},
        "greater_than_or_equal_to": {"minimum": low},
        "greater_than": {"exclusiveMinimum": low},
        "less_than_or_equal_to": {"maximum": high},
        "less_than": {"exclusiveMaximum": high},
        "isin": {"enum": list(said.get("allowed_values") or [])},
        "equal_to": {"const": said.get("value")},
        "str_length": {"minLength": low, "maxLength": high},
        "str_matches": {"pattern": _pattern(said.get("pattern"))},
    }
    if name not in known:
        return {"x-checks": [*found.get("x-checks", []), name]}
    return {key: value for key, value in known[name].items() if value is not None}


def _pattern(pattern: Any) -> str | None:
    """Return a regular expression's text, tied to the beginning as pandera reads it."""
    text = getattr(pattern, "pattern", pattern)
    return None if text is None else f"^(?:{text})"
