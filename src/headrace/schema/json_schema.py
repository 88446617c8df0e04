"""One row's contract as JSON Schema, made from pandera's, with rules that a server can keep."""

import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic_core import SchemaError, SchemaValidator, core_schema

from headrace.errors import DataError

if TYPE_CHECKING:  # a server has no pandera
    import pandera.pandas as pa

DRAFT = "https://json-schema.org/draft/2020-12/schema"
INT64 = -(2**63), 2**63 - 1
EXACT_FLOATS = -(2**53), 2**53
"""A nullable integer becomes a float, which is exact between these."""
LARGEST_FLOAT = sys.float_info.max
JSON_TYPES = {
    r"u?int(8|16|32|64)": "integer",
    r"float.*": "number",
    r"bool.*": "boolean",
    r"str.*|object|category": "string",
}
"""JSON Schema's type by the name of a column's dtype."""
ROUND: dict[str, Callable[[float], int]] = {
    "minimum": math.ceil,
    "maximum": math.floor,
    "exclusiveMinimum": math.floor,
    "exclusiveMaximum": math.ceil,
}
"""The rules of a range, and how each is rounded to mean the same for integers."""
TEXT_RULES = ("minLength", "maxLength", "pattern")
RULES = {"integer": (*ROUND,), "number": (*ROUND,), "boolean": (), "string": TEXT_RULES}
"""The rules that each type may have, beside `enum`."""
TIGHTER = {
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength"), max),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength"), min),
}
"""Which of two values of a rule holds where a column has both."""


def from_pandera(schema: "pa.DataFrameSchema") -> dict[str, Any]:
    """Return the JSON Schema of one row of a table, an object with a property for each column.

    Ranges, choices, lengths and patterns become rules. A check by a function, which JSON Schema
    cannot express, is named under `x-checks`; a column's unit is under `x-unit`.

    Errors:
        DataError: a server cannot keep the contract; the column is named.
    """
    source = f"The contract {schema.name or 'inputs'!r}"
    properties = {str(name): _property(column, source) for name, column in schema.columns.items()}
    content = {
        "$schema": DRAFT,
        "title": schema.name or "inputs",
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }
    return normalize(content, source)


def _property(column: "pa.Column", source: str) -> dict[str, Any]:
    dtype = str(column.dtype).lower().partition("[")[0]
    kind = next((JSON_TYPES[form] for form in JSON_TYPES if re.fullmatch(form, dtype)), None)
    if kind is None:
        raise DataError(
            f"{source}: {column.name} is of type {column.dtype}, which JSON does not have."
            " Next: make it a number, a text or a boolean"
        )
    rules: dict[str, Any] = {"type": kind}
    if kind == "integer":  # JSON's integers have no size, a column's do
        limits = np.iinfo(dtype)
        rules |= {"minimum": int(limits.min), "maximum": int(limits.max)}
    for check in column.checks:
        _add(rules, str(check.name), _check_rules(str(check.name), check.statistics or {}))
    if column.nullable:
        rules["type"] = [kind, "null"]
    if column.description:
        rules["description"] = column.description
    if unit := (column.metadata or {}).get("unit"):
        rules["x-unit"] = unit
    return rules


def _add(rules: dict[str, Any], check: str, new: Mapping[str, Any]) -> None:
    """Add a check's rules to a property; a check that cannot be expressed is only named."""
    allowed = (*RULES[rules["type"]], "enum")
    if not new or ([*new] == ["pattern"] and "pattern" in rules) or {*new} - {*allowed}:
        rules["x-checks"] = [*rules.get("x-checks", []), check]
        return
    for rule, value in new.items():
        if rule in TIGHTER and not math.isinf(value):
            rules[rule] = TIGHTER[rule](rules.get(rule, value), value)
        elif rule == "enum":
            rules[rule] = [choice for choice in rules.get(rule, value) if choice in value]
        elif rule == "pattern":
            rules[rule] = value


def _check_rules(check: str, statistics: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema rules of one of pandera's built-in checks; none for any other."""
    low, high = statistics.get("min_value"), statistics.get("max_value")
    least = "minimum" if statistics.get("include_min", True) else "exclusiveMinimum"
    most = "maximum" if statistics.get("include_max", True) else "exclusiveMaximum"
    exact = statistics.get("exact_value")
    pattern = statistics.get("pattern")
    built_in: dict[str, dict[str, Any]] = {
        "in_range": {least: low, most: high},
        "greater_than_or_equal_to": {"minimum": low},
        "greater_than": {"exclusiveMinimum": low},
        "less_than_or_equal_to": {"maximum": high},
        "less_than": {"exclusiveMaximum": high},
        "isin": {"enum": [*map(_plain, statistics.get("allowed_values") or [])]},
        "equal_to": {"enum": [_plain(statistics.get("value"))]},
        "str_length": {
            "minLength": low if exact is None else exact,
            "maxLength": high if exact is None else exact,
        },
        # pandera matches from the beginning of a text, JSON Schema anywhere in it.
        "str_matches": {"pattern": pattern and f"^(?:{getattr(pattern, 'pattern', pattern)})"},
    }
    rules = built_in.get(check, {})
    return {rule: _plain(value) for rule, value in rules.items() if value is not None}


def _plain(value: Any) -> Any:
    """Return a NumPy scalar as Python's own type, which JSON can hold."""
    return value.item() if isinstance(value, np.generic) else value


def normalize(schema: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Return a schema where each integer has a range and each `enum` only values that are valid.

    Messages begin with `source`, where the schema comes from.

    Errors:
        DataError: a server cannot keep one of the rules.
    """
    properties: dict[str, Any] = {}
    # A range for integers, since beyond it a server and a table would read a value differently.
    for name, rules in schema["properties"].items():
        for problem in _problems(rules):
            raise DataError(f"{source}: {name} {problem}")
        properties[name] = _normalize_property(rules)
        if properties[name].get("enum") in ([], [None]):
            raise DataError(
                f"{source}: {name} has rules that no value satisfies. Next: drop one of them"
            )
    return {**schema, "properties": properties}


def value_types(rules: Mapping[str, Any]) -> list[str]:
    """Return the JSON types of a property; "null" is among them where it may be missing."""
    return [rules["type"]] if isinstance(rules["type"], str) else [*rules["type"]]


@lru_cache
def compile_pattern(pattern: str) -> Callable[[str], bool]:
    """Return a function that tells whether a text matches a pattern, by the server's engine.

    That is Rust's `regex`, which reads some patterns otherwise than Python's `re` does.

    Errors:
        ValueError: the engine does not accept the pattern.
    """
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern)).isinstance_python
    except SchemaError as error:
        raise ValueError(str(error)) from None


def _problems(rules: Mapping[str, Any]) -> Iterator[str]:
    if {"boolean", "null"} <= {*value_types(rules)}:
        yield (
            "is a boolean that may be missing, which a NumPy column cannot hold. Next: make it a"
            " number, or a text such as yes, no and unknown"
        )
    try:
        compile_pattern(rules.get("pattern", ""))
    except ValueError:
        yield (
            f"has a pattern that a server cannot check: {rules['pattern']}. Next: write it without"
            " lookahead, lookbehind and backreferences, or as a check function"
        )


def _normalize_property(rules: Mapping[str, Any]) -> dict[str, Any]:
    result, types = dict(rules), value_types(rules)
    if "integer" in types:
        _limit(result, *(EXACT_FLOATS if "null" in types else INT64))
    if "enum" not in result and "const" not in result:
        return result
    constant = result.pop("const", None)
    valid = [value for value in result.get("enum", [constant]) if _is_valid(value, result, types)]
    choices = [_convert(value, types) for value in valid]
    base = {rule: value for rule, value in result.items() if rule not in (*ROUND, *TEXT_RULES)}
    return {**base, "enum": [*dict.fromkeys(choices), *([None] if "null" in types else [])]}


def _limit(rules: dict[str, Any], low: int, high: int) -> None:
    """Round an integer's range, and narrow it to these limits."""
    rules |= {rule: to(rules[rule]) for rule, to in ROUND.items() if rule in rules}
    least, most = max(low, rules.get("minimum", low)), min(high, rules.get("maximum", high))
    if rules.get("exclusiveMinimum", low - 1) < least:
        rules.pop("exclusiveMinimum", None)
        rules["minimum"] = least
    else:
        rules.pop("minimum", None)
    if rules.get("exclusiveMaximum", high + 1) > most:
        rules.pop("exclusiveMaximum", None)
        rules["maximum"] = most
    else:
        rules.pop("maximum", None)


def _convert(value: Any, types: list[str]) -> Any:
    return int(value) if "integer" in types else float(value) if "number" in types else value


def _is_valid(value: Any, rules: Mapping[str, Any], types: list[str]) -> bool:
    """Tell whether a choice is of the property's type and satisfies its other rules."""
    if "string" in types:
        fits = rules.get("minLength", 0) <= len(str(value)) <= rules.get("maxLength", math.inf)
        return isinstance(value, str) and fits and compile_pattern(rules.get("pattern", ""))(value)
    if "boolean" in types or not isinstance(value, int | float) or isinstance(value, bool):
        return "boolean" in types and isinstance(value, bool)
    low, high = rules.get("minimum", -math.inf), rules.get("maximum", math.inf)
    above, below = rules.get("exclusiveMinimum", -math.inf), rules.get("exclusiveMaximum", math.inf)
    typed = abs(value) <= LARGEST_FLOAT and ("integer" not in types or value == math.floor(value))
    return typed and low <= value <= high and above < value < below
