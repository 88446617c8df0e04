"""What is in a column of a Parquet file, read in batches: memory does not grow with the rows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

BATCH = 1 << 17
"""Rows that are looked at together."""
SAMPLE = 1_000_000
"""Rows that quantiles, top values and drift are taken from; of a shorter table, all."""
CUT = 200
"""Bytes of a text by which it is told from others."""
TOP = 5
"""Values that are told of a text column."""


class Kind(StrEnum):
    """How a column is described."""

    NUMBER = "number"
    TIME = "time"
    WORDS = "words"
    OTHER = "other"


@dataclass(frozen=True)
class Column:
    """A column of one side: what is said of it, and a sample (without what is missing)."""

    kind: Kind
    facts: dict[str, object]
    sample: Any
    sampled: int
    """Rows that were drawn, with those that miss the value."""


def kind(type_: pa.DataType) -> Kind:
    """Return how a column of a type is described; nested and binary ones by what is missing."""
    if isinstance(type_, pa.DictionaryType):
        return kind(type_.value_type)
    is_ = pa.types
    if is_.is_integer(type_) or is_.is_floating(type_) or is_.is_decimal(type_):
        return Kind.NUMBER
    if is_.is_temporal(type_):
        return Kind.TIME if not is_.is_interval(type_) else Kind.OTHER
    texts = (is_.is_string, is_.is_large_string, is_.is_string_view, is_.is_boolean)
    return Kind.WORDS if any(test(type_) for test in texts) else Kind.OTHER


def look(file: pq.ParquetFile, name: str, *, seed: int = 0) -> Column:
    """Describe a column of a file.

    Counted in full: `missing` (share of rows; NaN is missing), `mean` (of what is finite) and
    `infinite` (share, where there are any). Of a seeded random sample of about SAMPLE rows, or of
    all where there are no more: `p05`, `median`, `p95`, or the `top` values with their shares.
    """
    type_ = file.schema_arrow.field(file.schema_arrow.names.index(name)).type
    described = kind(type_)
    rows = file.metadata.num_rows
    draw = _draw(rows, seed)
    if described in (Kind.NUMBER, Kind.TIME):
        return _numbers(batches(file, name), described, rows, draw, _shown(type_))
    if described is Kind.WORDS:
        return _words(batches(file, name), rows, draw)
    nulls = sum(batch.null_count for batch in batches(file, name))
    return Column(described, {"missing": _share(nulls, rows)}, None, 0)


def batches(file: pq.ParquetFile, name: str) -> Iterator[pa.Array]:
    """Yield a column in pieces of BATCH rows, whatever the file's own groups of rows are."""
    held: list[pa.Array] = []
    for batch in file.iter_batches(batch_size=BATCH, columns=[name]):
        array = batch.column(batch.schema.names.index(name))
        # Categories come group by group, each with a dictionary of its own.
        plain = array.dictionary_decode() if isinstance(array, pa.DictionaryArray) else array
        held.append(plain)
        if sum(map(len, held)) >= BATCH:
            whole = pa.concat_arrays(held)
            yield whole[:BATCH]
            held = [whole[BATCH:]]
    if any(map(len, held)):
        yield pa.concat_arrays(held)


def same(old: pq.ParquetFile, new: pq.ParquetFile, name: str) -> bool:
    """Tell whether a column holds the same values in the same order; reads no further than that."""
    if old.metadata.num_rows != new.metadata.num_rows:
        return False
    pairs = zip(batches(old, name), batches(new, name), strict=True)
    return all(one.type == other.type and _equal(one, other) for one, other in pairs)


def _draw(rows: int, seed: int) -> Callable[[int], Any]:
    """Return what says which of the next rows are in the sample: the same ones in equal tables."""
    if rows <= SAMPLE:
        return lambda length: np.ones(length, dtype=bool)
    generator, share = np.random.default_rng(seed), SAMPLE / rows
    return lambda length: generator.random(length) < share


def _share(count: int, rows: int) -> float | None:
    return count / rows if rows else None


def _equal(one: pa.Array, other: pa.Array) -> bool:
    if pa.types.is_floating(one.type):  # to Arrow a NaN is like nothing, itself not excepted
        left, right = (array.to_numpy(zero_copy_only=False) for array in (one, other))
        return bool(np.array_equal(left, right, equal_nan=True))
    return bool(one.equals(other))


def _numbers(
    pieces: Iterator[pa.Array],
    described: Kind,
    rows: int,
    draw: Callable[[int], Any],
    shown: Callable[[float], object],
) -> Column:
    total, finite, infinite, drawn, sampled = 0.0, 0, 0, [], 0
    for piece in pieces:
        values = _floats(piece)
        known = np.isfinite(values)
        infinite += int(np.isinf(values).sum())
        finite += int(known.sum())
        with np.errstate(over="ignore", invalid="ignore"):  # beyond all numbers there is no mean
            total += float(values[known].sum())
        taken = values[draw(len(values))]
        sampled += len(taken)
        drawn.append(taken[~np.isnan(taken)])
    sample = np.concatenate(drawn) if drawn else np.empty(0)
    facts: dict[str, object] = {"missing": _share(rows - finite - infinite, rows)}
    facts |= {"mean": shown(total / finite) if finite else None}
    facts |= _quantiles(sample[np.isfinite(sample)], shown)
    facts |= {"infinite": infinite / rows} if infinite else {}
    return Column(described, facts, sample, sampled)


def _floats(piece: pa.Array) -> Any:
    """Return an array as float64, NaN where a value is missing; times count from their epoch."""
    type_ = piece.type
    if pa.types.is_temporal(type_):
        piece = piece.cast(pa.int32() if type_.bit_width == 32 else pa.int64())
    if piece.type != pa.float64():
        piece = pc.cast(piece, pa.float64(), safe=False)
    return piece.to_numpy(zero_copy_only=False)


def _quantiles(values: Any, shown: Callable[[float], object]) -> dict[str, object]:
    if not len(values):
        return dict.fromkeys(("p05", "median", "p95"))
    # A quantile between two values may lie beyond all numbers; one of the values themselves cannot.
    found = np.quantile(values, [0.05, 0.5, 0.95], method="inverted_cdf")
    return dict(zip(("p05", "median", "p95"), map(shown, found), strict=True))


def _shown(type_: pa.DataType) -> Callable[[float], object]:
    """Return what writes a number as the type of its column would: a time as a date."""
    if isinstance(type_, pa.DictionaryType):
        return _shown(type_.value_type)
    if not pa.types.is_temporal(type_):
        return lambda value: float(value) if np.isfinite(value) else None
    if pa.types.is_duration(type_):
        unit = {"s": 1, "ms": 1e3, "us": 1e6, "ns": 1e9}[type_.unit]
        return lambda value: float(value) / unit
    plain = pa.timestamp(type_.unit) if pa.types.is_timestamp(type_) else type_
    zone = " UTC" if getattr(type_, "tz", None) else ""
    whole = pa.int32() if type_.bit_width == 32 else pa.int64()
    return lambda value: _moment(pa.scalar(round(value), whole), plain) + zone


def _moment(value: pa.Scalar, type_: pa.DataType) -> str:
    text = str(value.cast(type_).cast(pa.string()).as_py())
    return text.rstrip("0").rstrip(".") if "." in text else text


def _words(pieces: Iterator[pa.Array], rows: int, draw: Callable[[int], Any]) -> Column:
    missing, sampled, drawn = 0, 0, []
    for piece in pieces:
        missing += piece.null_count
        taken = piece.filter(pa.array(draw(len(piece))))
        sampled += len(taken)
        text = taken.drop_null().cast(pa.large_string()).cast(pa.large_binary())
        drawn.append(pc.binary_slice(text, 0, CUT))
    sample = pa.chunked_array(drawn, pa.large_binary())
    found = top(sample, TOP)
    common = [[text.decode("utf-8", "replace"), count / sampled] for text, count in found]
    return Column(Kind.WORDS, {"missing": _share(missing, rows), "top": common}, sample, sampled)


def top(sample: pa.ChunkedArray, most: int) -> list[tuple[bytes, int]]:
    """Return the commonest values with their counts; of equally common ones the first by name."""
    counts = pa.Table.from_struct_array(pc.value_counts(sample))
    ordered = counts.sort_by([("counts", "descending"), ("values", "ascending")])
    return [(row["values"], row["counts"]) for row in ordered.slice(0, most).to_pylist()]
