"""One row of inputs as a strict type, made from a JSON Schema: what is not of it is refused."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json
from typing_extensions import TypedDict  # pydantic takes Python's own from 3.12 on

from headrace.schema import json_split, msgspec_decoder, types
from headrace.schema.validation_errors import MOST_NAMED, Mistakes, Refused

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
    kind = types.of(said)
    bounded = Annotated[kind.type, Field(**kind.bounds)] if kind.bounds else kind.type
    unit: Any = {"x-unit": said["x-unit"]} if "x-unit" in said else None
    told: Any = Field(description=said.get("description"), json_schema_extra=unit)
    made: Any = bounded | None if kind.nullable else bounded
    if "enum" in said:
        made = Annotated[made, BeforeValidator(partial(types.strict, kind))]
    return Annotated[made, told]


class Reader:
    """Reads the body of a request: one row, or a list of rows."""

    def __init__(
        self, schema: Mapping[str, Any], most: int, example: Mapping[str, Any] | None = None
    ) -> None:
        """Make what reads rows of a JSON Schema; see `type_of`."""
        row: Any = type_of(schema, example)
        self.one: TypeAdapter[dict[str, Any]] = TypeAdapter(row)
        self._names, self._most = [*schema["properties"]], most
        self._quick = msgspec_decoder.of(schema)

    def read(self, body: bytes) -> list[Values]:
        """Return the values of each row of a body, in the schema's order.

        Errors:
            Refused: it is no JSON, or a row is not as the schema says; field and reason are given.
        """
        found = self._found(body)
        if not found:
            raise Refused.whole("no_rows", "The list has no row")
        self._few(len(found))
        return found

    def _found(self, body: bytes) -> list[Values]:
        if self._quick is not None:
            try:
                return self._quick.read(body)
            except msgspec_decoder.NotTaken:
                pass
        return self.explained(body)

    def explained(self, body: bytes) -> list[Values]:
        """Read rows one by one, by pydantic, which knows all that is wrong with them.

        Errors:
            Refused: as of `read`; there may be no row.
        """
        found: list[Values] = []
        wrong, many, unread = Mistakes(), json_split.is_list(body), False
        for number, piece in enumerate(json_split.of(body)):
            self._few(number + 1)
            if unread := wrong.enough():
                break
            shown, hidden = self._shown(piece)
            try:
                row = self._row(shown)
                found.append(tuple(row[name] for name in self._names))
            except ValidationError as error:
                wrong.add(_listed(error), hidden, [number] if many else [])
        wrong.refuse(unread=unread)
        return found

    def _few(self, count: int) -> None:
        if count > self._most:
            says = f"These are more than {self._most:,} rows; send at most that many at once"
            raise Refused.whole("too_many_rows", says)

    def _shown(self, piece: bytes) -> tuple[bytes, int]:
        """Return a row without the strange names that would not be told, and how many they are.

        pydantic would make a mistake of each, which takes it long.
        """
        if piece.count(b":") <= len(self._names) + MOST_NAMED:
            return piece, 0
        try:
            row = from_json(piece)
        except ValueError:
            return piece, 0
        strange = [name for name in row if name not in self._names] if type(row) is dict else []
        hidden = strange[MOST_NAMED:]
        for name in hidden:
            del row[name]
        return (to_json(row, inf_nan_mode="constants"), len(hidden)) if hidden else (piece, 0)

    def _row(self, piece: bytes) -> dict[str, Any]:
        """Read a row, once more where it is refused and its only mistake may be 5.0 for 5."""
        try:
            return self.one.validate_json(piece)
        except ValidationError as error:
            if all(one["type"] != "int_type" for one in _listed(error)):
                raise
        return self.one.validate_json(_whole(piece))


def _whole(piece: bytes) -> bytes:
    """Write whole numbers as such: to JSON Schema 5.0 is an integer, which to Python it is not."""
    row = from_json(piece)
    row.update({name: int(one) for name, one in row.items() if _is_whole(one)})
    return to_json(row, inf_nan_mode="constants")  # infinity is refused, not made a null


def _is_whole(value: Any) -> bool:
    return isinstance(value, float) and abs(value) < EXACT and value.is_integer()


def _listed(error: ValidationError) -> Sequence[Mapping[str, Any]]:
    return error.errors(include_url=False, include_context=False, include_input=False)
