"""What came in a period becomes a batch in one command, whole or not at all."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from headrace.alerts import update
from headrace.bundle import golden
from headrace.core import project, yaml
from headrace.errors import DataError, HeadraceError
from headrace.gates.model import Predictions
from headrace.ingest import batch, command, labels, manifest
from headrace.prediction_log import journal
from headrace.schema import column_types
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


def taken(study: Path, source: Path, name: str = "", **more: Any) -> None:
    """Take a file in as `headrace ingest` does, in this process."""
    command.run(project.find_project(study), source, name=name, **more)


def figures(study: Path) -> dict[str, Any]:
    """What the stage found."""
    found: dict[str, Any] = json.loads((study / "metrics/monitor.json").read_text("utf-8"))
    return found


@pytest.fixture
def study(watched: Path, tmp_path: Path) -> Path:
    """A copy of the watched study, to change."""
    return Path(shutil.copytree(watched, tmp_path / "study"))


def test_a_month_is_one_command_and_the_stage_reads_it(watched: Path) -> None:
    listed = yaml.lookup(yaml.read(watched / "params.yaml"), "monitor.batches")
    assert listed == ["2013-10", "2013-11"]
    monitor = project.find_project(watched).stage("monitor")
    assert monitor.deps[-1].path == "data/live/2013-11.parquet"
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


def test_what_is_refused_changes_nothing(study: Path, tmp_path: Path) -> None:
    whole = pd.read_parquet(study / "data/live/2013-10.parquet")
    wrong = {
        "none": (whole.head(0), "There are no rows"),
        "lacking": (whole.drop(columns="temp"), "The rows have no column temp"),
        "twice": (pd.concat([whole, whole.head(2)]), "2 duplicate rows"),
        "maybe": (whole.assign(late="maybe"), "late is 'maybe' in row 1: neither true nor false"),
        "nameless": (whole.drop(columns="flight"), "Rows cannot be identified"),
        "2013-10": (whole.head(9), r"data/live/2013-10.parquet exists, with other rows"),
    }
    for name, (table, words) in wrong.items():
        table.to_csv(tmp_path / f"{name}.csv", index=False)
        with pytest.raises(DataError, match=f"{words}.*Next: "):
            taken(study, tmp_path / f"{name}.csv")
    with pytest.raises(DataError, match=r"no\.csv is missing"):
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
    assert f"{len(whole):,} rows, 5 against the contract" in said
    assert "check that the clock is right" in said
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


def serve(folder: Path, request: str, asked: list[dict[str, Any]]) -> journal.Journal:
    """Write down a request as a server does; the hour stays open."""
    written = journal.Journal(folder, 90, frozenset())
    answers = [{"prediction": 0.25, "positive": False} for _ in asked]
    said = {"model": "model@v1.0.0", "request": request, "predictions": answers}
    written.write(json.dumps(asked).encode(), json.dumps(said).encode())
    return written


def test_what_a_server_wrote_down_is_a_batch_once(study: Path, tmp_path: Path) -> None:
    whole = pd.read_parquet(study / "data/live/2013-10.parquet")
    inputs = golden.records(whole.drop(columns=["time_hour", "flight", "late"]).head(6))
    folder = study / "data/served"
    serve(folder, "a", inputs[:4]).close()
    serve(folder, "b", inputs[4:])
    taken(study, folder, "2013-12")
    found = pd.read_parquet(study / "data/live/2013-12.parquet")
    assert found["request"].tolist() == ["a"] * 4 + ["b"] * 2
    assert found["row"].tolist() == [0, 1, 2, 3, 0, 1]
    assert set(found["prediction"]) == {0.25}
    assert found["temp"].tolist() == pytest.approx(whole["temp"].tolist()[:6], nan_ok=True)
    with pytest.raises(DataError, match="served holds no rows that are in no batch"):
        taken(study, folder, "2014-01")
    taken(study, folder, "2013-12")  # what it is already


def test_a_month_that_goes_on_keeps_its_rows_and_its_truth(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = pd.read_parquet(study / "data/live/2013-10.parquet").head(6)
    inputs = golden.records(whole.drop(columns=["time_hour", "flight", "late"]))
    folder, told = study / "data/served", tmp_path / "truth.csv"
    serve(folder, "a", inputs[:4])
    taken(study, folder, "2013-12")
    names = {"request": ["a"] * 4 + ["b"] * 2, "row": [0, 1, 2, 3, 0, 1]}
    keys = whole[["time_hour", "flight", "late"]].assign(**names)
    keys.head(4).to_csv(told, index=False)
    taken(study, told, labels_of="2013-12")
    taken(study, folder, "2013-12")
    assert pd.read_parquet(study / "data/live/2013-12.parquet")["late"].notna().sum() == 4
    serve(folder, "b", inputs[4:]).close()
    with pytest.raises(DataError, match=r"exists, with other rows. Next: --replace, which"):
        taken(study, folder, "2013-12")
    capsys.readouterr()
    taken(study, folder, "2013-12", replace=True)
    said = capsys.readouterr().out
    assert "6 rows\nReplaced 4 rows; labels of 4 rows kept\n" in said
    keys.tail(2).to_csv(told, index=False)
    taken(study, told, labels_of="2013-12")
    found = pd.read_parquet(study / "data/live/2013-12.parquet")
    assert found["late"].tolist() == whole["late"].tolist()
    assert found["flight"].tolist() == whole["flight"].tolist()
    assert found["time_hour"].tolist() == whole["time_hour"].tolist()
    shutil.rmtree(folder)
    serve(folder, "b", inputs[4:])
    before = (study / "data/live/2013-12.parquet").read_bytes()
    with pytest.raises(
        DataError, match=r"the labels of 4 rows would be lost.*Next: .*--forget-truth$"
    ):
        taken(study, folder, "2013-12", replace=True)
    assert (study / "data/live/2013-12.parquet").read_bytes() == before
    taken(study, folder, "2013-12", replace=True, forget=True)
    said = capsys.readouterr().out
    assert "Replaced 6 rows; 4 removed; labels of 2 rows kept; labels of 4 rows removed" in said


def test_what_is_not_of_its_type_is_refused_with_its_row(study: Path, tmp_path: Path) -> None:
    whole = pd.read_parquet(study / "data/live/2013-10.parquet")
    texts = {"time_hour": whole["time_hour"].astype("str")}
    for name, odd, words in [
        ("prediction", "high", "prediction is 'high' in row 2: not a number (and"),
        ("prediction", 1.5, "prediction is 1.5 in row 2: not between 0 and 1 (and"),
        ("positive", "maybe", "positive is 'maybe' in row 2: neither true nor false"),
        ("row", "x", "row is 'x' in row 2: not a number (and"),
        ("time_hour", "soon", "time_hour is 'soon' in row 2: not a time"),
    ]:
        column = pd.Series([texts["time_hour"][0] if name == "time_hour" else None, *[odd] * 3])
        whole.head(4).assign(**{"request": "a", name: column}).to_parquet(
            tmp_path / "2013-12.parquet"
        )
        with pytest.raises(DataError, match=f"{re.escape(words)}.*Next: "):
            taken(study, tmp_path / "2013-12.parquet")
    told = whole.head(3)[["time_hour", "carrier", "flight", "late"]]
    odd = told.assign(flight=["1", "many", "3"])
    odd.to_parquet(tmp_path / "truth.parquet")
    with pytest.raises(DataError, match=r"flight is 'many' in row 2: not a number\. Next: "):
        taken(study, tmp_path / "truth.parquet", labels_of="2013-10")
    mixed = whole.head(2).assign(note=[1, "one"])
    with pytest.raises(DataError, match=r"cannot be written: .*Next: give each column"):
        manifest.track(study, "data/live/2013-12.parquet", mixed)
    assert bake.run(study, "git", "status", "--porcelain").stdout == ""


def test_a_key_in_other_types_is_the_same_batch(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = pd.read_parquet(study / "data/live/2013-10.parquet")
    bare = whole["time_hour"].dt.tz_localize(None)
    zoneless = "time_hour has times without a time zone; they are read as UTC\n"
    for column, said in [
        (bare, zoneless),
        (bare.astype("str"), zoneless),
        (whole["time_hour"].dt.tz_convert("America/New_York").astype("str"), ""),
    ]:
        flights = whole["flight"].astype("str")
        table = whole.assign(time_hour=column, flight=flights)
        table.to_parquet(tmp_path / "2013-10.parquet")
        taken(study, tmp_path / "2013-10.parquet")
        notes = said + "The same rows were imported before; they are unchanged\n"
        assert capsys.readouterr().out.split("rows\n")[1].split("Next")[0] == notes
        told = table[["time_hour", "carrier", "flight", "late"]]
        told.to_parquet(tmp_path / "truth.parquet")
        taken(study, tmp_path / "truth.parquet", labels_of="2013-10")
        out = capsys.readouterr().out
        assert out.split("rows\n")[1].split("Next")[0] == said
        assert f"labels known for {len(whole):,} of {len(whole):,} rows\n" in out
    assert bake.run(study, "git", "status", "--porcelain").stdout == ""


def test_two_at_once_wait_for_each_other_and_both_are_listed(study: Path, tmp_path: Path) -> None:
    whole = pd.read_parquet(study / "data/live/2013-11.parquet").head(50)
    names = ["2013-12", "2014-01"]
    with command._lock(study):
        started = []
        for name in names:
            whole.to_csv(tmp_path / f"{name}.csv", index=False)
            words = ["headrace", "ingest", str(tmp_path / f"{name}.csv")]
            one = subprocess.Popen(
                words, cwd=study, env=bake.environment(), stdout=subprocess.PIPE, text=True
            )
            started.append(one)
        waits = [one.stdout.readline() for one in started if one.stdout]
    said = [one.communicate(timeout=300)[0] for one in started]
    assert waits == [f"{command.WAITING_MESSAGE}\n"] * 2
    assert [one.returncode for one in started] == [0, 0], said
    listed = yaml.lookup(yaml.read(study / "params.yaml"), "monitor.batches")
    assert listed == ["2013-10", "2013-11", *names]
    deps = [dep.path for dep in project.find_project(study).stage("monitor").deps[-2:]]
    assert sorted(deps) == [batch.file_name(name) for name in names]


def test_an_edit_during_dvc_add_stays_and_what_is_not_listed_is_named(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    params, run = study / "params.yaml", subprocess.run

    def edited(*given: Any, **more: Any) -> Any:
        if "dvc" in given[0]:
            with params.open("a", encoding="utf-8") as file:
                file.write("# saved meanwhile\n")
        return run(*given, **more)

    live = study / "data/live"
    shutil.copy(live / "2013-11.parquet", live / "2014-05.parquet")
    shutil.copy(live / "2013-11.parquet", live / ".2014-06.parquet.ab12.parquet")
    table = pd.read_parquet(live / "2013-11.parquet").head(50)
    table.to_parquet(tmp_path / "2013-12.parquet")
    monkeypatch.setattr(subprocess, "run", edited)
    taken(study, tmp_path / "2013-12.parquet")
    text = params.read_text("utf-8")
    assert text.endswith("# saved meanwhile\n")
    assert "  batches: [2013-10, 2013-11, 2013-12]\n" in text
    assert batch.batch_names(study) == ["2013-10", "2013-11", "2013-12", "2014-05"]
    said = capsys.readouterr().out
    assert said.count("is not listed in params.yaml") == 1
    assert "Next: headrace ingest data/live/2014-05.parquet, or delete it\n" in said


def test_a_batch_that_is_not_pulled_or_broken_is_replaced_only_on_purpose(study: Path) -> None:
    source = study / "data/2013-10.parquet"
    there = study / "data/live/2013-10.parquet"
    there.rename(source)
    with pytest.raises(DataError, match="Next: give both, or neither"):
        taken(study, source, forget=True)
    for more in ({}, {"replace": True}):
        with pytest.raises(
            DataError, match=r"is missing\. Next: dvc pull .*; or --replace --forget-truth"
        ):
            taken(study, source, **more)
    taken(study, source, replace=True, forget=True)
    expected, found = pd.read_parquet(source), pd.read_parquet(there)
    assert {*found} == {*expected}
    assert found[[*expected]].equals(expected)


def test_a_name_that_is_too_long_is_refused_before_anything_is_read(study: Path) -> None:
    for words in [("x" * 300,), ("2013-12", "--batch", "x" * 101), ("x", "--truth", "x" * 300)]:
        code, said = ingest(study, *words)
        assert (code, "is not a valid batch name" in said, "Traceback" in said) == (1, True, False)
    assert batch.NAME == update.BATCH


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
    found = column_types.booleans(pd.Series(told, name="late"))
    assert [None if one is pd.NA else one for one in found] == expected


def test_an_input_keeps_its_type_or_stays_as_it_came() -> None:
    text = rows().astype({"seats": object}).assign(seats=["100", "many", None, "180"])
    made = batch.normalize(text, SCHEMA, SPEC)
    assert made["seats"].tolist()[:2] == ["100", "many"]
    fine = batch.normalize(rows(seats=["100", "200", "", "180"]), SCHEMA, SPEC)
    assert fine["seats"].dtype == "float64"
    assert fine["seats"].isna().tolist() == [False, False, True, False]
    assert [*fine.columns] == ["carrier", "seats", "day", "id"]


@pytest.mark.parametrize(
    ("given", "kind", "expected"),
    [
        (["1", " 02", "3.0"], "int64", [1, 2, 3]),
        ([1.0, 2.0, 3.0], "int64", [1, 2, 3]),
        (["1.5", "2", "3"], "float64", [1.5, 2.0, 3.0]),
        ([1, "2a", True], "str", ["1", "2a", "True"]),
        ([2**60 + 1, "2", "3"], "int64", [2**60 + 1, 2, 3]),
        (["2013-10-01T02:00:00+02:00", "2013-10-01", "2013-10-01 00:00"], "", ["2013-10-01"] * 3),
    ],
)
def test_a_key_has_one_type_however_it_is_written(
    given: list[object], kind: str, expected: list[object]
) -> None:
    found = column_types.infer(pd.Series(given, name="day", dtype=object))
    told = pd.Series(expected) if kind else pd.Series(pd.to_datetime(expected, utc=True))
    assert found.dtype == (kind or "datetime64[us, UTC]")
    assert found.tolist() == told.tolist()
    assert (
        column_types.convert_like(pd.Series(given, dtype=object), found).tolist() == told.tolist()
    )


def test_a_row_is_a_number_only_where_a_request_has_it() -> None:
    seat = ["1A", "1B", "1C", "1D"]
    assert batch.normalize(rows(row=seat), SCHEMA, SPEC)["row"].tolist() == seat
    with pytest.raises(DataError, match=r"row is '1A' in row 1: not a number \(and 3 more rows\)"):
        batch.normalize(rows(row=seat, request="a"), SCHEMA, SPEC)


def test_times_among_other_words_are_refused() -> None:
    with pytest.raises(DataError, match=r"day is 'soon' in row 2: not a time\. Next: "):
        column_types.infer(pd.Series(["2013-10-01", "soon", None], name="day"))


def test_truth_joins_by_key_and_what_is_not_told_stays() -> None:
    known = batch.normalize(rows(late=[None, True, None, None]), SCHEMA, SPEC)
    told = rows()[["day", "id"]].assign(late=[True, False, None, None]).iloc[[0, 1, 2]]
    stranger = told.tail(1).assign(id=99, late=True)
    made, said = labels.join(known, pd.concat([told, stranger]), SPEC)
    assert [None if one is pd.NA else one for one in made["late"]] == [True, False, None, None]
    assert "labels known for 2 of 4 rows, 1 of them changed" in said
    assert "not in the batch: 1 row" in said
    assert len(made) == 4


def test_truth_joins_by_request_and_brings_the_key() -> None:
    served = rows(request=["a", "a", "b", "b"], row=[0, 1, 0, 1]).drop(columns=["day", "id"])
    known = batch.normalize(served, SCHEMA, SPEC)
    told = rows(request=["b", "b", "a", "a"], row=[1, 0, 1, 0], late=[True, False, True, False])
    made, _ = labels.join(known, told.drop(columns=["carrier", "seats"]), SPEC)
    assert made["late"].tolist() == [False, True, False, True]
    assert made["id"].tolist() == told["id"].tolist()[::-1]


def answered() -> tuple[pd.DataFrame, pd.DataFrame]:
    """A batch that a server answered, and what turned out for all of its rows."""
    names = {"request": ["a", "a", "b", "b"], "row": [0, 1, 0, 1]}
    known = batch.normalize(rows(**names).drop(columns=["day", "id"]), SCHEMA, SPEC)
    told = rows(**names, late=[True, False, False, True]).drop(columns=["carrier", "seats"])
    return known, told


@pytest.mark.parametrize("first", [2, 3])
def test_truth_in_two_parts_is_the_same_as_in_one(first: int) -> None:
    known, told = answered()
    half, said = labels.join(known, told.head(first), SPEC)
    assert said == f"labels known for {first} of 4 rows"
    whole, said = labels.join(half, told.iloc[2:], SPEC)  # of which one may be told twice
    assert said == "labels known for 4 of 4 rows"
    pd.testing.assert_frame_equal(whole, labels.join(known, told, SPEC)[0])
    assert whole["id"].dtype == "int64"
    by_key, said = labels.join(whole, told.drop(columns=["request", "row"]), SPEC)
    assert said == "labels known for 4 of 4 rows"
    pd.testing.assert_frame_equal(by_key, whole)


def test_a_key_that_the_batch_has_in_part_joins_nothing() -> None:
    known, told = answered()
    half, _ = labels.join(known, told.head(2), SPEC)
    with pytest.raises(
        DataError, match=r"2 rows of the batch without day or id.*by request and row$"
    ):
        labels.join(half, told.drop(columns=["request", "row"]), SPEC)
    again = batch.normalize(half, SCHEMA, SPEC)  # it is a batch all the same
    pd.testing.assert_frame_equal(again, half)


def test_strangers_are_counted_by_the_file() -> None:
    known, told = answered()
    half, _ = labels.join(known, told.head(2), SPEC)
    more = pd.concat([told.tail(3), told.tail(2).assign(request="c")])
    assert labels.join(half, more, SPEC)[1] == (
        "labels known for 4 of 4 rows; not in the batch: 2 rows"
    )


def test_a_batch_made_again_keeps_the_truth_that_came_since() -> None:
    known, told = answered()
    joined, _ = labels.join(known, told.head(3), SPEC)
    assert labels.check_unchanged(joined, known, "b", SPEC) is joined
    with pytest.raises(DataError, match=r"exists, with other rows. Next: --replace"):
        labels.check_unchanged(joined, known.head(3), "b", SPEC)
    with pytest.raises(DataError, match=r"late differs in 1 rows. Next: .*--truth b"):
        labels.check_unchanged(joined, known.assign(late=joined["late"].fillna(True)), "b", SPEC)
    made, said = labels.replace(joined, known, "b", SPEC, forget=False)
    pd.testing.assert_frame_equal(made, joined)
    assert said == "Replaced 4 rows; labels of 3 rows kept"


def test_what_comes_in_the_place_of_a_batch_knows_better_and_forgets_nothing() -> None:
    old = batch.normalize(rows(late=[True, False, True, None], note="x"), SCHEMA, SPEC)
    made = batch.normalize(rows(late=[None, True, None, None]).iloc[[3, 1, 0]], SCHEMA, SPEC)
    with pytest.raises(DataError, match="the labels of 1 row would be lost"):
        labels.replace(old, made, "b", SPEC, forget=False)
    found, said = labels.replace(old, made, "b", SPEC, forget=True)
    assert [None if one is pd.NA else one for one in found["late"]] == [None, True, True]
    assert said == (
        "Replaced 4 rows; 1 removed; labels of 1 row kept; labels of 1 row removed;"
        " columns removed: note"
    )


def test_of_rows_that_nothing_ties_to_the_old_ones_no_truth_is_carried() -> None:
    known, told = answered()
    joined, _ = labels.join(known, told.head(2), SPEC)
    by_key = batch.normalize(rows(), SCHEMA, SPEC)
    made, _ = labels.replace(joined, by_key, "b", SPEC, forget=False)  # by the two keys that came
    assert [None if one is pd.NA else one for one in made["late"]] == [True, False, None, None]
    for other in (known.assign(request="z"), by_key.assign(id=["1a", "2a", "3a", "4a"])):
        with pytest.raises(DataError, match="the labels of 2 rows would be lost"):
            labels.replace(joined, other, "b", SPEC, forget=False)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (rows(), "The file has no column late"),
        (rows(late=True).drop(columns="id"), "share neither day, id nor request and row"),
        (rows(late=True, id=[7, 8, 9, 7]), "No row is in the batch"),
        (rows(late=True, id=[1, 1, 1, 1]), "1 duplicate row, by"),
    ],
)
def test_truth_that_fits_nothing_is_refused(told: pd.DataFrame, words: str) -> None:
    known = batch.normalize(rows(), SCHEMA, SPEC)
    with pytest.raises(DataError, match=words):
        labels.join(known, told, SPEC)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "-x", "a\nb", "2013 10", "é"])
def test_a_batch_has_a_name_that_is_safe_as_a_file(name: str) -> None:
    with pytest.raises(HeadraceError, match="Next: use letters"):
        batch.file_name(name)


def test_a_column_that_is_there_twice_is_refused() -> None:
    twice = pd.concat([rows(), rows()[["carrier"]]], axis=1)
    with pytest.raises(DataError, match="The column carrier is there twice"):
        batch.normalize(twice, SCHEMA, SPEC)


def test_a_csv_and_a_parquet_file_give_the_same_batch(tmp_path: Path) -> None:
    table = rows(late=[True, None, False, True])
    table.to_csv(tmp_path / "a.csv", index=False)
    table.assign(day=table["day"].dt.as_unit("us")).to_parquet(tmp_path / "a.parquet")
    made = [
        batch.normalize(command.read_file(tmp_path / f"a.{kind}"), SCHEMA, SPEC)
        for kind in ("csv", "parquet")
    ]
    pd.testing.assert_frame_equal(*made)
