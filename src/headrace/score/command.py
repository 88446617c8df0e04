"""The command `headrace score`: rows in, predictions out, refused rows aside with their reasons."""

import argparse
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from headrace.bundle.load import Bundle
from headrace.bundle.model_service import Champion
from headrace.core import atomic, tables
from headrace.errors import DataError
from headrace.schema.validate import judge, refuse_lacking
from headrace.score import paths

ADDED = ("prediction", "positive")
REASON = ("row", "reason")
BAR = 30


def run(champion: Champion, args: argparse.Namespace) -> int:
    """Score a file by a bundle, and return 1 where a row is refused.

    Both files, of answers and of refused rows, are written whole or not at all.

    Errors:
        DataError: a file cannot be read or written, or has not the columns.
    """
    aside = paths.aside(args.rows, args.scored)
    counts: list[int] = []

    def write(good: Path) -> None:
        atomic.write_whole(
            aside, lambda bad: counts.extend(_score(champion.bundle, args, good, bad))
        )

    try:
        atomic.write_whole(args.scored, write)
    except (pa.ArrowException, OSError) as error:
        step = "Nothing was written. Next: make room, or name another OUT"
        said = f"{args.scored} cannot be written: {tables.reason(error)}"
        raise DataError(f"{said}. {step}") from None
    scored, refused = counts
    print(f"{scored:,} rows scored by {champion.label}: {args.scored}")
    if not refused:
        aside.unlink()
        return 0
    print(f"{refused:,} rows refused, each with its reason: {aside}")
    return 1


def _score(bundle: Bundle, args: argparse.Namespace, good: Path, bad: Path) -> tuple[int, int]:
    suffix, done = args.scored.suffix, 0
    with tables.Writer(good, suffix) as scored, tables.Writer(bad, suffix) as refused:
        for part, share in _parts(args.rows):
            right, wrong = _judged(bundle, part, done)
            scored.write(right)
            refused.write(wrong)
            done += part.num_rows
            _show(done, share)
    if not done:
        raise DataError(f"{args.rows.name} has no rows. Next: see what wrote it")
    return scored.rows, refused.rows


def _parts(path: Path) -> Iterator[tuple[pa.Table, float]]:
    try:
        yield from tables.parts(path)
    except DataError as error:
        raise DataError(f"{error}. Next: see what wrote it") from None


def _judged(bundle: Bundle, part: pa.Table, first: int) -> tuple[pa.Table, pa.Table]:
    """Return the rows that are answered, and those that are not."""
    _refuse_taken(part.column_names)
    refuse_lacking(part.column_names, bundle.schema)
    asked = tables.frame(part.select([*bundle.schema["properties"]]))
    inputs, reasons = judge(asked, bundle.schema)
    fine = (reasons == "").to_numpy()
    right, wrong = part.filter(pa.array(fine)), part.filter(pa.array(~fine))
    for name, values in _answers(bundle, inputs[fine]):
        right = right.append_column(name, pa.array(values))
    numbers = np.flatnonzero(~fine) + first + 1
    wrong = wrong.append_column("reason", pa.array(reasons[~fine].to_list(), pa.string()))
    return right, wrong.add_column(0, "row", pa.array(numbers))


def _refuse_taken(names: list[str]) -> None:
    """Refuse columns that are there twice, or would be with those that are written."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"The rows have the column {twice[0]} twice. Next: rename one")
    taken = [name for name in (*ADDED, *REASON) if name in names]
    if taken:
        raise DataError(f"The rows have a column {taken[0]} already. Next: rename it")


def _answers(bundle: Bundle, inputs: Any) -> Iterator[tuple[str, Any]]:
    predicted = bundle.predict(inputs) if len(inputs) else np.empty(0)
    yield "prediction", predicted
    threshold = bundle.facts.get("threshold")
    if threshold is not None:
        yield "positive", predicted >= threshold


def _show(done: int, share: float) -> None:
    """Draw a bar where somebody looks."""
    if not sys.stderr.isatty():
        return
    filled = "█" * int(BAR * share)
    line = f"\r\x1b[K  {filled:<{BAR}} {share:4.0%}  {done:,} rows"
    sys.stderr.write(line[: shutil.get_terminal_size().columns + 3] + ("\n" if share >= 1 else ""))
    sys.stderr.flush()
