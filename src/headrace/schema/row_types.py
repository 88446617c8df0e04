"""The type of one row, made from a JSON Schema: for pydantic, and for msgspec.

pydantic explains all that is wrong with a row; msgspec reads a list of valid rows four times as
fast. A row that msgspec accepts, pydantic accepts too, with the same values.
"""

from collections.abc import Callable, Mapping
from functools import partial
from sys import float_info
from typing import Annotated, Any, Literal, NamedTuple, get_args

import msgspec
from pydantic import BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict  # pydantic takes Python's own from 3.12 on

from headrace.schema.json_schema import value_types

BOUNDS = {
    "minimum": "ge",
    "exclusiveMinimum": "gt",
    "maximum": "le",
    "exclusiveMaximum": "lt",
    "minLength": "min_length",
    "maxLength": "max_length",
    "pattern": "pattern",
}
"""The names that pydantic and msgspec have for the rules of JSON Schema."""
PYTHON_TYPES: dict[str, type] = {"integer": int, "number": float, "boolean": bool, "string": str}
COMPARABLE = {"int": (int,), "float": (int, float), "bool": (bool,), "str": (str,)}
"""The types of values that may be compared with a choice, by the choice's own type."""
DecodeErrors = (msgspec.MsgspecError, UnicodeDecodeError)
"""What `Decoder.read` raises where a body is no list of valid rows."""


class ValueType(NamedTuple):
    """A property's Python type, its bounds by pydantic's names, and whether it may be null."""

    type: Any
    bounds: dict[str, Any]
    nullable: bool

    @classmethod
    def from_rules(cls, rules: Mapping[str, Any]) -> "ValueType":
        """Return the type of a property of a JSON Schema."""
        types = value_types(rules)
        if "enum" in rules:
            kind: Any = Literal[tuple(value for value in rules["enum"] if value is not None)]
        else:
            kind = PYTHON_TYPES[next(name for name in types if name != "null")]
        bounds = {bound: rules[rule] for rule, bound in BOUNDS.items() if rule in rules}
        return cls(kind, bounds, "null" in types)

    def annotated(self, meta: Callable[..., Any]) -> Any:
        """Return the type with its bounds, for which `meta` is pydantic's or msgspec's class."""
        bounded = Annotated[self.type, meta(**self.bounds)] if self.bounds else self.type
        return bounded | None if self.nullable else bounded


def row_type(schema: Mapping[str, Any], example: Mapping[str, Any] | None = None) -> Any:
    """Return a row's type for pydantic: these names and no others, each of its own type and range.

    It is a typed dictionary, with descriptions and units, and with an example if one is given.
    """
    fields = {name: _field(rules) for name, rules in schema["properties"].items()}
    functional: Any = TypedDict  # its fields are known only now, which a type checker cannot see
    row = functional("Row", fields)
    extra: Any = None if example is None else {"example": dict(example)}
    row.__pydantic_config__ = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, json_schema_extra=extra
    )
    return row


def _field(rules: Mapping[str, Any]) -> Any:
    value_type = ValueType.from_rules(rules)
    annotated = value_type.annotated(Field)
    if "enum" in rules:
        annotated = Annotated[annotated, BeforeValidator(partial(_require_type, value_type))]
    unit: Any = {"x-unit": rules["x-unit"]} if "x-unit" in rules else None
    return Annotated[annotated, Field(description=rules.get("description"), json_schema_extra=unit)]


def _require_type(value_type: ValueType, value: Any) -> Any:
    """Return a value that is of its choices' type: in Python true equals 1, in JSON it does not.

    Errors:
        PydanticCustomError: it is of another type.
    """
    name = type(get_args(value_type.type)[0]).__name__
    if type(value) not in COMPARABLE[name] and not (value_type.nullable and value is None):
        raise PydanticCustomError(f"{name}_type", "Input should be of the type of its choices")
    number = name == "float" and value is not None and abs(value) <= float_info.max
    return float(value) if number else value


class Decoder:
    """Reads a list of rows by msgspec."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        """Make the rows' type from a JSON Schema.

        Errors:
            TypeError, ValueError: msgspec reads one of its rules in another way, or not at all.
        """
        types = {name: ValueType.from_rules(rules) for name, rules in schema["properties"].items()}
        if any("pattern" in value_type.bounds for value_type in types.values()):
            raise ValueError("pydantic and msgspec have different engines for patterns")
        names = {f"x{place}": name for place, name in enumerate(types)}
        fields = [value_type.annotated(msgspec.Meta) for value_type in types.values()]
        row: Any = msgspec.defstruct(
            "Row",
            [*zip(names, fields, strict=True)],
            rename=names,
            forbid_unknown_fields=True,
            gc=False,  # its values hold no references to each other
        )
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(list[row])

    def read(self, body: bytes) -> list[tuple[Any, ...]]:
        """Return the values of each row, in the schema's order.

        Errors:
            DecodeErrors: pydantic has to read the body.
        """
        return [*map(msgspec.structs.astuple, self._decoder.decode(body))]


def msgspec_decoder(schema: Mapping[str, Any]) -> Decoder | None:
    """Return a decoder for rows of a JSON Schema; None where msgspec reads them otherwise."""
    try:
        return Decoder(schema)
    except (TypeError, ValueError):
        return None
