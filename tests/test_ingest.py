"""What came in a period becomes a batch in one command, whole or not at all."""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from headrace import project, yamlfile
from headrace.bundle import golden
from headrace.diff.rules import Predictions
from headrace.errors import DataError, HeadraceError
from headrace.live import batch, command, tables, truth
from headrace.serve import journal
from lab import bake

SPEC = Predictions("p.parquet", ("day", "id"), "late", "day", {}, {})
SCHEMA = {
    "properties": {
        "carrier": {"type": "string", "minLength": 2, "maxLength": 2},
        "seats": {"type": ["number", "null"], "minimum": 1},
    }
}


def rows(**more: object) -> pd.DataFrame:
    """Four rows of a batch as they come in."""
    given = {
        "carrier": ["AA", "UA", "B6", "DL"],
        "seats": [100, 200, None, 180],
        "day": pd.to_datetime(["2013-10-01", "2013-10-01", "2013-10-02", "2013-10-03"], utc=True),
        "id": [1, 2, 1, 1],
    }
    return pd.DataFrame({**given, **more})


def ingest(study: Path, *words: str) -> tuple[int, str]:
    """Run `headrace ingest`; return its exit code and what it said."""
    done = bake.run(study, "headrace", "ingest", *words, check=False)
    return done.returncode, done.stdout


def taken(study: Path, source: Path, name: str = "") -> None:
    """Take a file in as `headrace ingest` does, in this process."""
    given = argparse.Namespace(source=source, batch=name, truth="", replace=False)
    command.run(project.find(study), given)


def figures(study: Path) -> dict[str, Any]:
    """What the stage found."""
    found: dict[str, Any] = json.loads((study / "metrics/monitor.json").read_text("utf-8"))
    return found


def test_a_month_is_one_command_and_the_stage_reads_it(watched: Path) -> None:
    listed = yamlfile.lookup(yamlfile.read(watched / "params.yaml"), "monitor.batches")
    assert listed == ["2013-10", "2013-11"]
    assert project.find(watched).stage("monitor")["deps"][-1] == "data/live/2013-11.parquet"
    tracked = bake.run(watched, "git", "ls-files", "data/live").stdout.split()
    assert tracked == ["data/live/2013-10.parquet.dvc", "data/live/2013-11.parquet.dvc"]
    table = pd.read_parquet(watched / "data/live/2013-10.parquet")
    found = figures(watched)
    assert [*found] == ["2013-10", "2013-11"]
    assert found["2013-10"]["rows"] == len(table)
    assert found["2013-10"]["performance"]["late_share"] == pytest.approx(table["late"].mean())
    said = bake.run(watched, "dvc", "status", "dvc.yaml").stdout
    assert "up to date" in said  # the bundle stays the same, though params.yaml changed


def test_comments_and_everything_else_in_params_and_pipeline_stay(
    quick: Path, watched: Path
) -> None:
    added = [f"      - data/live/2013-{month}.parquet\n" for month in (10, 11)]
    pipeline = (watched / "dvc.yaml").read_text("utf-8")
    assert pipeline.replace("".join(added), "") == (quick / "dvc.yaml").read_text("utf-8")
    params = (watched / "params.yaml").read_text("utf-8")
    new = "  batches: [2013-10, 2013-11]\n"
    before = (quick / "params.yaml").read_text("utf-8")
    assert params.replace(new, "  batches: []\n") == before


def test_what_is_refused_changes_nothing(watched: Path, tmp_path: Path) -> None:
    study = Path(shutil.copytree(watched, tmp_path / "study"))
    whole = pd.read_parquet(study / "data/live/2013-10.parquet")
    wrong = {
        "none": (whole.head(0), "There are no rows"),
        "lacking": (whole.drop(columns="temp"), "The rows have no column temp"),
        "twice": (pd.concat([whole, whole.head(2)]), "2 rows are there twice"),
        "maybe": (whole.assign(late="maybe"), "late is 'maybe' in row 1, neither true nor false"),
        "nameless": (whole.drop(columns="flight"), "Nothing tells the rows apart"),
        "2013-10": (whole.head(9), r"data/live/2013-10.parquet is there already"),
    }
    for name, (table, words) in wrong.items():
        table.to_csv(tmp_path / f"{name}.csv", index=False)
        with pytest.raises(DataError, match=f"{words}.*Next: "):
            taken(study, tmp_path / f"{name}.csv")
    with pytest.raises(DataError, match=r"no\.csv cannot be read: No such file"):
        taken(study, tmp_path / "no.csv")
    code, said = ingest(study, "2013-13")
    assert (code, "Next: name one such as 2013-10" in said, "Traceback" in said) == (1, True, False)
    assert bake.run(study, "git", "status", "--porcelain").stdout == ""


def test_one_broken_batch_spoils_no_other(
    watched: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = Path(shutil.copytree(watched, tmp_path / "study"))
    whole = pd.read_parquet(study / "data/live/2013-10.parquet")
    spoilt = whole.astype({"temp": object})
    spoilt.loc[:4, "temp"] = "hot"
    for name, table in {
        "2013-12": spoilt,
        "2014-01": whole.assign(temp=1000.0),  # no row keeps the contract
        "2014-02": whole.assign(late=False),  # one class only
        "2014-03": whole.drop(columns="late"),
    }.items():
        table.to_csv(tmp_path / f"{name}.csv", index=False)
        taken(study, tmp_path / f"{name}.csv")
    said = capsys.readouterr().out
    assert f"{len(whole):,} rows, 5 break the contract" in said
    assert "see that the clock did not go backwards" in said
    (study / "data/live/2013-11.parquet").write_bytes(b"no parquet")
    bake.run(study, "dvc", "commit", "--force", "data/live/2013-11.parquet.dvc")
    bake.run(study, "dvc", "repro", "monitor")
    found, notes = figures(study), pd.read_csv(study / "plots/notes.csv")
    assert [*found] == ["2013-10", "2013-11", "2013-12", "2014-01", "2014-02", "2014-03"]
    assert found["2013-11"] == {"rows": 0, "quality": {"judged": 0}}
    assert found["2014-01"]["quality"]["refused_share"] == 1
    assert found["2013-10"] == figures(watched)["2013-10"]
    assert found["2013-12"]["quality"]["refused_share"] == pytest.approx(5 / len(whole))
    assert "roc_auc" not in found["2014-02"]["performance"]
    assert found["2014-02"]["performance"]["late_share"] == 0
    assert found["2014-03"]["performance"] == {"truth_share": 0.0}
    assert found["2014-03"]["estimate"] == found["2013-10"]["estimate"]
    why = notes.groupby("batch")["says"].agg(" ".join)
    assert "cannot be read" in why["2013-11"]
    assert "No row keeps the contract" in why["2014-01"]
    assert {"2014-02", "2014-03"} <= {*why.index}
    shown = bake.run(study, "headrace", "monitor").stdout
    assert "2014-01  No row keeps the contract" in shown
    assert "2014-02" in shown


def test_what_a_server_wrote_down_is_a_batch_once(watched: Path, tmp_path: Path) -> None:
    study = Path(shutil.copytree(watched, tmp_path / "study"))
    whole = pd.read_parquet(study / "data/live/2013-10.parquet")
    inputs = golden.records(whole.drop(columns=["time_hour", "flight", "late"]).head(6))
    folder = study / "data/served"
    written = journal.Journal(journal.Kept(folder, 90, frozenset()))

    def answer(request: str, rows: list[dict[str, Any]]) -> None:
        answers = [{"prediction": 0.25, "positive": False} for _ in rows]
        said = {"model": "model@v1.0.0", "request": request, "predictions": answers}
        written.write(json.dumps(rows).encode(), json.dumps(said).encode())

    answer("a", inputs[:4])
    written.close()
    answer("b", inputs[4:])  # the hour is open still
    taken(study, folder, "2013-12")
    found = pd.read_parquet(study / "data/live/2013-12.parquet")
    assert found["request"].tolist() == ["a"] * 4 + ["b"] * 2
    assert found["row"].tolist() == [0, 1, 2, 3, 0, 1]
    assert set(found["prediction"]) == {0.25}
    assert found["temp"].tolist() == pytest.approx(whole["temp"].tolist()[:6], nan_ok=True)
    with pytest.raises(DataError, match="served holds nothing that is in no batch"):
        taken(study, folder, "2014-01")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (["true", "False", "1", "0"], [True, False, True, False]),
        (["", None, "TRUE", " false "], [None, None, True, False]),
        ([1.0, 0.0, np.nan, 1.0], [True, False, None, True]),
        ([True, False, None, True], [True, False, None, True]),
    ],
)
def test_truth_is_true_false_or_not_known_yet(told: list[object], expected: list[object]) -> None:
    found = batch.truths(pd.Series(told, name="late"))
    assert [None if one is pd.NA else one for one in found] == expected


def test_an_input_keeps_its_type_or_stays_as_it_came() -> None:
    text = rows().astype({"seats": object}).assign(seats=["100", "many", None, "180"])
    made = batch.normal(text, SCHEMA, SPEC)
    assert made["seats"].tolist()[:2] == ["100", "many"]
    fine = batch.normal(rows(seats=["100", "200", "", "180"]), SCHEMA, SPEC)
    assert fine["seats"].dtype == "float64"
    assert fine["seats"].isna().tolist() == [False, False, True, False]
    assert [*fine.columns] == ["carrier", "seats", "day", "id"]


def test_truth_joins_by_key_and_what_is_not_told_stays() -> None:
    known = batch.normal(rows(late=[None, True, None, None]), SCHEMA, SPEC)
    told = rows()[["day", "id"]].assign(late=[True, False, None, None]).iloc[[0, 1, 2]]
    stranger = told.tail(1).assign(id=99, late=True)
    made, said = truth.join(known, pd.concat([told, stranger]), SPEC)
    assert [None if one is pd.NA else one for one in made["late"]] == [True, False, None, None]
    assert "truth known for 2 of 4 rows, 1 of them told otherwise than before" in said
    assert "1 rows of the file are none of the batch's" in said
    assert len(made) == 4


def test_truth_joins_by_request_and_brings_the_key() -> None:
    served = rows(request=["a", "a", "b", "b"], row=[0, 1, 0, 1]).drop(columns=["day", "id"])
    known = batch.normal(served, SCHEMA, SPEC)
    told = rows(request=["b", "b", "a", "a"], row=[1, 0, 1, 0], late=[True, False, True, False])
    made, _ = truth.join(known, told.drop(columns=["carrier", "seats"]), SPEC)
    assert made["late"].tolist() == [False, True, False, True]
    assert made["id"].tolist() == told["id"].tolist()[::-1]


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (rows(), "The file has no column late"),
        (rows(late=True).drop(columns="id"), "share neither day, id nor request and row"),
        (rows(late=True, id=[7, 8, 9, 7]), "No row is one of the batch's"),
        (rows(late=True, id=[1, 1, 1, 1]), "1 rows are there twice"),
    ],
)
def test_truth_that_fits_nothing_is_refused(told: pd.DataFrame, words: str) -> None:
    known = batch.normal(rows(), SCHEMA, SPEC)
    with pytest.raises(DataError, match=words):
        truth.join(known, told, SPEC)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "-x", "a\nb", "2013 10", "é"])
def test_a_batch_has_a_name_that_is_safe_as_a_file(name: str) -> None:
    with pytest.raises(HeadraceError, match="Next: one of letters"):
        batch.file(name)


def test_a_column_that_is_there_twice_is_refused() -> None:
    twice = pd.concat([rows(), rows()[["carrier"]]], axis=1)
    with pytest.raises(DataError, match="The column carrier is there twice"):
        batch.normal(twice, SCHEMA, SPEC)


def test_a_csv_and_a_parquet_file_give_the_same_batch(tmp_path: Path) -> None:
    table = rows(late=[True, None, False, True])
    table.to_csv(tmp_path / "a.csv", index=False)
    table.assign(day=table["day"].dt.as_unit("us")).to_parquet(tmp_path / "a.parquet")
    made = [
        batch.normal(tables.read(tmp_path / f"a.{kind}", SPEC), SCHEMA, SPEC)
        for kind in ("csv", "parquet")
    ]
    pd.testing.assert_frame_equal(*made)
