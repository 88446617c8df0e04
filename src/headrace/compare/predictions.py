"""Predictions of a state, found by hash: the columns that are needed, and the rows in common."""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

from headrace.core import dvc_cache
from headrace.core.states import State
from headrace.errors import DataError, ProjectError, nearest, unreadable
from headrace.stats import Recipe
from headrace.stats.scores import MEAN, OF_CLASSES

Codes = npt.NDArray[np.int64]
Column = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """The predictions of one state, or some rows of them."""

    name: str
    columns: Any
    """A pyarrow table."""

    @property
    def rows(self) -> int:
        """The number of rows."""
        return int(self.columns.num_rows)

    def numbers(self, column: str) -> Column:
        """Return a column as numbers, shape (rows,); true is 1.

        Errors:
            DataError: there is no such column, or a value is missing or not a number.
        """
        try:
            values = pc.cast(_decoded(self._column(column)), pa.float64())
            values = np.asarray(values, dtype="float64")
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            problem = f"{self.name}: column {column} holds no numbers"
            raise DataError(f"{problem}. Next: write it as numbers") from None
        if not np.isfinite(values).all():
            problem = f"{self.name}: column {column} has values missing"
            raise DataError(f"{problem}. Next: write a number in every row")
        return values

    def classes(self, *columns: str) -> list[Column]:
        """Return columns of classes as numbers, shape (rows,): the same for the same class.

        Errors:
            DataError: there is no such column, or a value is missing.
        """
        listed = [_decoded(self._column(name)) for name in columns]
        if not any(pa.types.is_large_string(c.type) or pa.types.is_string(c.type) for c in listed):
            return [self.numbers(name) for name in columns]
        texts = [np.asarray(pc.cast(column, pa.string()), dtype=object) for column in listed]
        for name, values in zip(columns, texts, strict=True):
            if any(value is None for value in values):
                raise DataError(
                    f"{self.name}: column {name} has values missing."
                    " Next: write a class in every row"
                )
        _, codes = np.unique(np.concatenate(texts).astype(str), return_inverse=True)
        return [*codes.astype("float64").reshape(len(columns), -1)]

    def label_and_prediction(self, label: str, recipe: Recipe) -> tuple[Column, Column]:
        """Return what a score evaluates, each of shape (rows,).

        Errors:
            DataError: see `numbers` and `classes`.
        """
        if recipe.score in OF_CLASSES:
            truth, predicted = self.classes(label, recipe.column)
            return truth, predicted
        predicted = self.numbers(recipe.column)
        return predicted if recipe.score == MEAN else self.numbers(label), predicted

    def groups(self, column: str) -> tuple[Codes, list[str]]:
        """Return each row's group as an index, and the groups' names; times are grouped by day."""
        values = self._column(column)
        if pa.types.is_timestamp(values.type):
            values = pc.floor_temporal(values, unit="day")
        encoded = pc.dictionary_encode(values, null_encoding="encode").combine_chunks()
        names = [str(name) for name in encoded.dictionary.to_pylist()]
        return np.asarray(encoded.indices, dtype="int64"), names

    def take(self, rows: Codes) -> "Table":
        """Return some rows, in this order."""
        return Table(self.name, self.columns.take(pa.array(rows)))

    def _column(self, name: str) -> Any:
        if name not in self.columns.column_names:
            near = nearest(name, self.columns.column_names)
            step = "Next: correct the name in pyproject.toml or gates.yaml"
            raise DataError(f"{self.name} has no column {name}.{near} {step}")
        return self.columns.column(name)


def _decoded(column: Any) -> Any:
    """Return a column of pandas' categories as the texts or numbers that they are."""
    is_coded = pa.types.is_dictionary(column.type)
    return pc.cast(column, column.type.value_type) if is_coded else column


def read(state: State, file: str, columns: Iterable[str]) -> Table:
    """Read some columns of a state's predictions, by the hash in its dvc.lock.

    Errors:
        DataError: the hash is unknown, neither the cache nor a remote folder has its bytes, or the
            file cannot be read.
    """
    label = f"{file} of {state.name}"
    try:
        records = state.lock.values()
    except ProjectError as error:
        raise DataError(f"{label}: {error}") from None
    outs = [out for record in records for out in record.outs if out.path == file]
    if not outs:
        raise DataError(f"{label} is not in its dvc.lock. Next: dvc repro, and commit dvc.lock")
    path = dvc_cache.store_of(state.root).find(outs[0]) or dvc_cache.fetch(state.root, outs[0])
    if path is None:
        commits = [] if state.commit is None else ["--all-commits"]
        step = shlex.join(["dvc", "fetch", *commits, file])
        raise DataError(f"{label} is not in DVC's cache. Next: {step}")
    return load(path, file, columns, label=label)


def load(path: Path, file: str, columns: Iterable[str], *, label: str = "") -> Table:
    """Read some columns of predictions; the name `file` tells whether they are CSV or Parquet.

    Errors:
        DataError: the file cannot be read.
    """
    try:
        table = _table(path, file, [*dict.fromkeys(columns)])
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{unreadable(label or file, error)}. Next: dvc checkout {shlex.quote(file)}"
        ) from None
    return Table(label or file, table)


def _table(path: Path, file: str, columns: Sequence[str]) -> Any:
    if file.endswith(".csv"):
        return csv.read_csv(path)
    names = parquet.read_schema(path).names
    # All columns where one is missing, so that the message can name the nearest.
    is_complete = all(name in names for name in columns)
    return parquet.read_table(path, columns=list(columns) if is_complete else None)


def common_rows(old: Table, new: Table, key: Sequence[str]) -> tuple[Table, Table]:
    """Return the rows that both tables have, by their keys, in the old table's order.

    Errors:
        DataError: a key names more than one row, or has another type in the other table.
    """
    before, after = (pa.table({name: side._column(name) for name in key}) for side in (old, new))
    if before.equals(after):
        return old, new
    first, second = _codes(before, after)
    for codes, table in ((first, old), (second, new)):
        if len(np.unique(codes)) < len(codes):
            raise DataError(
                f"{table.name}: {', '.join(key)} do not tell its rows apart."
                " Next: name a key in pyproject.toml that stands once"
            )
    _, old_rows, new_rows = np.intersect1d(first, second, assume_unique=True, return_indices=True)
    order = np.argsort(old_rows)
    return old.take(old_rows[order]), new.take(new_rows[order])


def _codes(old: Any, new: Any) -> tuple[Codes, Codes]:
    """Return a number for each row of both tables, the same for equal rows."""
    codes = np.zeros(old.num_rows + new.num_rows, dtype="int64")
    for name in old.column_names:
        try:
            cast = pc.cast(new.column(name), old.column(name).type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            raise DataError(
                f"the key {name} is of another type in either state. Next: write it as one type"
            ) from None
        joined = pa.chunked_array([*old.column(name).chunks, *cast.chunks], cast.type)
        encoded = pc.dictionary_encode(joined, null_encoding="encode").combine_chunks()
        mixed = codes * len(encoded.dictionary) + np.asarray(encoded.indices, dtype="int64")
        # Numbered anew for each column, or the products of many columns would overflow.
        _, codes = np.unique(mixed, return_inverse=True)
    return codes[: old.num_rows], codes[old.num_rows :]
