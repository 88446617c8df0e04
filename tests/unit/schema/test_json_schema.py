"""A pandera contract as a JSON Schema."""

from typing import Any

import jsonschema
import pandera.pandas as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.bundle import golden
from headrace.errors import DataError
from headrace.schema import json_schema

SCHEMA = pa.DataFrameSchema(
    {
        "code": pa.Column("str", pa.Check.str_length(2, 3)),
        "place": pa.Column("str", pa.Check.isin(["a", "b"])),
        "whole": pa.Column("int64", [pa.Check.ge(0), pa.Check.lt(10)], description="a count"),
        "part": pa.Column(
            "float64", pa.Check.in_range(0, 1), nullable=True, metadata={"unit": "m"}
        ),
        "odd": pa.Column("int64", pa.Check(lambda x: x % 2 == 1, name="is_odd")),
    },
    name="rows",
)


def test_a_contract_becomes_a_json_schema_with_ranges_units_and_meanings() -> None:
    described = json_schema.from_pandera(SCHEMA)
    jsonschema.Draft202012Validator.check_schema(described)
    assert described["required"] == ["code", "place", "whole", "part", "odd"]
    assert described["properties"] == {
        "code": {"type": "string", "minLength": 2, "maxLength": 3},
        "place": {"type": "string", "enum": ["a", "b"]},
        "whole": {
            "type": "integer",
            "minimum": 0,
            "exclusiveMaximum": 10,
            "description": "a count",
        },
        "part": {"type": ["number", "null"], "minimum": 0, "maximum": 1, "x-unit": "m"},
        "odd": {
            "type": "integer",
            "minimum": -(2**63),
            "maximum": 2**63 - 1,
            "x-checks": ["is_odd"],
        },
    }


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.Column("boolean", nullable=True), "is a boolean that may be missing"),
        (
            pa.Column("str", pa.Check.str_matches("(?!X).")),
            "has a pattern that a server cannot check",
        ),
        (pa.Column("datetime64[ns]"), "is of type datetime64[ns], which JSON does not have"),
        (pa.Column("int8", pa.Check.eq(300)), "has rules that no value satisfies"),
    ],
)
def test_a_rule_that_no_server_can_check_is_refused_when_a_bundle_is_built(
    column: pa.Column, message: str
) -> None:
    with pytest.raises(DataError) as caught:
        json_schema.from_pandera(pa.DataFrameSchema({"one": column}, name="rows"))
    assert str(caught.value).startswith(f"The contract 'rows': one {message}")
    assert "Next: " in str(caught.value)


def test_of_two_rules_of_a_column_the_stricter_is_kept() -> None:
    checks = [pa.Check.ge(0), pa.Check.in_range(-5, 9.5, include_max=False), pa.Check.le(300)]
    words = [pa.Check.str_length(exact_value=2), pa.Check.isin(["a", "ab", "xy"])]
    columns = {"whole": pa.Column("uint8", checks), "code": pa.Column("str", words)}
    described = json_schema.from_pandera(pa.DataFrameSchema(columns))["properties"]
    assert described["whole"] == {"type": "integer", "minimum": 0, "exclusiveMaximum": 10}
    assert described["code"] == {"type": "string", "enum": ["ab", "xy"]}


@settings(deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "code": st.text("ab", max_size=4),
            "place": st.sampled_from(["a", "b", "c"]),
            "whole": st.integers(-2, 12),
            "part": st.none() | st.floats(-0.5, 1.5, allow_nan=False),
            "odd": st.just(1),
        }
    )
)
def test_the_json_schema_and_the_contract_refuse_the_same_rows(row: dict[str, Any]) -> None:
    schema = json_schema.from_pandera(SCHEMA)
    by_json = jsonschema.Draft202012Validator(schema).is_valid(row)
    try:
        SCHEMA.validate(golden.frame([row], schema))
        by_pandera = True
    except pa.errors.SchemaError:
        by_pandera = False
    assert by_json is by_pandera
