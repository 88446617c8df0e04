"""A file of rows is scored as the server would answer it; what is refused is said with reasons."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.bundle import archive, golden
from headrace.errors import DataError
from headrace.score import places, tables
from headrace.score.judge import judge
from headrace.serve import mistakes, rows
from lab import bake

BUNDLE = "models/bundle.tar"


@pytest.fixture(scope="module")
def known(quick: Path) -> pd.DataFrame:
    """The golden rows with their answers, and a column that the model does not know."""
    files = archive.unseal((quick / BUNDLE).read_bytes(), "b")
    found = json.loads(files["golden.json"])
    table = golden.frame(found, json.loads(files["schema.json"]))
    return table.assign(answer=[row[golden.PREDICTION] for row in found], id=range(len(found)))


def scored(study: Path, source: Path, target: Path) -> tuple[int, str]:
    """Run `headrace score`; return its exit code and what it said."""
    done = bake.run(study, "headrace", "score", str(source), str(target), check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_file_gets_the_answers_that_the_server_gives(
    quick: Path, known: pd.DataFrame, tmp_path: Path, suffix: str
) -> None:
    source, target = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    write = {".csv": known.to_csv, ".parquet": known.to_parquet}[suffix]
    write(source, index=False)
    code, said = scored(quick, source, target)
    assert (code, said) == (0, f"100 rows scored by bundle.tar: {target}\n")
    found = pd.read_csv(target) if suffix == ".csv" else pd.read_parquet(target)
    assert (found["prediction"] == found["answer"]).all()
    assert found["id"].tolist() == list(range(100))
    assert found["positive"].dtype == bool
    assert sorted(path.name for path in tmp_path.iterdir()) == [source.name, target.name]


def test_refused_rows_are_written_aside_with_number_and_reason(
    quick: Path, known: pd.DataFrame, tmp_path: Path
) -> None:
    spoilt = known.astype(object)
    spoilt.loc[3, "temp"] = "hot"
    spoilt.loc[7, "origin"] = "SFO"
    spoilt.loc[9, "weekday"] = None
    spoilt.loc[11, "distance"] = 10.5
    spoilt.to_csv(tmp_path / "in.csv", index=False)
    code, said = scored(quick, tmp_path / "in.csv", tmp_path / "out.csv")
    assert code == 1
    assert "96 rows scored" in said
    assert "4 rows refused, each with its reason" in said
    aside = pd.read_csv(tmp_path / "out.refused.csv")
    assert list(zip(aside["row"], aside["reason"], strict=True)) == [
        (4, "temp: no number"),
        (8, "origin: none of EWR, JFK, LGA"),
        (10, "weekday: nothing is there"),
        (12, "distance: no whole number"),
    ]
    assert aside["id"].tolist() == [3, 7, 9, 11]
    fine = pd.read_csv(tmp_path / "out.csv")
    assert (fine["prediction"] == fine["answer"]).all()


def test_a_file_of_many_parts_is_scored_as_one(
    quick: Path, known: pd.DataFrame, tmp_path: Path
) -> None:
    many = pd.concat([known] * 1_100, ignore_index=True)
    assert len(many) > tables.ROWS
    many.to_parquet(tmp_path / "in.parquet", index=False, row_group_size=7_000)
    code, _ = scored(quick, tmp_path / "in.parquet", tmp_path / "out.parquet")
    found = pd.read_parquet(tmp_path / "out.parquet")
    assert code == 0
    assert (found["prediction"].to_numpy() == many["answer"].to_numpy()).all()


BAD = {
    "in.txt": ("a\n1\n", "in.txt is neither .csv nor .parquet"),
    "none.csv": (None, "none.csv cannot be read"),
    "empty.csv": ("", "empty.csv cannot be read"),
    "broken.parquet": ("PAR1", "broken.parquet cannot be read"),
    "lacks.csv": ("carrier,orign\nAA,JFK\n", "have no column origin. Did you mean orign?"),
    "ragged.csv": ("a,b\n1\n", "ragged.csv cannot be read"),
    "twice.csv": ("carrier,origin,carrier\nAA,JFK,AA\n", "have the column carrier twice. Next:"),
    "latin.csv": (b"caf\xe9\n1\n", "latin.csv cannot be read: its header is not in UTF-8. Next:"),
    "row.csv": ("row,carrier\n1,AA\n", "have a column row already. Next: rename it"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_in_words_and_nothing_is_written(
    quick: Path, tmp_path: Path, name: str
) -> None:
    text, says = BAD[name]
    if text is not None:
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    (tmp_path / "out.csv").write_text("old", "utf-8")
    code, said = scored(quick, tmp_path / name, tmp_path / "out.csv")
    assert code == 1
    assert says in said
    assert "Traceback" not in said
    assert said.count("Next:") == 1
    assert (tmp_path / "out.csv").read_text("utf-8") == "old"
    assert {path.name for path in tmp_path.iterdir()} <= {name, "out.csv"}


def test_a_column_that_would_be_written_over_is_refused(
    quick: Path, known: pd.DataFrame, tmp_path: Path
) -> None:
    known.assign(prediction=0).to_csv(tmp_path / "in.csv", index=False)
    code, said = scored(quick, tmp_path / "in.csv", tmp_path / "out.csv")
    assert code == 1
    assert "The rows have a column prediction already. Next: rename it" in said


def test_what_is_read_is_never_written_over(
    quick: Path, known: pd.DataFrame, tmp_path: Path
) -> None:
    source = tmp_path / "x.refused.csv"
    known.to_csv(source, index=False)
    before = source.read_bytes()
    (tmp_path / "link.csv").symlink_to(source)
    (tmp_path / "other.csv").hardlink_to(source)
    (tmp_path / "folder.csv").mkdir()
    refused = {
        "x.csv": "is where refused rows go, and would be written over",
        "x.refused.csv": "would be written over while it is read",
        "link.csv": "would be written over while it is read",
        "other.csv": "would be written over while it is read",
        "folder.csv": "is a folder",
    }
    for name, says in refused.items():
        with pytest.raises(DataError, match=f"{says}. Next: name another OUT"):
            places.aside(source, tmp_path / name)
    assert places.aside(source, tmp_path / "y.csv") == tmp_path / "y.refused.csv"
    code, said = scored(quick, source, tmp_path / "x.csv")
    assert (code, source.read_bytes()) == (1, before)
    assert "would be written over" in said
    assert not (tmp_path / "x.csv").exists()


def test_one_file_cannot_take_the_answers_and_the_refused_rows(tmp_path: Path) -> None:
    (tmp_path / "x.csv").touch()
    (tmp_path / "x.refused.csv").symlink_to(tmp_path / "x.csv")
    with pytest.raises(DataError, match="are one file"):
        places.aside(tmp_path / "in.csv", tmp_path / "x.csv")


def test_a_disk_that_is_full_is_told_and_nothing_is_lost(
    quick: Path, known: pd.DataFrame, tmp_path: Path
) -> None:
    pd.concat([known] * 300).to_csv(tmp_path / "in.csv", index=False)
    (tmp_path / "out.csv").write_text("old", "utf-8")
    limited = 'ulimit -f 40; headrace score "$0" "$1"'
    words = ("bash", "-c", limited, str(tmp_path / "in.csv"), str(tmp_path / "out.csv"))
    done = bake.run(quick, *words, check=False)
    assert done.returncode == 1
    assert "out.csv cannot be written" in done.stdout
    assert "Nothing was written. Next: make room, or name another OUT" in done.stdout
    assert "Traceback" not in done.stdout
    assert (tmp_path / "out.csv").read_text("utf-8") == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"in.csv", "out.csv"}


def test_an_index_of_pandas_is_a_column_like_any(tmp_path: Path) -> None:
    table = pd.DataFrame({"name": ["a", "b"], "number": [2**53 + 1, None]}, dtype=object)
    table.astype({"number": "Int64"}).set_index("name").to_parquet(tmp_path / "in.parquet")
    [(part, share)] = tables.parts(tmp_path / "in.parquet")
    found = tables.frame(part)
    assert share == 1
    assert sorted(found.columns) == ["name", "number"]
    assert found["number"][0] == 2**53 + 1


def test_a_value_of_a_csv_may_hold_line_breaks_wherever_a_part_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "BLOCK", 1_000)
    table = pd.DataFrame({"id": [str(one) for one in range(500)], "note": 'a "b"\n\n,c\n'})
    table.to_csv(tmp_path / "in.csv", index=False)
    found = [tables.frame(part) for part, _ in tables.parts(tmp_path / "in.csv")]
    assert len(found) == 10
    pd.testing.assert_frame_equal(pd.concat(found, ignore_index=True), table, check_dtype=False)


SCHEMA: dict[str, Any] = {
    "properties": {
        "whole": {"type": "integer", "minimum": 0, "exclusiveMaximum": 10},
        "part": {"type": ["number", "null"], "exclusiveMinimum": -1, "maximum": 1},
        "place": {"type": "string", "enum": ["a", "b"]},
        "code": {"type": ["string", "null"], "minLength": 2, "maxLength": 3, "pattern": "^x"},
        "flag": {"type": "boolean"},
    }
}


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "whole": st.integers(-1, 11),
                "part": st.none() | st.sampled_from([-2.0, -1.0, -0.5, 1.0, 1.5]),
                "place": st.sampled_from(["a", "b", "c"]),
                "code": st.none() | st.sampled_from(["x", "xy", "xyz", "xyzz", "yx"]),
                "flag": st.booleans(),
            }
        ),
        min_size=1,
        max_size=8,
    )
)
def test_the_file_and_the_server_refuse_the_same_rows(made: list[dict[str, Any]]) -> None:
    reader = rows.Reader(SCHEMA, 10)
    refused = []
    for row in made:
        try:
            reader.read(json.dumps(row).encode())
            refused.append(False)
        except mistakes.Refused:
            refused.append(True)
    inputs, reasons = judge(pd.DataFrame(made), SCHEMA)
    assert (reasons != "").tolist() == refused
    fine = [row for row, wrong in zip(made, refused, strict=True) if not wrong]
    if fine:
        kept = inputs[(reasons == "").to_numpy()].reset_index(drop=True)
        pd.testing.assert_frame_equal(kept, golden.frame(fine, SCHEMA))


def test_each_reason_is_told_in_words() -> None:
    table = pd.DataFrame(
        {
            "whole": ["1", "x", "1.5", "inf", "", "99", "1", "1", "1", "1"],
            "part": ["", "", "", "", "", "", "-5", "", "", ""],
            "place": ["a", "a", "a", "a", "a", "a", "a", "z", "a", "a"],
            "code": ["", "", "", "", "", "", "", "", "yyyyy", ""],
            "flag": ["true", *["false"] * 8, "maybe"],
        }
    )
    assert judge(table, SCHEMA)[1].tolist() == [
        "",
        "whole: no number",
        "whole: no whole number",
        "whole: not finite",
        "whole: nothing is there",
        "whole: not below 10",
        "part: not above -1",
        "place: none of a, b",
        "code: longer than 3",
        "flag: neither true nor false",
    ]
    with pytest.raises(DataError, match=r"no column flag\. Did you mean flags\?"):
        judge(table.rename(columns={"flag": "flags"}), SCHEMA)


def test_numbers_of_any_type_are_taken_for_what_they_are() -> None:
    schema = {"properties": {"n": {"type": "number"}}}
    for kind in ("int8", "uint64", "float32", "Int64", "bool"):
        inputs, reasons = judge(pd.DataFrame({"n": pd.array([1, 0], dtype=kind)}), schema)
        assert (reasons == "").all(), kind
        assert inputs["n"].tolist() == [1.0, 0.0]
    assert np.isinf(judge(pd.DataFrame({"n": [np.inf]}), schema)[0]["n"]).all()
