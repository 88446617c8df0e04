"""The file of a batch: its name, its columns, and what tells its rows apart."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from headrace.diff.rules import Predictions
from headrace.errors import DataError
from headrace.score import tables
from headrace.score.judge import judge, refuse_lacking

FOLDER = "data/live"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
REQUEST = ("request", "row")
"""What tells the rows apart that a server answered."""
SHOWN = 3


def file(name: str) -> str:
    """Return the file of a batch, from the study on.

    Errors:
        DataError: it is no name of a batch.
    """
    if not NAME.fullmatch(name):
        raise DataError(
            f"{name!r} is no name for a batch. Next: one of letters, digits, points, dashes and"
            " underscores, such as 2013-10; batches stand in the order of their names"
        )
    return f"{FOLDER}/{name}.parquet"


def key(table: pd.DataFrame, spec: Predictions) -> list[str]:
    """Return the columns that tell the rows apart: the study's key, or request and row.

    Errors:
        DataError: it has neither, or two rows share one.
    """
    for names in (spec.key, REQUEST):
        if {*names} <= {*table.columns}:
            _refuse_twice(table, [*names])
            return [*names]
    raise DataError(
        f"Nothing tells the rows apart: they have neither {', '.join(spec.key)} nor"
        f" {' and '.join(REQUEST)}. Next: add the columns of one of both"
    )


def _refuse_twice(table: pd.DataFrame, names: list[str]) -> None:
    lacking = table[names].isna().any(axis=1)
    if lacking.any():
        raise DataError(f"{lacking.sum():,} rows lack {' or '.join(names)}. Next: fill them in")
    twice = table.duplicated(names)
    if twice.any():
        first = table.loc[twice, names].head(SHOWN).astype(str).agg(" ".join, axis=1)
        raise DataError(
            f"{twice.sum():,} rows are there twice, by {', '.join(names)}: {'; '.join(first)}."
            " Next: see what wrote them; a batch holds each row once"
        )


def normal(table: pd.DataFrame, schema: Mapping[str, Any], spec: Predictions) -> pd.DataFrame:
    """Return a batch as it is kept: inputs in their types, then what is known beside them.

    An input of which a value breaks the contract stays as it is: the monitor counts such values.

    Errors:
        DataError: there is no row, a column is missing, or rows cannot be told apart.
    """
    if not len(table):
        raise DataError("There are no rows. Next: see what wrote the file")
    again = table.columns[table.columns.duplicated()]
    if len(again):
        raise DataError(f"The column {again[0]} is there twice. Next: leave one of them out")
    refuse_lacking(map(str, table.columns), schema)
    key(table, spec)
    inputs = {name: typed(table[name], said) for name, said in schema["properties"].items()}
    beside = [str(name) for name in table.columns if name not in inputs and name != spec.label]
    kept = {**inputs, **{name: table[name] for name in beside}}
    if spec.label in table:
        kept[spec.label] = truths(table[spec.label])
    return pd.DataFrame(kept).reset_index(drop=True)


def typed(column: pd.Series, said: Mapping[str, Any]) -> pd.Series:
    """Return an input in its type, where every value of it is as the schema says."""
    one = {"properties": {"value": said}}
    inputs, reasons = judge(column.to_frame("value"), one)
    if (reasons == "").all():
        return inputs["value"]
    return column.astype("str").where(column.notna(), None) if column.dtype == object else column


WORDS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}


def truths(column: pd.Series) -> pd.Series:
    """Return what turned out as true, false or not known yet.

    Errors:
        DataError: a value is none of them.
    """
    if pd.api.types.is_bool_dtype(column):
        return column.astype("boolean")
    text = column.astype("str").str.strip().str.lower()
    empty = column.isna() | text.isin(["", "nan", "none", "<na>"])
    strange = text[~empty & ~text.isin([*WORDS])]
    if len(strange):
        raise DataError(
            f"{column.name} is {strange.iloc[0]!r} in row {strange.index[0] + 1}, neither true nor"
            " false. Next: leave it empty where it is not known yet"
        )
    known: pd.Series = text.map(WORDS).where(~empty).astype("boolean")
    return known


def read(root: Path, name: str) -> pd.DataFrame:
    """Read a batch.

    Errors:
        DataError: its file is missing, or is not whole.
    """
    where = file(name)
    try:
        return pd.read_parquet(root / where)
    except FileNotFoundError:
        raise DataError(f"{where} is missing. Next: dvc pull, or headrace ingest FILE") from None
    except (OSError, ValueError) as error:
        said = str(error).splitlines()[0]
        raise DataError(f"{where} cannot be read ({said}). Next: dvc checkout {where}") from None


def parts(root: Path, name: str) -> Iterator[pd.DataFrame]:
    """Yield a batch's rows part by part; see `read`."""
    where = file(name)
    if not (root / where).is_file():
        read(root, name)  # which says so
    try:
        for part, _ in tables.parts(root / where):
            yield part.to_pandas()
    except DataError as error:
        raise DataError(f"{error}. Next: dvc checkout {where}") from None


def names(root: Path) -> Sequence[str]:
    """Return the batches that lie in the study's folder, in their order."""
    return sorted(path.name.removesuffix(".parquet") for path in (root / FOLDER).glob("*.parquet"))
