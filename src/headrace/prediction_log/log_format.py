"""What lies in the folder of what was answered: journals of lines, and the tables made of them.

A journal is called HOUR.ID.jsonl, and each server has its own; its tables are HOUR.ID.N.parquet,
one for each model that answered. What is called otherwise is not ours, and is left alone.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from headrace.prediction_log import arrow_schema

HOUR = "%Y-%m-%dT%H"
HOUR_LETTERS = 13
JOURNAL, TABLE, BROKEN, PART = ".jsonl", ".parquet", ".broken", ".part"
_HOUR, _ID = r"\d{4}-\d\d-\d\dT\d\d", r"[0-9a-f]{12}"
OURS = re.compile(
    rf"{_HOUR}(\.{_ID})?\.jsonl(\.broken)?|{_HOUR}(\.{_ID}\.\d+)?\.parquet(\.part)?", re.ASCII
)
"""Names of our files; those without an ID are of servers that had none."""
TOGETHER = 4 << 20
"""Bytes of a journal whose rows are in memory at once."""


def listed(folder: Path, *ends: str) -> list[Path]:
    """Return our own files in a folder, with one of these ends, in the order of their names."""
    if not folder.is_dir():
        return []
    return sorted(
        path for path in folder.iterdir() if OURS.fullmatch(path.name) and path.name.endswith(ends)
    )


def line(time: str, model: str, asked: bytes, answered: bytes) -> bytes:
    """Return a journal's line of a request's body and its answer, both JSON, as they are."""
    # A line break can only stand between JSON's words: inside a text it is escaped.
    body = asked.replace(b"\n", b" ").replace(b"\r", b" ")
    name = b' "model": %b,' % json.dumps(model).encode() if model else b""
    return b'{"time": "%b",%b "asked": %b, "answered": %b}\n' % (
        time.encode(),
        name,
        body,
        answered,
    )


def rows(text: bytes) -> list[dict[str, Any]]:
    """Return the rows of a journal's line; none where it was cut off, or is not ours."""
    try:
        one = json.loads(text)
        asked, said = one["asked"], one["answered"]
        known = {"request": str(said["request"]), "row": 0, "time": str(one["time"])}
        known["model"] = str(one.get("model") or said["model"])
        pairs = zip(asked if isinstance(asked, list) else [asked], said["predictions"], strict=True)
        # What a row is known by comes first, and no input of that name takes its place.
        return [
            {**known, **row, **answer, **known, "row": number}
            for number, (row, answer) in enumerate(pairs)
        ]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return []


def parts(journal: Path) -> Iterator[list[dict[str, Any]]]:
    """Yield a journal's rows, some megabytes of its lines at a time."""
    with journal.open("rb") as file:
        while lines := file.readlines(TOGETHER):
            yield [row for text in lines for row in rows(text)]


def read(folder: Path) -> pd.DataFrame:
    """Return all that was written down, the open hours too, in the order of time.

    A row has request, row, time and model, the inputs, prediction and positive. An input that is a
    number to one model and text to another is each as it was written.

    Errors:
        OSError, ValueError: a file cannot be read.
    """
    # A journal may become tables meanwhile: so they are looked for when it was read.
    frames = [frame for path in listed(folder, JOURNAL) for frame in _opened(path)]
    frames = [*_tables(listed(folder, TABLE)), *frames]
    if not frames:
        return pd.DataFrame()
    names = [*dict.fromkeys(name for frame in frames for name in frame)]
    told = [frame.dropna(axis="columns", how="all") for frame in frames]
    whole = pd.concat(told, ignore_index=True).reindex(columns=names)
    whole = whole.drop_duplicates(["request", "row"])
    return whole.sort_values("time", kind="stable", ignore_index=True)


def _opened(journal: Path) -> list[pd.DataFrame]:
    """Return a journal's rows as its tables will hold them; none where it has become tables."""
    try:
        found = [row for part in parts(journal) for row in part]
    except FileNotFoundError:
        return []
    schemas, its = arrow_schema.schemas([found]), arrow_schema.by_model(found)
    return [arrow_schema.table(its[model], one).to_pandas() for model, one in schemas.items()]


def _tables(paths: Iterable[Path]) -> Iterator[pd.DataFrame]:
    for path in paths:
        try:
            yield pd.read_parquet(path)
        except FileNotFoundError:  # it was too old, and is forgotten
            continue
