"""What is read quickly is what pydantic would read: no more is taken, and nothing otherwise."""

import json
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import from_json

from headrace.schema import row_reader, row_types, validation_errors

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
VALID = {"whole": "1", "any whole": "null", "part": "0.5", "any part": "-2"}
VALID |= {"class": '"x"', "text": '"abc"', "flag": "true"}
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
fast = row_types.Decoder(SCHEMA)
slow = row_reader.Reader(SCHEMA, 100)


def to_json(row: list[tuple[str, str]]) -> str:
    valid = [(json.dumps(name), value) for name, value in VALID.items()]
    return "{" + ", ".join(f"{name}: {value}" for name, value in [*valid, *row]) + "}"


def agree(body: bytes) -> bool:
    """Return whether it is read quickly; then pydantic alone must read the same."""
    try:
        rows = fast.read(body)
    except row_types.DecodeErrors:
        return False
    assert [*map(exact, rows)] == [*map(exact, slow.explain(body))]
    return True


def exact(row: tuple[Any, ...]) -> list[Any]:
    """Return a row so that 0.0 is not -0.0, 1 is not True, and a number is the same to its bits."""
    return [
        struct.pack("d", float(value))
        if kind["type"] in ("number", ["number", "null"]) and value is not None
        else (type(value), value)
        for value, kind in zip(row, SCHEMA["properties"].values(), strict=True)
    ]


@pytest.mark.parametrize("value", [*NUMBERS, *TEXTS, *OTHERS])
@pytest.mark.parametrize("name", NAMES)
def test_an_odd_value_is_read_as_pydantic_reads_it(name: str, value: str) -> None:
    agree(f"[{to_json([])}, {to_json([(name, value)])}]".encode("utf-8", "surrogatepass"))


def test_a_valid_row_is_read_by_msgspec() -> None:
    assert agree(f"[{to_json([])}]".encode())


@settings(max_examples=500, deadline=None)
@given(st.lists(changes, max_size=4))
def test_random_rows_are_read_as_pydantic_reads_them(rows: list[list[tuple[str, str]]]) -> None:
    agree(f"[{','.join(map(to_json, rows))}]".encode("utf-8", "surrogatepass"))


@pytest.mark.long
@settings(max_examples=20_000, deadline=None)
@given(st.lists(changes, max_size=4))
def test_many_random_rows_are_read_as_pydantic_reads_them(
    rows: list[list[tuple[str, str]]],
) -> None:
    agree(f"[{','.join(map(to_json, rows))}]".encode("utf-8", "surrogatepass"))


@settings(max_examples=500, deadline=None)
@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=3))
def test_spoilt_bytes_are_read_as_pydantic_reads_them(place: int, bytes_: bytes) -> None:
    body = f"[{to_json([])}, {to_json([])}]".encode()
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
def test_a_body_that_is_no_list_of_rows_is_left_to_pydantic(body: bytes) -> None:
    assert not agree(body)


def test_where_the_two_have_other_rules_pydantic_reads() -> None:
    assert (
        row_types.msgspec_decoder({"properties": {"a": {"type": "string", "pattern": "^x$"}}})
        is None
    )
    assert (
        row_types.msgspec_decoder({"properties": {"a": {"type": "integer", "maximum": 1e300}}})
        is None
    )


def is_json(body: bytes) -> bool:
    try:
        from_json(body)
    except ValueError:
        return False
    return True


def parts(body: bytes) -> list[bytes]:
    """Return a body's pieces; they must be JSON if the whole is, and not if it is not."""
    pieces = [*row_reader.split(body)]
    assert all(map(is_json, pieces)) == is_json(body)
    return pieces


BROKEN = [
    b"[",
    b"[1",
    b"[1,",
    b"[1,]",
    b"[,]",
    b"[1]]",
    b"[1] 2",
    b"[1}",
    b"[{]}",
    b'["',
    b'["\\"]',
]
BROKEN += [b"", b" ", b"1 2", b"]", b"\x0b[1]", b"[\x0b]", b"[1],", b"{", b'{"a": 1}]', b'[1"]']
WHOLE = [b"[]", b" [ ] ", b"[[]]", b'["]", "\\"]", "\\\\"]', b'[{"a": [1, {"b": ","}]}, 2]', b" 1 "]
JSON = st.recursive(
    st.integers() | st.text('ab\\"[]{}, ', max_size=5),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text("a]"), inside),
    max_leaves=8,
)


@pytest.mark.parametrize("body", [*BROKEN, *WHOLE])
def test_a_body_is_cut_into_json_only_if_it_is_json_as_a_whole(body: bytes) -> None:
    parts(body)
    assert is_json(body) == (body in WHOLE)


@settings(max_examples=300, deadline=None)
@given(st.lists(JSON, max_size=4), st.integers(0, 1000), st.sampled_from(b' "\\[]{},:1'))
def test_pieces_are_the_items_of_a_list_and_spoilt_ones_are_found_out(
    items: list[Any], place: int, mark: int
) -> None:
    body = json.dumps(items, ensure_ascii=False).encode()
    assert [json.loads(piece) for piece in parts(body)] == items
    at = place % len(body)
    parts(body[:at] + bytes([mark]) + body[at + 1 :])
    parts(body[:at])


class Counting:
    """Reads rows as pydantic does, and counts how many."""

    def __init__(self, reader: row_reader.Reader) -> None:
        self.adapter, self.count = reader.adapter, 0

    def validate_json(self, piece: bytes) -> Any:
        """Read one row."""
        self.count += 1
        return self.adapter.validate_json(piece)


def refused(body: bytes) -> tuple[validation_errors.Refused, int]:
    """Return how a body is refused, and how often pydantic read a row of it."""
    reader = row_reader.Reader(SCHEMA, 10_000)
    counting = Counting(reader)
    reader.adapter = counting  # type: ignore[assignment]
    with pytest.raises(validation_errors.Refused) as caught:
        reader.read(body)
    assert len(caught.value.errors) <= validation_errors.MOST_NAMED + 1
    return caught.value, counting.count


def test_of_very_many_wrong_rows_no_more_are_read_than_are_reported() -> None:
    refusal, count = refused(b"[" + b",".join([b"{}"] * 200_000) + b"]")
    fields = len(SCHEMA["properties"])
    assert count == -(-validation_errors.MOST_NAMED // fields) == 3
    assert refusal.rows == {"missing": 3}
    assert refusal.errors[-1]["says"] == "and 1 more error; the following rows were not read"
    assert refusal.errors[19]["field"] == "2.text"
    last, _ = refused(b"[" + b",".join([b"{}"] * 3) + b"]")
    assert last.errors[-1]["says"] == "and 1 more error"


def test_of_very_many_strange_names_no_more_are_looked_at_than_are_reported() -> None:
    names = [f'"n{number}": 0' for number in range(50_000)]
    refusal, count = refused(f"{{{', '.join(names)}}}".encode())
    fields = len(SCHEMA["properties"])
    assert count == 1
    assert refusal.errors[fields]["field"] == "n0"
    assert (
        refusal.errors[-1]["says"]
        == f"and {50_000 + fields - validation_errors.MOST_NAMED} more errors"
    )
    assert refusal.rows == {"missing": 1, "extra_forbidden": 1}


@pytest.mark.parametrize("begin", [b"", b"[", b"[{},"])
def test_a_row_too_large_is_refused_before_anything_is_made_of_it(begin: bytes) -> None:
    refusal, count = refused(begin + b'{"more": [' + b"[1, " * 2_000_000)
    assert refusal.errors[0]["reason"] == "row_too_large"
    assert count == begin.count(b"}")


def test_too_many_rows_are_refused_where_they_become_too_many() -> None:
    pointed = to_json([('"whole"', "1.0")])
    refusal, count = refused(f"[{', '.join([pointed] * 10_001)}]".encode())
    assert refusal.errors[0]["reason"] == "too_many_rows"
    assert count <= 20_000
    assert refused(b"[]")[0].errors[0]["reason"] == "no_rows"
