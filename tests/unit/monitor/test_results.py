"""The monitor's tables are read with names as text, and its pictures work without a batch."""

from pathlib import Path

import pandas as pd

from headrace.monitor import pictures, results


def test_the_name_of_a_batch_is_never_read_as_a_number(tmp_path: Path) -> None:
    path = tmp_path / "notes.csv"
    path.write_text("batch,says,share\n01,nothing,0.5\n1e5,,\nNA,x,1\n", "utf-8")
    table = results.table(path)
    assert table["batch"].tolist() == ["01", "1e5", "NA"]
    assert table["says"].isna().tolist() == [False, True, False]
    assert table["share"].dtype == "float64"
    assert table.columns.tolist() == ["batch", "says", "share"]
    path.write_text("batch\n", "utf-8")
    assert results.table(path).empty


def test_pictures_of_no_batch_say_how_one_comes_in() -> None:
    empty = pd.DataFrame({"batch": []})
    for picture in (
        pictures.moved(empty),
        pictures.money(pd.DataFrame(), pd.DataFrame(), pd.Series(dtype=float)),
    ):
        (axes,) = picture.axes
        assert [text.get_text() for text in axes.texts] == [pictures.NOTHING]
        assert axes.get_title(loc="left")
