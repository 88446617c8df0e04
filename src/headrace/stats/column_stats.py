"""Statistics of a column of a Parquet file, read in batches: memory does not grow with rows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

BATCH = 1 << 17
"""Rows that are read at a time."""
SAMPLE = 1_000_000
"""Rows from which quantiles, top values and drift are computed; all of a shorter table."""
CUT = 200
"""Bytes of a text that distinguish it from others."""
TOP = 5
"""Most common values that are reported of a text column."""


class Kind(StrEnum):
    """The kind of a column, which decides its statistics."""

    NUMBER = "number"
    TIME = "time"
    TEXT = "text"
    OTHER = "other"


@dataclass(frozen=True)
class Column:
    """A column of one side: its statistics, and a sample without missing values."""

    kind: Kind
    facts: dict[str, object]
    sample: Any
    sampled: int
    """Rows that were drawn, missing values among them."""


def kind_of(type_: pa.DataType) -> Kind:
    """Return the kind of a column by its type; nested and binary types are `OTHER`."""
    if isinstance(type_, pa.DictionaryType):
        return kind_of(type_.value_type)
    is_ = pa.types
    if is_.is_integer(type_) or is_.is_floating(type_) or is_.is_decimal(type_):
        return Kind.NUMBER
    if is_.is_temporal(type_):
        return Kind.TIME if not is_.is_interval(type_) else Kind.OTHER
    texts = (is_.is_string, is_.is_large_string, is_.is_string_view, is_.is_boolean)
    return Kind.TEXT if any(test(type_) for test in texts) else Kind.OTHER


def describe(file: pq.ParquetFile, name: str, *, seed: int = 0) -> Column:
    """Describe a column of a file.

    Counted in full: `missing` (share of rows; NaN is missing), `mean` (of what is finite) and
    `infinite` (share, where there are any). Of a seeded random sample of about SAMPLE rows, or of
    all where there are no more: `p05`, `median`, `p95`, or the `top` values with their shares.
    """
    type_ = file.schema_arrow.field(file.schema_arrow.names.index(name)).type
    described = kind_of(type_)
    rows = file.metadata.num_rows
    draw = _draw(rows, seed)
    if described in (Kind.NUMBER, Kind.TIME):
        return _describe_numbers(batches(file, name), described, rows, draw, _formatter(type_))
    if described is Kind.TEXT:
        return _describe_texts(batches(file, name), rows, draw)
    nulls = sum(batch.null_count for batch in batches(file, name))
    return Column(described, {"missing": _share(nulls, rows)}, None, 0)


def batches(file: pq.ParquetFile, name: str) -> Iterator[pa.Array]:
    """Yield a column in arrays of BATCH rows, whatever the file's row groups are."""
    waiting: list[pa.Array] = []
    for batch in file.iter_batches(batch_size=BATCH, columns=[name]):
        array = batch.column(batch.schema.names.index(name))
        # Each row group has a dictionary of its own.
        plain = array.dictionary_decode() if isinstance(array, pa.DictionaryArray) else array
        waiting.append(plain)
        if sum(map(len, waiting)) >= BATCH:
            joined = pa.concat_arrays(waiting)
            yield joined[:BATCH]
            waiting = [joined[BATCH:]]
    if any(map(len, waiting)):
        yield pa.concat_arrays(waiting)


def has_same_values(old: pq.ParquetFile, new: pq.ParquetFile, name: str) -> bool:
    """Tell whether a column has the same values in the same order; read up to a difference."""
    if old.metadata.num_rows != new.metadata.num_rows:
        return False
    pairs = zip(batches(old, name), batches(new, name), strict=True)
    return all(first.type == second.type and _equal(first, second) for first, second in pairs)


def _draw(rows: int, seed: int) -> Callable[[int], Any]:
    """Return a function that selects sampled rows of the next batch; the same in equal tables."""
    if rows <= SAMPLE:
        return lambda length: np.ones(length, dtype=bool)
    generator, share = np.random.default_rng(seed), SAMPLE / rows
    return lambda length: generator.random(length) < share


def _share(count: int, rows: int) -> float | None:
    return count / rows if rows else None


def _equal(first: pa.Array, second: pa.Array) -> bool:
    if pa.types.is_floating(first.type):  # in Arrow, NaN does not equal NaN
        old, new = (array.to_numpy(zero_copy_only=False) for array in (first, second))
        return bool(np.array_equal(old, new, equal_nan=True))
    return bool(first.equals(second))


def _describe_numbers(
    arrays: Iterator[pa.Array],
    kind: Kind,
    rows: int,
    draw: Callable[[int], Any],
    formatted: Callable[[float], object],
) -> Column:
    total, finite, infinite, drawn, sampled = 0.0, 0, 0, [], 0
    for array in arrays:
        values = _floats(array)
        is_finite = np.isfinite(values)
        infinite += int(np.isinf(values).sum())
        finite += int(is_finite.sum())
        with np.errstate(over="ignore", invalid="ignore"):  # a sum may overflow
            total += float(values[is_finite].sum())
        selected = values[draw(len(values))]
        sampled += len(selected)
        drawn.append(selected[~np.isnan(selected)])
    sample = np.concatenate(drawn) if drawn else np.empty(0)
    facts: dict[str, object] = {"missing": _share(rows - finite - infinite, rows)}
    facts |= {"mean": formatted(total / finite) if finite else None}
    facts |= _quantiles(sample[np.isfinite(sample)], formatted)
    facts |= {"infinite": infinite / rows} if infinite else {}
    return Column(kind, facts, sample, sampled)


def _floats(array: pa.Array) -> Any:
    """Return an array as float64, NaN where a value is missing; times count from their epoch."""
    type_ = array.type
    if pa.types.is_temporal(type_):
        array = array.cast(pa.int32() if type_.bit_width == 32 else pa.int64())
    if array.type != pa.float64():  # unsafe: an integer beyond 2**53 is rounded, not refused
        array = pc.cast(array, pa.float64(), safe=False)
    return array.to_numpy(zero_copy_only=False)


def _quantiles(values: Any, formatted: Callable[[float], object]) -> dict[str, object]:
    if not len(values):
        return dict.fromkeys(("p05", "median", "p95"))
    # Interpolation between two values may overflow; one of the values themselves cannot.
    quantiles = np.quantile(values, [0.05, 0.5, 0.95], method="inverted_cdf")
    return dict(zip(("p05", "median", "p95"), map(formatted, quantiles), strict=True))


def _formatter(type_: pa.DataType) -> Callable[[float], object]:
    """Return a function that formats a number by its column's type: a time as a date."""
    if isinstance(type_, pa.DictionaryType):
        return _formatter(type_.value_type)
    if not pa.types.is_temporal(type_):
        return lambda value: float(value) if np.isfinite(value) else None
    if pa.types.is_duration(type_):
        unit = {"s": 1, "ms": 1e3, "us": 1e6, "ns": 1e9}[type_.unit]
        return lambda value: float(value) / unit
    local = pa.timestamp(type_.unit) if pa.types.is_timestamp(type_) else type_
    zone = " UTC" if getattr(type_, "tz", None) else ""
    integer = pa.int32() if type_.bit_width == 32 else pa.int64()
    return lambda value: _time_text(pa.scalar(round(value), integer), local) + zone


def _time_text(value: pa.Scalar, type_: pa.DataType) -> str:
    text = str(value.cast(type_).cast(pa.string()).as_py())
    return text.rstrip("0").rstrip(".") if "." in text else text


def _describe_texts(arrays: Iterator[pa.Array], rows: int, draw: Callable[[int], Any]) -> Column:
    missing, sampled, drawn = 0, 0, []
    for array in arrays:
        missing += array.null_count
        selected = array.filter(pa.array(draw(len(array))))
        sampled += len(selected)
        # large: the offsets of 32 bits end at 2 GB. Binary: a sliced text may end within a letter.
        text = selected.drop_null().cast(pa.large_string()).cast(pa.large_binary())
        drawn.append(pc.binary_slice(text, 0, CUT))
    sample = pa.chunked_array(drawn, pa.large_binary())
    common = [
        [text.decode("utf-8", "replace"), count / sampled]
        for text, count in most_common(sample, TOP)
    ]
    return Column(Kind.TEXT, {"missing": _share(missing, rows), "top": common}, sample, sampled)


def most_common(sample: pa.ChunkedArray, most: int) -> list[tuple[bytes, int]]:
    """Return the most common values with their counts; ties go by the value."""
    counts = pa.Table.from_struct_array(pc.value_counts(sample))
    ordered = counts.sort_by([("counts", "descending"), ("values", "ascending")])
    return [(row["values"], row["counts"]) for row in ordered.slice(0, most).to_pylist()]
