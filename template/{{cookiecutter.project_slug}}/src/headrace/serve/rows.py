"""One row of inputs as a strict type, made from a JSON Schema: what is not of it is refused."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json
from typing_extensions import TypedDict  # pydantic takes Python's own from 3.12 on

from headrace.serve import kinds, quick

MOST_NAMED = 20
"""Mistakes that are told of one request; the others are counted."""
EXACT = 2.0**53
"""Below it a float is the whole number that it says."""
Values = tuple[Any, ...]
"""A row's values, in the schema's order."""


def type_of(schema: Mapping[str, Any], example: Mapping[str, Any] | None = None) -> Any:
    """Return the type of one row: these names and no others, each of its own type and range.

    It is a typed dictionary, with descriptions and units, and with an example where one is given.
    """
    fields = {name: _field(said) for name, said in schema["properties"].items()}
    functional: Any = TypedDict  # its fields are known only now, which a type checker cannot see
    made = functional("Row", fields)
    shown: Any = None if example is None else {"example": dict(example)}
    made.__pydantic_config__ = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, json_schema_extra=shown
    )
    return made


def _field(said: Mapping[str, Any]) -> Any:
    kind = kinds.of(said)
    bounded = Annotated[kind.type, Field(**kind.bounds)] if kind.bounds else kind.type
    unit: Any = {"x-unit": said["x-unit"]} if "x-unit" in said else None
    told: Any = Field(description=said.get("description"), json_schema_extra=unit)
    return Annotated[bounded | None if kind.nullable else bounded, told]


class Reader:
    """Reads the body of a request: one row, or a list of rows."""

    def __init__(
        self, schema: Mapping[str, Any], most: int, example: Mapping[str, Any] | None = None
    ) -> None:
        """Make what reads rows of a JSON Schema; see `type_of`."""
        row: Any = type_of(schema, example)
        self.one: TypeAdapter[dict[str, Any]] = TypeAdapter(row)
        self._many: TypeAdapter[list[dict[str, Any]]] = TypeAdapter(list[row])
        self._names, self._most = [*schema["properties"]], most
        self._quick = quick.of(schema)

    def read(self, body: bytes) -> list[Values]:
        """Return the values of each row of a body, in the schema's order.

        Errors:
            Refused: it is no JSON, or a row is not as the schema says; field and reason are given.
        """
        found = self._found(body)
        if not found:
            raise Refused([{"field": "", "reason": "no_rows", "says": "The list has no row"}])
        if len(found) > self._most:
            says = f"{len(found):,} rows are too many; send at most {self._most:,} at once"
            raise Refused([{"field": "", "reason": "too_many_rows", "says": says}])
        return found

    def _found(self, body: bytes) -> list[Values]:
        if self._quick is not None:
            try:
                return self._quick.read(body)
            except quick.NotTaken:
                pass
        return [tuple(row[name] for name in self._names) for row in self._explained(body)]

    def _explained(self, body: bytes) -> list[dict[str, Any]]:
        """Read rows by pydantic, which knows all that is wrong with them."""
        try:
            return self._typed(body)
        except ValidationError as error:
            return self._once_more(body, error)

    def _typed(self, body: bytes) -> list[dict[str, Any]]:
        many = body.lstrip()[:1] == b"["
        return self._many.validate_json(body) if many else [self.one.validate_json(body)]

    def _once_more(self, body: bytes, error: ValidationError) -> list[dict[str, Any]]:
        """Read rows again where their only mistake may be 5.0 for 5."""
        found = _listed(error)
        if all(one["type"] != "int_type" for one in found):
            raise Refused(_mistakes(found))
        try:
            return self._typed(_whole(body))
        except ValidationError as again:
            raise Refused(_mistakes(_listed(again))) from None


def _whole(body: bytes) -> bytes:
    """Write whole numbers as such: to JSON Schema 5.0 is an integer, which to Python it is not."""
    content = from_json(body)
    rows = content if isinstance(content, list) else [content]
    for row in rows:
        if isinstance(row, dict):
            row.update({name: int(one) for name, one in row.items() if _is_whole(one)})
    return to_json(content, inf_nan_mode="constants")  # infinity is refused, not made a null


def _is_whole(value: Any) -> bool:
    return isinstance(value, float) and abs(value) < EXACT and value.is_integer()


def _listed(error: ValidationError) -> Sequence[Mapping[str, Any]]:
    return error.errors(include_url=False, include_context=False, include_input=False)


class Refused(Exception):
    """A body that is not answered, with what is wrong with it."""

    def __init__(self, mistakes: Iterable[Mapping[str, str]]) -> None:
        self.mistakes = [dict(one) for one in mistakes]
        super().__init__(self.mistakes[0]["says"])


def _mistakes(found: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    """Yield field and reason of each mistake; never a value that was sent."""
    for one in found[:MOST_NAMED]:
        field = ".".join(_name(part) for part in one["loc"])
        says = "is not JSON" if one["type"] == "json_invalid" else one["msg"]
        yield {"field": field, "reason": one["type"], "says": says}
    if len(found) > MOST_NAMED:
        says = f"and {len(found) - MOST_NAMED} more mistakes"
        yield {"field": "", "reason": "more", "says": says}


def _name(part: int | str) -> str:
    """Return a part of a field's name; of a stranger's own name only what can be shown."""
    text = str(part)[:64]
    return "".join(letter if letter.isprintable() else "?" for letter in text)
