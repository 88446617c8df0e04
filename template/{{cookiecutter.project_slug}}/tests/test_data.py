"""Files that are missing, broken or not what was published: a clear word, and the next step."""

from pathlib import Path

import pandas as pd
import pytest
from headrace.errors import DataError, MetricError

from study import data, paths


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the study's paths start in an empty folder."""
    monkeypatch.setattr(paths, "root", tmp_path)
    return tmp_path


def test_a_table_comes_back_as_it_was_written(here: Path, table: pd.DataFrame) -> None:
    data.write(table, here / "table.parquet")
    pd.testing.assert_frame_equal(data.read(here / "table.parquet"), table)


def test_the_same_table_gives_the_same_bytes(here: Path, table: pd.DataFrame) -> None:
    for name in ("one.parquet", "two.parquet"):
        data.write(table, here / name)
    assert (here / "one.parquet").read_bytes() == (here / "two.parquet").read_bytes()


def test_a_missing_table_says_what_to_do(here: Path) -> None:
    with pytest.raises(DataError, match=r"data/flights\.parquet is missing\. Next: dvc checkout"):
        data.read(here / "data/flights.parquet")


@pytest.mark.parametrize("kept", [0, 3, 1000])
def test_a_truncated_table_says_what_to_do(here: Path, table: pd.DataFrame, kept: int) -> None:
    path = here / "table.parquet"
    data.write(table, path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match=r"table\.parquet cannot be read as Parquet.*Next: delete"):
        data.read(path)


def test_a_month_without_flights_is_named(table: pd.DataFrame) -> None:
    with pytest.raises(DataError, match=r"months \[5\] have no rows.*collect\.months"):
        data.keep_months(table[table["month"] != 5], [4, 5, 6])


def test_a_source_table_that_was_changed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(data.SHA256, "planes.csv", "0" * 64)
    with pytest.raises(DataError, match=r"planes\.csv is not the table that was published"):
        data.source_table("planes.csv")


def test_a_write_that_fails_leaves_the_old_table(here: Path, table: pd.DataFrame) -> None:
    path = here / "table.parquet"
    data.write(table, path)
    before = path.read_bytes()
    mixed = pd.DataFrame({"a": [1, "x", object()]})
    with pytest.raises(Exception, match=r"object|convert"):
        data.write(mixed, path)
    assert path.read_bytes() == before
    assert [path.name for path in here.iterdir()] == ["table.parquet"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "0.7", None, True])
def test_a_metric_that_is_no_finite_number_is_named_and_not_written(
    here: Path, value: object
) -> None:
    with pytest.raises(MetricError, match=r"model\.roc_auc"):
        data.write_metrics({"flights": 3, "model": {"roc_auc": value}}, here / "m.json")
    assert not (here / "m.json").exists()
