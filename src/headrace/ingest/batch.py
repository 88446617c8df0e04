"""The file of a batch: its name, its columns, and what tells its rows apart."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from headrace.core import tables
from headrace.errors import DataError
from headrace.gates.model import Predictions
from headrace.ingest.types import REQUEST, beside, typed
from headrace.schema.validate import require_columns

FOLDER = "data/live"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
"""As in headrace.alerts.update, where a batch's name becomes part of an incident's."""
SHOWN = 3


def file(name: str) -> str:
    """Return the file of a batch, from the study on.

    Errors:
        DataError: it is no name of a batch.
    """
    if not NAME.fullmatch(name):
        raise DataError(
            f"{name!r} is no name for a batch. Next: one of letters, digits, points, dashes and"
            " underscores, 100 at most, such as 2013-10; batches stand in the order of their names"
        )
    return f"{FOLDER}/{name}.parquet"


def key(table: pd.DataFrame, spec: Predictions) -> list[str]:
    """Return the columns that tell the rows apart: the study's key, or request and row.

    A key that has come in part only, with the truth of some rows, leaves request and row.

    Errors:
        DataError: it has neither, or two rows share one.
    """
    there = [[*names] for names in (spec.key, REQUEST) if {*names} <= {*table.columns}]
    if there:
        whole = (names for names in there if not table[names].isna().any(axis=None))
        names = next(whole, there[0])
        refuse_twice(table, names)
        return names
    raise DataError(
        f"Nothing tells the rows apart: they have neither {', '.join(spec.key)} nor"
        f" {' and '.join(REQUEST)}. Next: add the columns of one of both"
    )


def refuse_twice(table: pd.DataFrame, names: list[str]) -> None:
    """Refuse rows that these columns do not tell apart.

    Errors:
        DataError: a row lacks one of them, or two rows share all.
    """
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
        DataError: there is no row, a column is missing, rows cannot be told apart, or what stands
            beside the inputs is not of its type.
    """
    if not len(table):
        raise DataError("There are no rows. Next: see what wrote the file")
    again = table.columns[table.columns.duplicated()]
    if len(again):
        raise DataError(f"The column {again[0]} is there twice. Next: leave one of them out")
    require_columns(map(str, table.columns), schema)
    inputs = {name: typed(table[name], said) for name, said in schema["properties"].items()}
    names = [str(name) for name in table.columns if name not in inputs and name != spec.label]
    names += [spec.label] if spec.label in table else []
    made = pd.DataFrame({**inputs, **beside(table, names, spec)})
    key(made, spec)
    return made.reset_index(drop=True)


def read(root: Path, name: str) -> pd.DataFrame:
    """Read a batch.

    Errors:
        DataError: its file is missing, or is not whole.
    """
    where = file(name)
    try:
        return pd.read_parquet(root / where)
    except FileNotFoundError:
        step = "dvc pull, or headrace ingest FILE --replace --forget-truth"
        raise DataError(f"{where} is missing. Next: {step}") from None
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
    """Return the batches that lie in the study's folder, in their order.

    What has no name of a batch is none, such as what a killed process has left half written.
    """
    there = (path.name.removesuffix(".parquet") for path in (root / FOLDER).glob("*.parquet"))
    return sorted(name for name in there if NAME.fullmatch(name))
