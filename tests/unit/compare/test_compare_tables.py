"""Promises about the tables that changed, with real Parquet, real git and a real cache."""

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cached_study import CachedStudy

from headrace.compare import tables
from headrace.compare.model import ColumnChange, TableChange
from headrace.stats import column_stats, histogram
from headrace.stats.histogram import population_stability_index
from lab import bake


def parquet(content: dict[str, Any] | pa.Table, **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(content if isinstance(content, pa.Table) else pa.table(content), file, **options)
    return file.getvalue()


@pytest.fixture
def study(tmp_path: Path) -> CachedStudy:
    return CachedStudy(tmp_path / "study")


def changed(study: CachedStudy, old: Any, new: Any) -> TableChange:
    """Return how a table changed, from its old and its new content."""
    study.write_outputs(made__t_DOT_parquet=old if isinstance(old, bytes) else parquet(old))
    bake.commit(study.root)
    study.write_outputs(made__t_DOT_parquet=new if isinstance(new, bytes) else parquet(new))
    (table,) = study.tables()
    return table


def column(table: TableChange, name: str) -> ColumnChange:
    (column,) = [column for column in table.columns if column.name == name]
    return column


def test_rows_and_columns_that_came_and_went_are_told(study: CachedStudy) -> None:
    table = changed(study, {"a": [1, 2], "b": ["x", "y"]}, {"a": [1.0, 2.0, 3.0], "c": [1, 2, 3]})
    assert (table.path, table.old_rows, table.new_rows) == ("made/t.parquet", 2, 3)
    types = {column.name: (column.old_type, column.new_type) for column in table.columns}
    assert types == {"a": ("int64", "double"), "b": ("string", None), "c": (None, "int64")}


def test_only_columns_that_changed_are_described(study: CachedStudy) -> None:
    old = {"same": [1, 2], "nan": [np.nan, 1.0], "moved": [1, 2]}
    table = changed(study, old, old | {"moved": [1, 3]})
    assert [column.name for column in table.columns] == ["moved"]
    assert "The same row by row: same, nan (2 of 3)." in table.note


def test_other_groups_of_rows_are_no_other_values(study: CachedStudy) -> None:
    table = pa.table({"a": range(1000), "b": pa.array(["x", "y"] * 500).dictionary_encode()})
    rewritten = parquet(table, row_group_size=7, compression="zstd")
    change = changed(study, parquet(table), rewritten)
    assert change.columns == ()
    assert "All values are the same" in change.note


def test_a_number_is_described_as_numpy_would(study: CachedStudy) -> None:
    values = np.random.default_rng(0).normal(size=5001)
    change = column(changed(study, {"a": values}, {"a": [*values[:-1], None]}), "a")
    assert change.old["mean"] == pytest.approx(values.mean())
    quantiles = [change.old[name] for name in ("p05", "median", "p95")]
    assert quantiles == pytest.approx(np.quantile(values, [0.05, 0.5, 0.95], method="inverted_cdf"))
    assert change.new["missing"] == pytest.approx(1 / 5001)
    assert change.drift == pytest.approx(0, abs=0.01)


def test_words_are_described_by_the_commonest(study: CachedStudy) -> None:
    table = changed(study, {"a": [*"xxxy", None] * 40}, {"a": [*"yyyz", None] * 40})
    change = column(table, "a")
    assert change.old == {"missing": 0.2, "top": [["x", 0.6], ["y", 0.2]]}
    assert change.new == {"missing": 0.2, "top": [["y", 0.6], ["z", 0.2]]}
    assert change.drift is not None
    assert change.drift > 1


ODD: dict[str, tuple[Any, Any]] = {
    "constant": ([1] * 200, [2] * 200),
    "all_missing": (pa.nulls(200, pa.float64()), [1.0] * 200),
    "null": (pa.nulls(200), pa.array([None] * 199 + [1])),
    "infinite": ([np.inf, -np.inf, 1.0, 2.0] * 50, [np.inf, 1.0, np.nan, 2.0] * 50),
    "huge": ([1e308] * 200, [1e308, -1e308] * 100),
    "half": (np.arange(200, dtype="float16"), np.arange(1, 201, dtype="float16")),
    "nested": ([[1, 2], None] * 100, [[1], [2, 3]] * 100),
    "struct": ([{"x": 1}] * 200, [{"x": 2}] * 200),
    "bytes": ([b"\xff\x00"] * 200, [b"\xff\x01"] * 200),
    "bool": ([True, False] * 100, [True, True] * 100),
    "decimal": ([Decimal("1.5")] * 200, [Decimal("2.5")] * 200),
    "date": ([date(2013, 1, 1)] * 200, [date(9999, 12, 31)] * 200),
    "when": ([datetime(2013, 1, 1, tzinfo=UTC)] * 200, [datetime(2014, 1, 1, tzinfo=UTC)] * 200),
    "took": ([timedelta(seconds=90)] * 200, [timedelta(seconds=91)] * 200),
    "category": (pa.array(["a"] * 200).dictionary_encode(), pa.array(["b"] * 200)),
    "long_text": (["x" * 9999] * 200, ["x" * 9998] * 200),
    "a.b": ([1] * 200, [2] * 200),
    "": ([1] * 200, [2] * 200),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_columns_are_described(study: CachedStudy, name: str) -> None:
    old, new = ODD[name]
    table = changed(study, {name: old, "a": [0] * 200}, {name: new, "a": [0] * 200})
    change = column(table, name)
    assert set(change.old) - {"infinite"} == set(change.new) - {"infinite"} or name == "null"
    json.dumps([change.old, change.new, change.drift], allow_nan=False)


def test_an_empty_table_is_described(study: CachedStudy) -> None:
    table = changed(study, {"a": pa.array([], "int64")}, {"a": range(200)})
    assert (table.old_rows, table.new_rows) == (0, 200)
    assert column(table, "a").old["missing"] is None
    assert column(table, "a").drift is None


def test_times_are_told_as_dates(study: CachedStudy) -> None:
    old, new = ODD["when"]
    change = column(changed(study, {"at": old}, {"at": new}), "at")
    assert change.old["median"] == "2013-01-01 00:00:00 UTC"
    dates = column(changed(study, {"on": ODD["date"][0]}, {"on": ODD["date"][1]}), "on")
    assert dates.new["p95"] == "9999-12-31"


def test_infinite_values_are_counted_and_kept_out_of_the_mean(study: CachedStudy) -> None:
    old, new = ODD["infinite"]
    change = column(changed(study, {"a": old}, {"a": new}), "a")
    assert (change.old["infinite"], change.old["mean"]) == (0.5, 1.5)
    assert (change.new["infinite"], change.new["missing"]) == (0.25, 0.25)


def test_columns_of_one_name_are_no_reason_to_stop(study: CachedStudy) -> None:
    twice = [pa.Table.from_arrays([pa.array([a]), pa.array(["x"])], ["a", "a"]) for a in (1, 2)]
    table = changed(study, parquet(twice[0]), parquet(twice[1]))
    assert [column.old["mean"] for column in table.columns] == [1.0]


@pytest.mark.parametrize(("suffix", "separator"), [("csv", ","), ("tsv", "\t")])
def test_text_tables_are_compared_too(study: CachedStudy, suffix: str, separator: str) -> None:
    name = f"made__t_DOT_{suffix}"
    study.write_outputs(**{name: f"a{separator}b\n1{separator}x\n2{separator}\n".encode()})
    bake.commit(study.root)
    study.write_outputs(**{name: f"a{separator}b\n1{separator}x\n5{separator}\n".encode()})
    (table,) = study.tables()
    assert [(column.name, column.new["mean"]) for column in table.columns] == [("a", 3.0)]


def test_a_type_that_does_not_hold_is_text(
    study: CachedStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "BLOCK", 64)
    study.write_outputs(made__t_DOT_csv=b"a\n" + b"1\n" * 99)
    bake.commit(study.root)
    study.write_outputs(made__t_DOT_csv=b"a\n" + b"1\n" * 99 + b"late\n")
    (table,) = study.tables()
    assert (table.columns[0].old_type, table.columns[0].new_type) == ("int64", "string")


def test_a_cache_that_lacks_a_file_says_what_to_fetch_and_goes_on(study: CachedStudy) -> None:
    lost, readable = parquet({"a": [1]}), parquet({"b": [1]})
    study.write_outputs(made__lost_DOT_parquet=lost, made__kept_DOT_parquet=readable)
    bake.commit(study.root)
    study.cached(lost).unlink()
    study.write_outputs(
        made__lost_DOT_parquet=parquet({"a": [2]}), made__kept_DOT_parquet=parquet({"b": [2]})
    )
    complete, broken = study.tables()
    assert broken.note == (
        "made/lost.parquet of HEAD is not in DVC's cache."
        " Next: dvc fetch --all-commits made/lost.parquet"
    )
    assert (broken.old_rows, broken.new_rows, broken.columns) == (None, 1, ())
    assert len(complete.columns) == 1


@pytest.mark.parametrize("content", [b"", b"no table", b"PAR1" + b"\0" * 40 + b"PAR1"])
@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_what_is_no_table_says_so(study: CachedStudy, content: bytes, suffix: str) -> None:
    name = f"made__t_DOT_{suffix}"
    study.write_outputs(**{name: b"a,b\n1,2\n" if suffix == "csv" else parquet({"a": [1]})})
    bake.commit(study.root)
    study.write_outputs(**{name: content})
    (table,) = study.tables()
    assert table.columns or "Next:" in table.note


def test_a_table_that_breaks_off_says_so(study: CachedStudy) -> None:
    complete = parquet({"a": np.random.default_rng(0).normal(size=9999)})
    broken = complete[:4] + b"\xff" * 40_000 + complete[40_004:]
    table = changed(study, parquet({"a": [1.0] * 9999}), broken)
    assert "cannot be read as a table" in table.note


def test_a_table_that_git_alone_has_is_found(study: CachedStudy) -> None:
    (study.root / ".gitignore").write_text("/.dvc\n")
    (study.root / "plots").mkdir()
    old = b"a\n1\n"
    study.write_outputs(plots__t_DOT_csv=old)
    (study.root / "plots/t.csv").write_bytes(old)
    bake.commit(study.root)
    shutil.rmtree(study.root / ".dvc")
    study.write_outputs(plots__t_DOT_csv=b"a\n2\n")
    (table,) = study.tables()
    assert [column.old["mean"] for column in table.columns] == [1.0]


def test_a_new_table_and_one_that_is_gone_are_told(study: CachedStudy) -> None:
    study.write_outputs(made__a_DOT_parquet=parquet({"a": [1]}))
    bake.commit(study.root)
    study.write_outputs(made__a_DOT_parquet=None, made__b_DOT_parquet=parquet({"b": [1, 2]}))
    row_counts = {table.path: (table.old_rows, table.new_rows) for table in study.tables()}
    assert row_counts == {"made/a.parquet": (1, None), "made/b.parquet": (None, 2)}


def test_the_index_is_the_sum_that_its_source_gives() -> None:
    old, new = np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.4, 0.2])
    by_hand = float(((new - old) * np.log(new / old)).sum())
    assert population_stability_index(old * 10, new * 50) == pytest.approx(by_hand)
    assert population_stability_index([1, 1], [2, 2]) == 0
    assert np.isfinite(population_stability_index([1, 0], [0, 1]))


def test_a_sample_tells_nearly_what_the_whole_does(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(1).normal(size=200_000)
    files = [
        pq.ParquetFile(io.BytesIO(parquet({"a": side}))) for side in (values, values * 1.2 + 0.3)
    ]
    complete = [column_stats.describe(file, "a") for file in files]
    monkeypatch.setattr(column_stats, "SAMPLE", 20_000)
    drawn = [column_stats.describe(file, "a") for file in files]
    assert drawn[0].facts["mean"] == complete[0].facts["mean"]
    assert drawn[0].facts["median"] == pytest.approx(complete[0].facts["median"], abs=0.03)
    assert histogram.column_drift(*drawn) == pytest.approx(
        histogram.column_drift(*complete), rel=0.1
    )
    assert column_stats.describe(files[0], "a").facts == drawn[0].facts


LARGE = """
import resource, sys
import pyarrow.parquet as pq
from headrace.compare import tables
found = tables.compare_files("t", tuple(map(pq.ParquetFile, sys.argv[1:])), [])
assert len(found.columns) == 19, found
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.fixture
def large(tmp_path: Path) -> Iterator[list[Path]]:
    """Two tables of 10 million rows and 20 columns, one of them the same in both."""
    paths = []
    for seed in (1, 2):
        generator, path = np.random.default_rng(seed), tmp_path / f"{seed}.parquet"
        fields = [(f"n{number}", pa.float64()) for number in range(16)]
        fields += [("whole", pa.int64()), ("id", pa.string()), ("at", pa.timestamp("us"))]
        schema = pa.schema([*fields, ("same", pa.int64())])
        with pq.ParquetWriter(path, schema) as writer:
            for begin in range(0, 10_000_000, 1_000_000):
                numbers = [generator.normal(size=1_000_000) for _ in range(16)]
                complete = generator.integers(0, 1 << 40, 1_000_000)
                texts = pa.array(generator.integers(0, 1 << 62, 1_000_000)).cast(pa.string())
                same = np.arange(begin, begin + 1_000_000)
                content = [
                    *numbers,
                    complete,
                    texts,
                    pa.array(complete).cast(pa.timestamp("us")),
                    same,
                ]
                writer.write_table(pa.table(content, schema=schema), row_group_size=1_000_000)
        paths.append(path)
    yield paths
    for path in paths:
        path.unlink()


@pytest.mark.long
def test_ten_million_rows_need_less_than_a_gibibyte(large: list[Path]) -> None:
    result = subprocess.run(
        [sys.executable, "-c", LARGE, *map(str, large)],
        check=True,
        capture_output=True,
        text=True,
        env=bake.environment(),
    )
    assert int(result.stdout) < 1024
