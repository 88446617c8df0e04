"""What is read quickly is what pydantic would read: no more is taken, and nothing otherwise."""

import json
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.serve import quick, rows

SCHEMA: dict[str, Any] = {
    "properties": {
        "whole": {"type": "integer", "minimum": -10, "exclusiveMaximum": 10**12},
        "any whole": {"type": ["integer", "null"]},
        "part": {"type": "number", "minimum": -1e300, "maximum": 1e300},
        "any part": {"type": ["number", "null"]},
        "class": {"type": ["string", "null"], "enum": ["x", "yé", None]},
        "text": {"type": "string", "minLength": 1, "maxLength": 3},
        "flag": {"type": "boolean"},
    }
}
GOOD = {"whole": "1", "any whole": "null", "part": "0.5", "any part": "-2"}
GOOD |= {"class": '"x"', "text": '"abc"', "flag": "true"}
NUMBERS = ["0", "-0", "-0.0", "5.0", "1e2", "1E+2", "1e-400", "1e400", "-1e999", "9007199254740993"]
NUMBERS += [
    "9" * 18,
    "9" * 19,
    "-" + "9" * 19,
    "9" * 400,
    "0." + "1" * 400,
    "1.7976931348623159e308",
]
NUMBERS += ["NaN", "Infinity", "-Infinity", "01", "1.", ".5", "+1", "0x1", "1_0", "2.5e-324"]
TEXTS = ['""', '"abcd"', '"\\u0000"', '"\\ud800"', '"\\ud83d\\ude00"', '"\U0001f600\U0001f600"']
TEXTS += ['"y\\u00e9"', '"ye\\u0301"', '"a\tb"', '"\\x"', "'x'", '"x\\n"', '"x "', '"1"', '"true"']
OTHERS = ["true", "false", "null", "True", "none", "[]", "{}", "[1]", "", " 1 ", "\u00a01", "1 2"]
NAMES = [json.dumps(name) for name in SCHEMA["properties"]]
NAMES += ['"more"', '"x0"', '"wh\\u006fle"', '"Whole"', "whole", '""']

numbers = st.floats().map(repr) | st.integers().map(str) | st.sampled_from(NUMBERS)
texts = st.text(max_size=5).map(json.dumps) | st.sampled_from(TEXTS)
pairs = st.tuples(st.sampled_from(NAMES), numbers | texts | st.sampled_from(OTHERS))
changes = st.lists(pairs, max_size=3)
"""What stands behind the good values of a row: a name that stands twice counts as the last."""
fast = quick.Decoder(SCHEMA)
slow = rows.Reader(SCHEMA, 100)


def written(row: list[tuple[str, str]]) -> str:
    good = [(json.dumps(name), value) for name, value in GOOD.items()]
    return "{" + ", ".join(f"{name}: {value}" for name, value in [*good, *row]) + "}"


def agree(body: bytes) -> bool:
    """Return whether it is read quickly; then pydantic alone must read the same."""
    try:
        found = fast.read(body)
    except quick.NotTaken:
        return False
    known = [tuple(row[name] for name in SCHEMA["properties"]) for row in slow._typed(body)]
    assert [*map(exact, found)] == [*map(exact, known)]
    return True


def exact(row: tuple[Any, ...]) -> list[Any]:
    """Return a row so that 0.0 is not -0.0, 1 is not True, and a number is the same to its bits."""
    return [
        struct.pack("d", float(one))
        if kind["type"] in ("number", ["number", "null"]) and one is not None
        else (type(one), one)
        for one, kind in zip(row, SCHEMA["properties"].values(), strict=True)
    ]


@pytest.mark.parametrize("value", [*NUMBERS, *TEXTS, *OTHERS])
@pytest.mark.parametrize("name", NAMES)
def test_an_odd_value_is_read_as_pydantic_reads_it(name: str, value: str) -> None:
    agree(f"[{written([])}, {written([(name, value)])}]".encode("utf-8", "surrogatepass"))


def test_a_good_row_is_read_quickly() -> None:
    assert agree(f"[{written([])}]".encode())


@settings(max_examples=500)
@given(st.lists(changes, max_size=4))
def test_random_rows_are_read_as_pydantic_reads_them(made: list[list[tuple[str, str]]]) -> None:
    agree(f"[{','.join(map(written, made))}]".encode("utf-8", "surrogatepass"))


@pytest.mark.long
@settings(max_examples=20_000, deadline=None)
@given(st.lists(changes, max_size=4))
def test_many_random_rows_are_read_as_pydantic_reads_them(
    made: list[list[tuple[str, str]]],
) -> None:
    agree(f"[{','.join(map(written, made))}]".encode("utf-8", "surrogatepass"))


@settings(max_examples=500)
@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=3))
def test_spoilt_bytes_are_read_as_pydantic_reads_them(place: int, bytes_: bytes) -> None:
    body = f"[{written([])}, {written([])}]".encode()
    at = place % len(body)
    agree(body[:at] + bytes_ + body[at + len(bytes_) :])


@pytest.mark.parametrize(
    "body",
    [
        b'[{"\x80lass": "x"}]',
        b'[{"class": "\xff"}]',
        b"\xef\xbb\xbf[]",
        b"\xff\xfe[\x00]\x00",
        b"[" * 100_000,
        b'[{"class": ' + b"[" * 100_000,
        b'[{"more": ' + b'{"a":' * 100_000,
        b"",
        b"[",
        b"[]]",
        b"null",
        b"[null]",
    ],
    ids=lambda body: repr(body[:12]),
)
def test_what_is_no_list_of_rows_is_left_to_pydantic(body: bytes) -> None:
    assert not agree(body)


def test_where_the_two_have_other_rules_pydantic_reads() -> None:
    assert quick.of({"properties": {"a": {"type": "string", "pattern": "^x$"}}}) is None
    assert quick.of({"properties": {"a": {"type": "integer", "maximum": 1e300}}}) is None
