"""The files of the log of predictions: journals of JSON lines, and the tables made from them.

A journal is called HOUR.ID.jsonl, and each server writes its own; its tables are HOUR.ID.N.parquet,
one for each model that answered, since models may take other types. Other names are not ours.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

HOUR = "%Y-%m-%dT%H"
HOUR_LENGTH = 13
JOURNAL, TABLE, BROKEN, PART = ".jsonl", ".parquet", ".broken", ".part"
_HOUR, _ID = r"\d{4}-\d\d-\d\dT\d\d", r"[0-9a-f]{12}"
NAME = re.compile(
    rf"{_HOUR}(\.{_ID})?\.jsonl(\.broken)?|{_HOUR}(\.{_ID}\.\d+)?\.parquet(\.part)?", re.ASCII
)
"""Names of our files; those without an ID are of headrace before it had journals per server."""
PART_BYTES = 4 << 20
"""Bytes of a journal whose rows are in memory at once."""
INT64 = range(-(2**63), 2**63)
Row = Mapping[str, Any]


def list_files(folder: Path, *ends: str) -> list[Path]:
    """Return our files in a folder with one of these ends, sorted by name."""
    if not folder.is_dir():
        return []
    return sorted(
        path for path in folder.iterdir() if NAME.fullmatch(path.name) and path.name.endswith(ends)
    )


def format_line(time: str, model: str, body: bytes, response: bytes) -> bytes:
    """Return a journal's line of a request's body and its answer, both JSON, unchanged."""
    # JSON has line breaks between its tokens alone: inside a text they are escaped.
    body = body.replace(b"\n", b" ").replace(b"\r", b" ")
    name = b' "model": %b,' % json.dumps(model).encode() if model else b""
    parts = (time.encode(), name, body, response)
    return b'{"time": "%b",%b "asked": %b, "answered": %b}\n' % parts


def parse_line(text: bytes) -> list[dict[str, Any]]:
    """Return the rows of a journal's line; none where it is truncated or malformed."""
    try:
        entry = json.loads(text)
        inputs, response = entry["asked"], entry["answered"]
        identity = {"request": str(response["request"]), "row": 0, "time": str(entry["time"])}
        identity["model"] = str(entry.get("model") or response["model"])
        rows = inputs if isinstance(inputs, list) else [inputs]
        # The identity comes first, and no input of such a name replaces it.
        return [
            {**identity, **row, **answer, **identity, "row": number}
            for number, (row, answer) in enumerate(zip(rows, response["predictions"], strict=True))
        ]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return []


def read_parts(journal: Path) -> Iterator[list[dict[str, Any]]]:
    """Yield a journal's rows, `PART_BYTES` of its lines at a time."""
    with journal.open("rb") as file:
        while lines := file.readlines(PART_BYTES):
            yield [row for text in lines for row in parse_line(text)]


def read(folder: Path) -> pd.DataFrame:
    """Return all logged rows, those of open journals too, sorted by time.

    A row has request, row, time and model, the inputs, prediction and positive. An input that is a
    number to one model and text to another keeps both types.

    Errors:
        OSError, ValueError: a file cannot be read.
    """
    # Tables are listed last: a journal may become one meanwhile.
    journals = [frame for path in list_files(folder, JOURNAL) for frame in _read_journal(path)]
    frames = [*_read_tables(list_files(folder, TABLE)), *journals]
    if not frames:
        return pd.DataFrame()
    columns = [*dict.fromkeys(column for frame in frames for column in frame)]
    filled = [frame.dropna(axis="columns", how="all") for frame in frames]
    table = pd.concat(filled, ignore_index=True).reindex(columns=columns)
    # A journal that became a table while the folder was read is there twice.
    table = table.drop_duplicates(["request", "row"])
    return table.sort_values("time", kind="stable", ignore_index=True)


def _read_journal(journal: Path) -> list[pd.DataFrame]:
    """Return a journal's rows as its tables will hold them; none where it is gone."""
    try:
        entries = [row for part in read_parts(journal) for row in part]
    except FileNotFoundError:
        return []
    models = group_by_model(entries)
    return [
        to_table(models[model], schema).to_pandas() for model, schema in schemas([entries]).items()
    ]


def _read_tables(paths: Iterable[Path]) -> Iterator[pd.DataFrame]:
    for path in paths:
        try:
            yield pd.read_parquet(path)
        except FileNotFoundError:  # expired meanwhile
            continue


def group_by_model(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Return the rows that each model answered."""
    groups: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["model"]].append(row)
    return groups


def schemas(parts: Iterable[Sequence[Row]]) -> dict[str, pa.Schema]:
    """Return the schema of each model's table, into which all its values fit."""
    kinds: dict[str, dict[str, set[str]]] = {}
    for part in parts:
        for model, rows in group_by_model(part).items():
            columns = kinds.setdefault(model, {})
            for name in dict.fromkeys(chain.from_iterable(rows)):
                columns.setdefault(name, set()).update(_kinds([row.get(name) for row in rows]))
    return {
        model: pa.schema([(name, _type(column)) for name, column in columns.items()])
        for model, columns in kinds.items()
    }


def to_table(rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    """Return rows of one model as a table."""
    columns = [_column([row.get(field.name) for row in rows], field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _kinds(values: Sequence[Any]) -> Iterator[str]:
    """Yield the kinds of values; None has no kind."""
    # pyarrow's own inference makes 1.0 of a True that follows a float.
    for kind in {*map(type, values)} - {type(None)}:
        large = kind is int and any(v not in INT64 for v in values if type(v) is int)
        yield "large" if large else _KINDS.get(kind, "other")


_KINDS = {bool: "bool", int: "int", float: "float", str: "text"}


def _type(kinds: set[str]) -> pa.DataType:
    """Return the type for values of these kinds; for mixed kinds, text."""
    if not kinds:
        return pa.null()
    if kinds == {"bool"}:
        return pa.bool_()
    if kinds == {"int"}:
        return pa.int64()
    return pa.float64() if kinds <= {"int", "float"} else pa.string()


def _column(values: list[Any], kind: pa.DataType) -> pa.Array:
    convert = _CONVERT.get(kind)
    if convert is None:
        return pa.array(values, kind)
    return pa.array([None if value is None else convert(value) for value in values], kind)


def _text(value: Any) -> str:
    """Return text unchanged, and other values as JSON; a lone surrogate is escaped."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


_CONVERT: dict[pa.DataType, Callable[[Any], Any]] = {pa.float64(): float, pa.string(): _text}
