"""A pandera contract as JSON Schema: what one row must be, for those who have no pandera."""

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandera.pandas as pa

from headrace.errors import DataError
from headrace.schema import server_schema

DRAFT = "https://json-schema.org/draft/2020-12/schema"
TYPES = {
    r"u?int(8|16|32|64)": "integer",
    r"float.*": "number",
    r"bool.*": "boolean",
    r"str.*|object|category": "string",
}
"""By the name of a column's type; another cannot be said."""
RANGE = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
RULES = {"integer": RANGE, "number": RANGE, "boolean": (), "string": server_schema.TEXTS}
"""The rules that mean something of a type, beside its choices."""
TIGHTER = {
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength"), max),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength"), min),
}
"""Which of two rules holds where a column has both."""


def json_schema(schema: pa.DataFrameSchema) -> dict[str, Any]:
    """Return the JSON Schema of one row of a table, an object with a value for each column.

    Ranges, choices, lengths and patterns are carried over; a check by a function of one's own is
    named under `x-checks`, since JSON Schema cannot say it. A column's unit stands in `x-unit`.

    Errors:
        DataError: a server could not hold to it; the column is named.
    """
    where = f"The contract {schema.name or 'inputs'!r}"
    columns = {str(name): _column(column, where) for name, column in schema.columns.items()}
    found = {
        "$schema": DRAFT,
        "title": schema.name or "inputs",
        "type": "object",
        "properties": columns,
        "required": [*columns],
        "additionalProperties": False,
    }
    return server_schema.schema(found, where)


def _column(column: pa.Column, where: str) -> dict[str, Any]:
    name = str(column.dtype).lower().partition("[")[0]
    kind = next((TYPES[one] for one in TYPES if re.fullmatch(one, name)), None)
    if kind is None:
        raise DataError(
            f"{where}: {column.name} is of type {column.dtype}, which JSON does not have."
            " Next: make it a number, a text, or true and false"
        )
    found: dict[str, Any] = {"type": kind}
    if kind == "integer":
        ends = np.iinfo(name)
        found |= {"minimum": int(ends.min), "maximum": int(ends.max)}
    for check in column.checks:
        _add(found, str(check.name), _check(str(check.name), check.statistics or {}))
    if column.nullable:
        found["type"] = [kind, "null"]
    if column.description:
        found["description"] = column.description
    if unit := (column.metadata or {}).get("unit"):
        found["x-unit"] = unit
    return found


def _add(found: dict[str, Any], name: str, rules: Mapping[str, Any]) -> None:
    """Add a check's rules to a column's; what cannot be said beside them is named only."""
    known = (*RULES[found["type"]], "enum")
    if not rules or ([*rules] == ["pattern"] and "pattern" in found) or {*rules} - {*known}:
        found["x-checks"] = [*found.get("x-checks", []), name]
        return
    for rule, value in rules.items():
        if rule in TIGHTER and not math.isinf(value):
            found[rule] = TIGHTER[rule](found.get(rule, value), value)
        elif rule == "enum":
            found[rule] = [one for one in found.get(rule, value) if one in value]
        elif rule == "pattern":
            found[rule] = value


def _check(name: str, said: Mapping[str, Any]) -> dict[str, Any]:
    low, high = said.get("min_value"), said.get("max_value")
    least = "minimum" if said.get("include_min", True) else "exclusiveMinimum"
    most = "maximum" if said.get("include_max", True) else "exclusiveMaximum"
    exact = said.get("exact_value")
    known: dict[str, dict[str, Any]] = {
        "in_range": {least: low, most: high},
        "greater_than_or_equal_to": {"minimum": low},
        "greater_than": {"exclusiveMinimum": low},
        "less_than_or_equal_to": {"maximum": high},
        "less_than": {"exclusiveMaximum": high},
        "isin": {"enum": [*map(_plain, said.get("allowed_values") or [])]},
        "equal_to": {"enum": [_plain(said.get("value"))]},
        "str_length": {"minLength": low, "maxLength": high}
        if exact is None
        else {"minLength": exact, "maxLength": exact},
        "str_matches": {"pattern": _pattern(said.get("pattern"))},
    }
    rules = known.get(name, {})
    return {rule: _plain(value) for rule, value in rules.items() if value is not None}


def _plain(value: Any) -> Any:
    """Return a value as JSON has it, where it is one of NumPy's."""
    return value.item() if isinstance(value, np.generic) else value


def _pattern(pattern: Any) -> str | None:
    """Return a regular expression's text, tied to the beginning as pandera reads it."""
    text = getattr(pattern, "pattern", pattern)
    return None if text is None else f"^(?:{text})"
