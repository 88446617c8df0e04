"""The rows in the body of a request are read as strict types."""

import json

import pytest
from pydantic import TypeAdapter

from headrace.schema import row_reader, row_types, validation_errors

SCHEMA = {
    "properties": {
        "a": {"type": "integer", "minimum": 0, "exclusiveMaximum": 10},
        "b": {"type": ["number", "null"], "description": "a length", "x-unit": "m"},
        "c": {"type": ["string", "null"], "enum": ["x", "y", None]},
        "d": {"type": "boolean"},
    }
}


def test_the_type_of_a_row_keeps_units_and_example_of_its_schema() -> None:
    adapter = TypeAdapter(row_types.row_type(SCHEMA, {"a": 1, "b": None, "c": "x", "d": True}))
    for row in ({"a": 1, "b": 2, "c": None, "d": True}, {"a": 0, "b": None, "c": "y", "d": False}):
        adapter.validate_json(json.dumps(row))
    description = adapter.json_schema()
    assert description["properties"]["b"]["x-unit"] == "m"
    assert description["example"]["a"] == 1


def test_many_errors_are_counted_and_unknown_names_are_shown_safely() -> None:
    reader = row_reader.Reader(SCHEMA, 100)
    row = {"a": 1, "b": 1, "c": "x", "d": True}
    with pytest.raises(validation_errors.Refused) as caught:
        reader.read(json.dumps({**row, **{f"x{n}\u202e\n": n for n in range(50)}}).encode())
    assert len(caught.value.errors) == validation_errors.MOST_NAMED + 1
    assert caught.value.errors[-1]["says"] == "and 30 more errors"
    assert caught.value.errors[0]["field"] == "x0??"
    with pytest.raises(validation_errors.Refused) as caught:
        reader.read(json.dumps({**row, "y" * 10_000: 1}).encode())
    assert len(caught.value.errors[0]["field"]) == 64
