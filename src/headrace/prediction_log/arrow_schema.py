"""Rows of a journal as Arrow tables: a table for each model, and in it a type for each column."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import pyarrow as pa

Row = Mapping[str, Any]
INT64 = range(-(2**63), 2**63)


def schemas(parts: Iterable[Sequence[Row]]) -> dict[str, pa.Schema]:
    """Return the schema of each model's table, such that every value of its rows is of it."""
    seen: dict[str, dict[str, set[str]]] = {}
    for part in parts:
        for model, rows in by_model(part).items():
            columns = seen.setdefault(model, {})
            for name in dict.fromkeys(chain.from_iterable(rows)):
                columns.setdefault(name, set()).update(_kinds([row.get(name) for row in rows]))
    return {
        model: pa.schema([(name, _type(kinds)) for name, kinds in columns.items()])
        for model, columns in seen.items()
    }


def by_model(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Return the rows that each model answered."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["model"], []).append(row)
    return found


def table(rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    """Return rows that one model answered."""
    made = [_column([row.get(field.name) for row in rows], field.type) for field in schema]
    return pa.Table.from_arrays(made, schema=schema)


def _kinds(values: Sequence[Any]) -> Iterator[str]:
    """Yield of which kinds values are; what is missing is of none."""
    for kind in {*map(type, values)} - {type(None)}:
        large = kind is int and any(one not in INT64 for one in values if type(one) is int)
        yield "large" if large else _KINDS.get(kind, "other")


_KINDS = {bool: "bool", int: "int", float: "float", str: "text"}


def _type(kinds: set[str]) -> pa.DataType:
    """Return the type for values of these kinds; of several kinds each is kept as its text."""
    if not kinds:
        return pa.null()
    if kinds == {"bool"}:
        return pa.bool_()
    if kinds == {"int"}:
        return pa.int64()
    return pa.float64() if kinds <= {"int", "float"} else pa.string()


def _column(values: list[Any], kind: pa.DataType) -> pa.Array:
    make = _MAKE.get(kind)
    if make is None:
        return pa.array(values, kind)
    return pa.array([None if one is None else make(one) for one in values], kind)


def _text(value: Any) -> str:
    """Return text as it is, and what is none as JSON; half a letter is shown by its number."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


_MAKE: dict[pa.DataType, Callable[[Any], Any]] = {pa.float64(): float, pa.string(): _text}
