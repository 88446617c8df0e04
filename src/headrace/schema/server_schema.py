"""An input schema as a server can hold to it: to the last digit, and no rule of it in doubt."""

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from pydantic_core import SchemaError, SchemaValidator, core_schema

from headrace.errors import DataError

WHOLE = -(2**63), 2**63 - 1
EXACT = -(2**53), 2**53
"""A whole number that may be missing becomes a float, which is exact between these."""
ROUND: dict[str, Callable[[float], int]] = {
    "minimum": math.ceil,
    "maximum": math.floor,
    "exclusiveMinimum": math.floor,
    "exclusiveMaximum": math.ceil,
}
"""The rules of a range, and how each is rounded to mean the same of whole numbers."""
LARGEST = sys.float_info.max
TEXTS = ("minLength", "maxLength", "pattern")


def schema(said: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return an input schema with a range for each whole number, its choices sifted by its rules.

    Errors:
        DataError: a server cannot hold to it; the message begins with `where` it stands.
    """
    found: dict[str, Any] = {}
    for name, one in said["properties"].items():
        for problem in _problems(one):
            raise DataError(f"{where}: {name} {problem}")
        found[name] = _column(one)
        if found[name].get("enum") in ([], [None]):
            raise DataError(
                f"{where}: {name} has rules that no value keeps. Next: drop one of them"
            )
    return {**said, "properties": found}


def kinds(said: Mapping[str, Any]) -> list[str]:
    """Return the types that a value may be of, "null" among them where it may be missing."""
    return [said["type"]] if isinstance(said["type"], str) else [*said["type"]]


@lru_cache
def fitting(pattern: str) -> Callable[[str], bool]:
    """Return what tells whether a text fits a regular expression, by the server's own rules.

    Errors:
        ValueError: by those rules it is none.
    """
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern)).isinstance_python
    except SchemaError as error:
        raise ValueError(str(error)) from None


def _problems(said: Mapping[str, Any]) -> Iterator[str]:
    if {"boolean", "null"} <= {*kinds(said)}:
        yield (
            "may be missing, and there is nothing between true and false. Next: make it a number,"
            " or a text such as yes, no and unknown"
        )
    try:
        fitting(said.get("pattern", ""))
    except ValueError:
        yield (
            f"has a pattern that a server cannot hold to: {said['pattern']}. Next: write it without"
            " looking ahead, behind or back to a group, or as a check of your own"
        )


def _column(said: Mapping[str, Any]) -> dict[str, Any]:
    found, of = dict(said), kinds(said)
    if "integer" in of:
        _bound(found, *(EXACT if "null" in of else WHOLE))
    if "enum" not in found and "const" not in found:
        return found
    only = found.pop("const", None)
    choices = found.get("enum", [only])
    kept = [_typed(one, of) for one in choices if _keeps(one, found, of)]
    rest = {key: value for key, value in found.items() if key not in (*ROUND, *TEXTS)}
    return {**rest, "enum": [*dict.fromkeys(kept), *([None] if "null" in of else [])]}


def _bound(found: dict[str, Any], low: int, high: int) -> None:
    """Give a whole number's range whole ends, none of which is beyond these."""
    found |= {rule: to(found[rule]) for rule, to in ROUND.items() if rule in found}
    if found.get("exclusiveMinimum", low - 1) < max(low, found.get("minimum", low)):
        found.pop("exclusiveMinimum", None)
        found["minimum"] = max(low, found.get("minimum", low))
    else:
        found.pop("minimum", None)
    if found.get("exclusiveMaximum", high + 1) > min(high, found.get("maximum", high)):
        found.pop("exclusiveMaximum", None)
        found["maximum"] = min(high, found.get("maximum", high))
    else:
        found.pop("maximum", None)


def _typed(value: Any, of: list[str]) -> Any:
    return int(value) if "integer" in of else float(value) if "number" in of else value


def _keeps(value: Any, said: Mapping[str, Any], of: list[str]) -> bool:
    """Tell whether a choice is of its type, and as the other rules say."""
    if "string" in of:
        long = said.get("minLength", 0) <= len(str(value)) <= said.get("maxLength", math.inf)
        return isinstance(value, str) and long and fitting(said.get("pattern", ""))(value)
    if "boolean" in of or not isinstance(value, int | float) or isinstance(value, bool):
        return "boolean" in of and isinstance(value, bool)
    least, most = said.get("minimum", -math.inf), said.get("maximum", math.inf)
    above, below = said.get("exclusiveMinimum", -math.inf), said.get("exclusiveMaximum", math.inf)
    whole = abs(value) <= LARGEST and ("integer" not in of or value == math.floor(value))
    return whole and least <= value <= most and above < value < below
