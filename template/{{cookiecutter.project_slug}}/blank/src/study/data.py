"""The only module that opens files: the raw table, and the study's own."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from headrace.bundle import skops_io
from headrace.core import atomic, metrics
from headrace.errors import DataError
from headrace.report import mpl_style
from matplotlib.figure import Figure

from study import paths


def read_raw() -> pd.DataFrame:
    """Read the raw table as it came, with the number of each row, from 1, as `row`.

    Errors:
        DataError: the file is missing, or is not as it was.
    """
    where = paths.raw.relative_to(paths.root)
    try:
        table = pd.read_csv(paths.raw)
    except FileNotFoundError:
        raise DataError(f"{where} is missing. Next: dvc pull, or dvc checkout") from None
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{where} cannot be read ({error}). Next: correct read_raw") from None
    return table.assign(row=range(1, len(table) + 1))


def read(path: Path) -> pd.DataFrame:
    """Read a Parquet table of the study.

    Errors:
        DataError: the file is missing, or is not a whole Parquet file.
    """
    where = path.relative_to(paths.root)
    try:
        return pd.read_parquet(path)
    except FileNotFoundError:
        raise DataError(f"{where} is missing. Next: dvc checkout, or dvc repro") from None
    except (OSError, ValueError) as error:
        raise DataError(
            f"{where} cannot be read as Parquet ({error}). Next: delete it, then dvc checkout"
        ) from None


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a table as Parquet, whole or not at all."""
    atomic.write_whole(path, lambda temporary: table.to_parquet(temporary, index=False))


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a small table as CSV, whole or not at all; DVC draws its plots from these."""
    atomic.write_whole(path, lambda temporary: table.to_csv(temporary, index=False))


def write_plots(
    folder: Path, tables: Mapping[str, pd.DataFrame], pictures: Mapping[str, Figure]
) -> None:
    """Write what DVC draws and shows: `TABLE.csv` and `PICTURE.svg`."""
    for name, table in tables.items():
        write_csv(table, folder / f"{name}.csv")
    for name, picture in pictures.items():
        mpl_style.write(picture, folder / f"{name}.svg")


def read_metrics(path: Path) -> dict[str, Any]:
    """Read a metrics file that an earlier stage wrote."""
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        where = path.relative_to(paths.root)
        raise DataError(f"{where} cannot be read ({error}). Next: dvc repro") from None
    return found


def write_metrics(values: Mapping[str, Any], path: Path) -> None:
    """Write metrics as JSON.

    Errors:
        MetricError: a value is NaN or infinite, or no number; it is named and nothing is written.
    """
    metrics.write(values, path)


def read_model(path: Path, *, trusted: Sequence[str]) -> Any:
    """Load a model that `write_model` wrote; only types that skops or `trusted` names are loaded.

    Errors:
        DataError: the file is missing, is no model file, or holds another type.
    """
    return skops_io.read(path, trusted=trusted)


def write_model(model: object, path: Path) -> None:
    """Write a fitted scikit-learn model: the same model gives the same bytes."""
    skops_io.write(model, path)
