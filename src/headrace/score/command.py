"""Score a file: rows in, predictions out, and refused rows beside them with their reasons."""

import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from headrace.bundle.load import Bundle
from headrace.bundle.model_service import Champion
from headrace.core import atomic, tables
from headrace.errors import DataError, reason
from headrace.report.text import counted
from headrace.schema.validate import require_columns, validate

ADDED = ("prediction", "positive", "row", "reason")
"""The columns that are written beside those of the rows."""
BAR = 30


def score_file(champion: Champion, rows: Path, scored: Path) -> int:
    """Score the rows of a file, and return 1 if a row is refused.

    Both files, of predictions and of refused rows, are written whole or not at all.

    Errors:
        DataError: a file cannot be read or written, or lacks a column.
    """
    refused_file = refused_path(rows, scored)
    counts: list[int] = []

    def write(valid: Path) -> None:
        # Inside: who sees the scored rows can rely on the refused ones being there.
        atomic.write_whole(
            refused_file,
            lambda invalid: counts.extend(_write(champion.bundle, rows, valid, invalid)),
        )

    try:
        atomic.write_whole(scored, write)
    except (pa.ArrowException, OSError) as error:
        step = "Nothing was written. Next: free disk space, or name another OUT"
        raise DataError(f"{scored} cannot be written: {reason(error)}. {step}") from None
    print(f"{counted(counts[0], 'row')} scored by {champion.label}: {scored}")
    if not counts[1]:
        refused_file.unlink()
        return 0
    print(f"{counted(counts[1], 'row')} refused, each with its reason: {refused_file}")
    return 1


def refused_path(rows: Path, scored: Path) -> Path:
    """Return the file of the refused rows, beside that of the scored ones.

    Errors:
        DataError: a file has an unknown format, would be overwritten, or is a folder.
    """
    for path in (rows, scored):
        tables.kind(path)
    refused_file = scored.with_name(f"{scored.stem}.refused{scored.suffix}")
    step = "Next: name another OUT"
    if _is_same_file(rows, scored):
        raise DataError(f"{scored} would be overwritten while it is read. {step}")
    if _is_same_file(rows, refused_file):
        raise DataError(f"{refused_file} would be overwritten with the refused rows. {step}")
    if _is_same_file(scored, refused_file):
        raise DataError(f"{scored} and {refused_file} are the same file. {step}")
    for path in (scored, refused_file):
        if path.is_dir():
            raise DataError(f"{path} is a folder. {step}")
    return refused_file


def _is_same_file(first: Path, second: Path) -> bool:
    """Tell whether two paths lead to one file, also through links."""
    if first.exists() and second.exists():
        return first.samefile(second)
    return first.resolve() == second.resolve()


def _write(bundle: Bundle, rows: Path, valid_path: Path, invalid_path: Path) -> tuple[int, int]:
    """Write scored and refused rows part by part, and return how many there are of each."""
    offset = 0
    with (
        tables.Writer(valid_path, valid_path.suffix) as valid_writer,
        tables.Writer(invalid_path, invalid_path.suffix) as invalid_writer,
    ):
        for part, share in _parts(rows):
            valid, invalid = _score(bundle, part, offset)
            valid_writer.write(valid)
            invalid_writer.write(invalid)
            offset += part.num_rows
            _show_progress(offset, share)
    if not offset:
        raise DataError(f"{rows.name} has no rows. Next: check the program that wrote it")
    return valid_writer.rows, invalid_writer.rows


def _parts(path: Path) -> Iterator[tuple[pa.Table, float]]:
    try:
        yield from tables.parts(path)
    except DataError as error:
        raise DataError(f"{error}. Next: check the program that wrote it") from None


def _score(bundle: Bundle, part: pa.Table, offset: int) -> tuple[pa.Table, pa.Table]:
    """Return the rows with predictions, and those that are refused; `offset` rows came before."""
    _require_new_columns(part.column_names)
    require_columns(part.column_names, bundle.schema)
    # Only the inputs become a DataFrame; the user's other columns pass through as they are.
    table = tables.frame(part.select([*bundle.schema["properties"]]))
    inputs, reasons = validate(table, bundle.schema)
    is_valid = (reasons == "").to_numpy()
    valid, invalid = part.filter(pa.array(is_valid)), part.filter(pa.array(~is_valid))
    for name, values in _predictions(bundle, inputs[is_valid]):
        valid = valid.append_column(name, pa.array(values))
    numbers = np.flatnonzero(~is_valid) + offset + 1
    texts = pa.array(reasons[~is_valid].to_list(), pa.string())
    return valid, invalid.append_column("reason", texts).add_column(0, "row", pa.array(numbers))


def _require_new_columns(names: list[str]) -> None:
    """Refuse columns that are there twice, or would be with those that are written."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"The rows have the column {twice[0]} twice. Next: rename one")
    reserved = [name for name in ADDED if name in names]
    if reserved:
        raise DataError(f"The rows have a column {reserved[0]} already. Next: rename it")


def _predictions(bundle: Bundle, inputs: pd.DataFrame) -> Iterator[tuple[str, Any]]:
    predictions = bundle.predict(inputs) if len(inputs) else np.empty(0)
    yield "prediction", predictions
    threshold = bundle.facts.get("threshold")
    if threshold is not None:
        yield "positive", predictions >= threshold


def _show_progress(rows: int, share: float) -> None:
    """Draw a progress bar on a terminal."""
    if not sys.stderr.isatty():
        return
    filled = "█" * int(BAR * share)
    line = f"\r\x1b[K  {filled:<{BAR}} {share:4.0%}  {rows:,} rows"
    # A line that wraps could not be overwritten; the first four characters take no column.
    sys.stderr.write(line[: shutil.get_terminal_size().columns + 3] + ("\n" if share >= 1 else ""))
    sys.stderr.flush()
