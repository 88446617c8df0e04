"""A batch as it is stored: names, columns, types."""

from pathlib import Path

import pandas as pd
import pytest
from batches import SCHEMA, SPEC, rows

from headrace.errors import DataError, HeadraceError
from headrace.ingest import batch, command


def test_an_input_has_its_type_or_stays_text_where_a_value_is_invalid() -> None:
    text = rows().astype({"seats": object}).assign(seats=["100", "many", None, "180"])
    invalid = batch.normalize(text, SCHEMA, SPEC)
    assert invalid["seats"].tolist()[:2] == ["100", "many"]
    valid = batch.normalize(rows(seats=["100", "200", "", "180"]), SCHEMA, SPEC)
    assert valid["seats"].dtype == "float64"
    assert valid["seats"].isna().tolist() == [False, False, True, False]
    assert [*valid.columns] == ["carrier", "seats", "day", "id"]


def test_a_row_is_a_number_only_where_a_request_has_it() -> None:
    seat = ["1A", "1B", "1C", "1D"]
    assert batch.normalize(rows(row=seat), SCHEMA, SPEC)["row"].tolist() == seat
    with pytest.raises(DataError, match=r"row is '1A' in row 1: not a number \(and 3 more rows\)"):
        batch.normalize(rows(row=seat, request="a"), SCHEMA, SPEC)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "-x", "a\nb", "2013 10", "é"])
def test_a_batch_has_a_name_that_is_safe_as_a_file(name: str) -> None:
    with pytest.raises(HeadraceError, match="Next: use letters"):
        batch.file_name(name)


def test_a_duplicate_column_is_refused() -> None:
    twice = pd.concat([rows(), rows()[["carrier"]]], axis=1)
    with pytest.raises(DataError, match="The column carrier is there twice"):
        batch.normalize(twice, SCHEMA, SPEC)


def test_a_csv_and_a_parquet_file_give_the_same_batch(tmp_path: Path) -> None:
    table = rows(late=[True, None, False, True])
    table.to_csv(tmp_path / "a.csv", index=False)
    table.assign(day=table["day"].dt.as_unit("us")).to_parquet(tmp_path / "a.parquet")
    joined = [
        batch.normalize(command.read_file(tmp_path / f"a.{kind}"), SCHEMA, SPEC)
        for kind in ("csv", "parquet")
    ]
    pd.testing.assert_frame_equal(*joined)
