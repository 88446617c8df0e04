"""A batch: its file, the columns that identify its rows, and the predictions of its rows."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_string_dtype

from headrace.bundle import load
from headrace.bundle.golden import PREDICTION
from headrace.core import tables
from headrace.core.project import Project
from headrace.errors import DataError, ProjectError, nearest, reason
from headrace.gates import reader
from headrace.gates.live import BATCH_NAME
from headrace.gates.model import NAME as GATES
from headrace.gates.model import Predictions
from headrace.ingest.types import MODEL, POSITIVE, REQUEST, coerce_columns, coerce_input
from headrace.report.text import counted
from headrace.schema import column_types
from headrace.schema.validate import require_columns, validate

FOLDER = "data/live"
TIME = "time"
"""The column of a server's log that holds when it answered."""
SHOWN = 3
CHUNK = 100_000
"""Rows that are predicted together, so that memory does not grow with the batch."""


def prediction_spec(root: Path) -> Predictions:
    """Return the block `predictions` of gates.yaml: key, label, cluster, prices.

    Errors:
        ProjectError: there is no such block.
    """
    path = root / GATES
    spec = reader.parse(path.read_bytes()).predictions if path.is_file() else None
    if spec is None:
        raise ProjectError(f"{GATES} has no block `predictions`. Next: add it, with key and label")
    return spec


def file_name(name: str) -> str:
    """Return the file of a batch, relative to the study.

    Errors:
        DataError: it is not a valid name of a batch.
    """
    if not BATCH_NAME.fullmatch(name):
        raise DataError(
            f"{name!r} is not a valid batch name. Next: use letters, digits, points, dashes and"
            " underscores, at most 100, such as 2013-10; batches are ordered by name"
        )
    return f"{FOLDER}/{name}.parquet"


def batch_names(root: Path) -> Sequence[str]:
    """Return the batches in the study's folder, in order; a killed process's partial files not."""
    stems = (path.name.removesuffix(".parquet") for path in (root / FOLDER).glob("*.parquet"))
    return sorted(stem for stem in stems if BATCH_NAME.fullmatch(stem))


def exists(root: Path, name: str) -> bool:
    """Tell whether the study has a batch of this name, pulled or not."""
    path = root / file_name(name)
    return path.exists() or path.with_name(f"{path.name}.dvc").exists()


def read(root: Path, name: str) -> pd.DataFrame:
    """Read a batch.

    Errors:
        DataError: its file is missing or broken.
    """
    path = file_name(name)
    try:
        return pd.read_parquet(root / path)
    except FileNotFoundError:
        if exists(root, name):
            raise DataError(f"{path} is missing. Next: dvc pull {path}.dvc") from None
        near = nearest(name, batch_names(root))
        step = f"name another batch, or headrace ingest FILE --batch {name}"
        raise DataError(f"There is no batch {name}.{near} Next: {step}") from None
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read ({reason(error)}). Next: dvc checkout {path}"
        ) from None


def read_parts(root: Path, name: str) -> Iterator[pd.DataFrame]:
    """Yield a batch's rows part by part; see `read`."""
    path = file_name(name)
    if not (root / path).is_file():
        read(root, name)  # raises, with the nearest name
    try:
        for part, _ in tables.parts(root / path):
            yield part.to_pandas()
    except DataError as error:
        raise DataError(f"{error}. Next: dvc checkout {path}") from None


def normalize(table: pd.DataFrame, schema: Mapping[str, Any], spec: Predictions) -> pd.DataFrame:
    """Return a batch as it is stored: the inputs in their types, then the other columns.

    An input that violates the contract is stored as it came: the monitor counts such values.

    Errors:
        DataError: there is no row, a column is missing, rows cannot be identified, or a column
            beside the inputs has a value of another type.
    """
    if not len(table):
        raise DataError("There are no rows. Next: see what wrote the file")
    duplicates = table.columns[table.columns.duplicated()]
    if len(duplicates):
        raise DataError(f"The column {duplicates[0]} is there twice. Next: remove one of them")
    require_columns(map(str, table.columns), schema)
    inputs = {name: coerce_input(table[name], rule) for name, rule in schema["properties"].items()}
    extra = [str(name) for name in table.columns if name not in inputs and name != spec.label]
    extra += [spec.label] if spec.label in table else []
    batch = pd.DataFrame({**inputs, **coerce_columns(table, extra, spec)})
    _check_key(batch, spec)
    return batch.reset_index(drop=True)


def _check_key(table: pd.DataFrame, spec: Predictions) -> None:
    """Refuse rows that neither the study's key nor request and row identify.

    A key that is known of some rows, with their labels, leaves request and row.
    """
    keys = [[*key] for key in (spec.key, REQUEST) if {*key} <= {*table.columns}]
    if not keys:
        raise DataError(
            f"Rows cannot be identified: there is neither {', '.join(spec.key)} nor"
            f" {' and '.join(REQUEST)}. Next: add the columns of one of both"
        )
    complete = (key for key in keys if not table[key].isna().any(axis=None))
    refuse_duplicates(table, next(complete, keys[0]))


def refuse_duplicates(table: pd.DataFrame, key: list[str]) -> None:
    """Refuse rows that these columns do not identify.

    Errors:
        DataError: a row lacks one of them, or two rows share all.
    """
    incomplete = table[key].isna().any(axis=1)
    if incomplete.any():
        rows = counted(int(incomplete.sum()), "row")
        raise DataError(f"{rows} without {' or '.join(key)}. Next: fill them in")
    duplicates = table.duplicated(key)
    if duplicates.any():
        examples = table.loc[duplicates, key].head(SHOWN).astype(str).agg(" ".join, axis=1)
        raise DataError(
            f"{counted(int(duplicates.sum()), 'duplicate row')}, by {', '.join(key)}:"
            f" {'; '.join(examples)}. Next: see what wrote them; a batch holds each row once"
        )


def order_notes(root: Path, name: str, table: pd.DataFrame, spec: Predictions) -> list[str]:
    """Return a note where a batch begins before the batch before it has ended."""
    earlier = [batch for batch in batch_names(root) if batch < name]
    clock = next((column for column in (spec.cluster, TIME) if column in table), "")
    if not earlier or not clock:
        return []
    before = earlier[-1]
    try:
        previous, times = read(root, before), column_types.infer(table[clock]).dropna()
        if clock not in previous or is_string_dtype(times.dtype):
            return []
        earlier_times = column_types.convert_like(previous[clock], times).dropna()
    except DataError as error:
        return [f"Whether it begins after {before} is unknown: {error}"]
    if not len(times) or not len(earlier_times) or times.min() >= earlier_times.max():
        return []
    return [
        f"It begins at {times.min()}, before {before} ends ({earlier_times.max()})."
        " Next: check that the clock is right"
    ]


def add_predictions(project: Project, table: pd.DataFrame) -> pd.DataFrame:
    """Return a batch with the predictions of the study's bundle, unless it came with its own.

    `prediction` is missing in rows that violate the contract, `positive` says whether it reaches
    the threshold, and `model` names the bundle by its manifest's hash.

    Errors:
        DataError: the bundle is missing or refused.
    """
    if PREDICTION in table:
        return table
    bundle = load.load(load.default_path(project))
    y_score = np.full(len(table), np.nan)
    for start in range(0, len(table), CHUNK):
        inputs, reasons = validate(table.iloc[start : start + CHUNK], bundle.schema)
        valid = (reasons == "").to_numpy()
        if valid.any():
            y_score[start + np.flatnonzero(valid)] = bundle.predict(inputs[valid])
    table = table.assign(**{PREDICTION: y_score})
    if (threshold := bundle.facts.get("threshold")) is not None:
        positive = pd.array(y_score >= threshold, dtype="boolean")
        positive[np.isnan(y_score)] = pd.NA
        table[POSITIVE] = positive
    model = bundle.hashed_name
    return table.assign(**{MODEL: pd.Series(model, index=table.index).where(~np.isnan(y_score))})
