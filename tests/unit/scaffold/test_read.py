"""Tables as people have them are read as they are meant, and what is no table is refused."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from headrace.errors import DataError
from headrace.scaffold import read, text_file

FRAME = pd.DataFrame(
    {
        "price €": [1.5, 1234.25, -3.0, 0.5],
        "sold": pd.to_datetime(["2026-01-31", "2026-02-28", "2026-03-01", "2026-12-24"]),
        "place": ["Köln", "Łódź", 'a "b"; c, d', "x"],
        "rooms": [1, 2, 3, 4],
    }
)


def again(path: Path, found: read.Reading) -> pd.DataFrame:
    """Read a file as the study will: by the function and the options that were found."""
    table: pd.DataFrame = getattr(pd, found.function)(path, **found.options)
    for name, form in found.dates.items():
        table[name] = pd.to_datetime(table[name], format=form)
    return table


@pytest.mark.parametrize("sep", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("date", ["%Y-%m-%d", "%d.%m.%Y", "%Y-%m-%dT%H:%M:%S", "%d %b %Y"])
def test_a_text_file_is_read_as_it_was_meant(
    tmp_path: Path, sep: str, encoding: str, date: str
) -> None:
    frame = FRAME.replace("Łódź", "Åre") if encoding == "cp1252" else FRAME
    decimal = "," if sep != "," else "."
    path = tmp_path / "table.csv"
    dated = frame.assign(sold=frame["sold"].dt.strftime(date))
    dated.to_csv(path, index=False, sep=sep, encoding=encoding, decimal=decimal)
    found = read.read(path)
    pd.testing.assert_frame_equal(found.table, frame, check_dtype=False)
    pd.testing.assert_frame_equal(again(path, found), found.table)


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_parquet_and_json_lines_are_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"table.{kind}"
    if kind == "parquet":
        FRAME.to_parquet(path)
    else:
        days = FRAME["sold"].dt.strftime("%Y-%m-%d")
        FRAME.assign(sold=days).to_json(path, orient="records", lines=True)
    found = read.read(path)
    pd.testing.assert_frame_equal(found.table, FRAME, check_dtype=False)
    pd.testing.assert_frame_equal(again(path, found), found.table)


def test_a_column_of_numbers_with_marks_for_gaps_is_of_numbers(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("age,name\n31,a\n?,b\nunknown,c\n25,d\n40,e\n")
    found = read.read(path)
    assert found.table["age"].tolist()[::3] == [31, 25]
    assert found.table["age"].isna().sum() == 2
    assert found.options == {"na_values": ["?", "unknown"]}
    assert found.notes == ("'?', 'unknown' are a gap",)
    pd.testing.assert_frame_equal(again(path, found), found.table)


def test_words_among_numbers_make_a_column_of_text(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("size,name\n31,a\nlarge,b\n25,d\n40,e\n")
    assert read.read(path).table["size"].tolist() == ["31", "large", "25", "40"]


def test_a_file_without_names_gets_some(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("5.1,3.5,setosa\n4.9,3.0,setosa\n7.0,3.2,versicolor\n")
    found = read.read(path)
    assert [*found.table] == ["column_1", "column_2", "column_3"]
    assert len(found.table) == 3
    assert "the columns are numbered" in found.notes[0]
    pd.testing.assert_frame_equal(again(path, found), found.table)


def test_day_and_month_that_may_be_exchanged_are_said(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("day,x\n01/02/2026,1\n03/04/2026,2\n")
    (note,) = read.read(path).notes
    assert note == "'day': day and month may be exchanged; read as %d/%m/%Y"
    path.write_text("day,x\n01/02/2026,1\n03/14/2026,2\n")
    assert read.read(path).dates == {"day": "%m/%d/%Y"}


def test_of_a_large_file_the_first_rows_are_looked_at_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_file, "SAMPLE_BYTES", 100)
    monkeypatch.setattr(text_file, "ROWS", 50)
    path = tmp_path / "table.csv"
    pd.DataFrame({"a": range(1000), "b": range(1000)}).to_csv(path, index=False)
    found = read.read(path)
    assert len(found.table) == 50
    assert "only its first 50 rows" in found.notes[0]
    assert found.options == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"a,b\n", "has no rows"),
        (b"a\n1\n2\n", "has a single column"),
        (b"a,b,a\n1,2,3\n", "stands twice"),
        (b"\x00\x01\x02PK", "is no text"),
        (b"# made by x\na,b\n1,2\n", "1 names in its first line, and 2 values in row 2"),
        (b"a,b\n1,2,3,4\n1,2\n", "2 names in its first line, and 4 values in row 2"),
    ],
)
def test_what_is_no_table_is_refused_with_the_next_step(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as error:
        read.read(path)
    assert "Next: " in str(error.value)


@pytest.mark.parametrize("name", ["missing.csv", "missing.parquet", "."])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="Next: "):
        read.read(tmp_path / name)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "has no file"),
        ({"a.csv": "x,y\n1,2\n", "b.txt": "x,y\n1,2\n"}, "files of 2 kinds"),
        ({"a.csv": "x,y\n1,2\n", "b.csv": "x,z\n1,2\n"}, "b.csv has other columns than a.csv"),
        ({"a.csv": "x,y\n1,2\n", "b.csv": "x;y\n1;2\n"}, "b.csv is written in another way"),
    ],
)
def test_a_folder_of_unlike_files_is_refused(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message) as error:
        read.read(tmp_path)
    assert "Next: " in str(error.value)


@pytest.mark.parametrize(
    ("text", "column", "values", "note"),
    [
        ("lat;price\n52.0035;1.574,04\n53.1;9,5\n", "lat", ["52.0035", "53.1"], "are not those of"),
        ("uhr;price\n08.00;1.574,04\n09.30;9,5\n", "uhr", ["08.00", "09.30"], "are not those of"),
        ("sum;n\n1.534;1\n2.100;2\n", "sum", [1.534, 2.1], "may be those of thousands"),
        ("sum;n\n1.500;2,5\n2.100;1.000,0\n", "sum", [1500, 2100], ""),
        ("zip,n\n01067,1\n80331,2\n", "zip", ["01067", "80331"], "may begin with 0"),
        ("land,n\nNA,1\nDE,2\n", "land", [None, "DE"], "NA, one of its codes"),
        ("land,2019,2020\na,1.5,2\nb,2.5,3\n", "2019", [1.5, 2.5], ""),
        ("a,b,c\n1,2,x,\n3,4,y,\n", "a", [1, 3], ""),
        ("day,n\n01/31/2020 02:30 PM,1\n02/01/2020 03:00 AM,2\n", "n", [1, 2], ""),
    ],
)
def test_signs_mean_what_they_mean_in_their_column(
    tmp_path: Path, text: str, column: str, values: list[Any], note: str
) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text)
    found = read.read(path)
    assert [None if pd.isna(value) else value for value in found.table[column]] == values
    assert note in " ".join(found.notes)
    assert bool(note) == bool(found.notes)
    pd.testing.assert_frame_equal(again(path, found), found.table)


def test_columns_of_json_may_be_called_by_numbers(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    path.write_text('[{"1": 0, "2": 1}, {"1": 2, "2": 3}]')
    assert [*read.read(path).table] == ["1", "2"]


def test_days_of_parquet_are_dates(tmp_path: Path) -> None:
    days = pd.date_range("2026-01-01", periods=3)
    path = tmp_path / "table.parquet"
    pd.DataFrame({"day": days.date, "n": [1, 2, 3]}).to_parquet(path)
    found = read.read(path)
    assert found.table["day"].tolist() == days.tolist()
    assert found.dates == {"day": ""}
