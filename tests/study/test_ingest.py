"""A period of live data is imported by one command, flights or not at all."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from headrace.bundle import golden
from headrace.core import project, yaml
from headrace.errors import DataError
from headrace.ingest import batch, command, manifest
from headrace.prediction_log import journal
from lab import bake


def ingest(study: Path, *words: str) -> tuple[int, str]:
    """Run `headrace ingest`; return its exit code and its output."""
    process = bake.run(study, "headrace", "ingest", *words, check=False)
    return process.returncode, process.stdout


def import_batch(study: Path, source: Path, name: str = "", **options: Any) -> None:
    """Import a file as `headrace ingest` does, in this process."""
    command.run(project.find_project(study), source, name=name, **options)


def monitor_metrics(study: Path) -> dict[str, Any]:
    """Return the metrics of the stage `monitor`."""
    metrics: dict[str, Any] = json.loads((study / "metrics/monitor.json").read_text("utf-8"))
    return metrics


@pytest.fixture
def study(watched: Path, tmp_path: Path) -> Path:
    """A copy of the watched study, to change."""
    return Path(shutil.copytree(watched, tmp_path / "study"))


def test_a_batch_is_imported_by_one_command_and_the_stage_reads_it(watched: Path) -> None:
    listed = yaml.lookup(yaml.read(watched / "params.yaml"), "monitor.batches")
    assert listed == ["2013-10", "2013-11"]
    monitor = project.find_project(watched).stage("monitor")
    assert monitor.deps[-1].path == "data/live/2013-11.parquet"
    tracked = bake.run(watched, "git", "ls-files", "data/live").stdout.split()
    assert tracked == ["data/live/2013-10.parquet.dvc", "data/live/2013-11.parquet.dvc"]
    table = pd.read_parquet(watched / "data/live/2013-10.parquet")
    metrics = monitor_metrics(watched)
    assert [*metrics] == ["2013-10", "2013-11"]
    assert metrics["2013-10"]["rows"] == len(table)
    assert metrics["2013-10"]["performance"]["late_share"] == pytest.approx(table["late"].mean())
    output = bake.run(watched, "dvc", "status", "dvc.yaml").stdout
    assert "up to date" in output  # the bundle stays the same, though params.yaml changed


def test_an_import_keeps_the_rest_of_params_yaml_and_dvc_yaml(quick: Path, watched: Path) -> None:
    added = [f"      - data/live/2013-{month}.parquet\n" for month in (10, 11)]
    pipeline = (watched / "dvc.yaml").read_text("utf-8")
    assert pipeline.replace("".join(added), "") == (quick / "dvc.yaml").read_text("utf-8")
    params = (watched / "params.yaml").read_text("utf-8")
    new = "  batches: [2013-10, 2013-11]\n"
    before = (quick / "params.yaml").read_text("utf-8")
    assert params.replace(new, "  batches: []\n") == before


def test_a_refused_import_changes_nothing(study: Path, tmp_path: Path) -> None:
    flights = pd.read_parquet(study / "data/live/2013-10.parquet")
    refused_tables = {
        "none": (flights.head(0), "There are no rows"),
        "lacking": (flights.drop(columns="temp"), "The rows have no column temp"),
        "twice": (pd.concat([flights, flights.head(2)]), "2 duplicate rows"),
        "maybe": (flights.assign(late="maybe"), "late is 'maybe' in row 1: neither true nor false"),
        "nameless": (flights.drop(columns="flight"), "Rows cannot be identified"),
        "2013-10": (flights.head(9), r"data/live/2013-10.parquet exists, with other rows"),
    }
    for name, (table, words) in refused_tables.items():
        table.to_csv(tmp_path / f"{name}.csv", index=False)
        with pytest.raises(DataError, match=f"{words}.*Next: "):
            import_batch(study, tmp_path / f"{name}.csv")
    with pytest.raises(DataError, match=r"no\.csv is missing"):
        import_batch(study, tmp_path / "no.csv")
    code, output = ingest(study, "2013-13")
    assert (code, "Next: name one such as 2013-10" in output, "Traceback" in output) == (
        1,
        True,
        False,
    )
    assert bake.run(study, "git", "status", "--porcelain").stdout == ""


def test_invalid_rows_of_one_batch_affect_no_other_batch(
    watched: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = Path(shutil.copytree(watched, tmp_path / "study"))
    flights = pd.read_parquet(study / "data/live/2013-10.parquet")
    invalid = flights.astype({"temp": object})
    invalid.loc[:4, "temp"] = "hot"
    for name, table in {
        "2013-12": invalid,
        "2014-01": flights.assign(temp=1000.0),  # no row keeps the contract
        "2014-02": flights.assign(late=False),  # one class only
        "2014-03": flights.drop(columns="late"),
    }.items():
        table.to_csv(tmp_path / f"{name}.csv", index=False)
        import_batch(study, tmp_path / f"{name}.csv")
    output = capsys.readouterr().out
    assert f"{len(flights):,} rows, 5 against the contract" in output
    assert "check that the clock is right" in output
    (study / "data/live/2013-11.parquet").write_bytes(b"no parquet")
    bake.run(study, "dvc", "commit", "--force", "data/live/2013-11.parquet.dvc")
    bake.run(study, "dvc", "repro", "monitor")
    metrics, notes = monitor_metrics(study), pd.read_csv(study / "plots/notes.csv")
    assert [*metrics] == ["2013-10", "2013-11", "2013-12", "2014-01", "2014-02", "2014-03"]
    assert metrics["2013-11"] == {"rows": 0, "quality": {"judged": 0}}
    assert metrics["2014-01"]["quality"]["refused_share"] == 1
    assert metrics["2013-10"] == monitor_metrics(watched)["2013-10"]
    assert metrics["2013-12"]["quality"]["refused_share"] == pytest.approx(5 / len(flights))
    assert "roc_auc" not in metrics["2014-02"]["performance"]
    assert metrics["2014-02"]["performance"]["late_share"] == 0
    assert metrics["2014-03"]["performance"] == {"truth_share": 0.0}
    assert metrics["2014-03"]["estimate"] == metrics["2013-10"]["estimate"]
    notes_by_batch = notes.groupby("batch")["says"].agg(" ".join)
    assert "cannot be read" in notes_by_batch["2013-11"]
    assert "No row keeps the contract" in notes_by_batch["2014-01"]
    assert {"2014-02", "2014-03"} <= {*notes_by_batch.index}
    output = bake.run(study, "headrace", "monitor").stdout
    assert "2014-01  No row keeps the contract" in output
    assert "2014-02" in output


def log_request(folder: Path, request: str, inputs: list[dict[str, Any]]) -> journal.Journal:
    """Log a request as a server does; the hour stays open."""
    log = journal.Journal(folder, 90, frozenset())
    answers = [{"prediction": 0.25, "positive": False} for _ in inputs]
    response = {"model": "model@v1.0.0", "request": request, "predictions": answers}
    log.write(json.dumps(inputs).encode(), json.dumps(response).encode())
    return log


def test_the_rows_of_a_server_s_log_are_imported_once(study: Path, tmp_path: Path) -> None:
    flights = pd.read_parquet(study / "data/live/2013-10.parquet")
    inputs = golden.records(flights.drop(columns=["time_hour", "flight", "late"]).head(6))
    folder = study / "data/served"
    log_request(folder, "a", inputs[:4]).close()
    log_request(folder, "b", inputs[4:])
    import_batch(study, folder, "2013-12")
    imported = pd.read_parquet(study / "data/live/2013-12.parquet")
    assert imported["request"].tolist() == ["a"] * 4 + ["b"] * 2
    assert imported["row"].tolist() == [0, 1, 2, 3, 0, 1]
    assert set(imported["prediction"]) == {0.25}
    assert imported["temp"].tolist() == pytest.approx(flights["temp"].tolist()[:6], nan_ok=True)
    with pytest.raises(DataError, match="served holds no rows that are in no batch"):
        import_batch(study, folder, "2014-01")
    import_batch(study, folder, "2013-12")  # what it is already


def test_a_replaced_batch_keeps_its_known_labels(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flights = pd.read_parquet(study / "data/live/2013-10.parquet").head(6)
    inputs = golden.records(flights.drop(columns=["time_hour", "flight", "late"]))
    folder, labels_file = study / "data/served", tmp_path / "truth.csv"
    log_request(folder, "a", inputs[:4])
    import_batch(study, folder, "2013-12")
    names = {"request": ["a"] * 4 + ["b"] * 2, "row": [0, 1, 2, 3, 0, 1]}
    keys = flights[["time_hour", "flight", "late"]].assign(**names)
    keys.head(4).to_csv(labels_file, index=False)
    import_batch(study, labels_file, labels_of="2013-12")
    import_batch(study, folder, "2013-12")
    assert pd.read_parquet(study / "data/live/2013-12.parquet")["late"].notna().sum() == 4
    log_request(folder, "b", inputs[4:]).close()
    with pytest.raises(DataError, match=r"exists, with other rows. Next: --replace, which"):
        import_batch(study, folder, "2013-12")
    capsys.readouterr()
    import_batch(study, folder, "2013-12", replace=True)
    output = capsys.readouterr().out
    assert "6 rows\nReplaced 4 rows; labels of 4 rows kept\n" in output
    keys.tail(2).to_csv(labels_file, index=False)
    import_batch(study, labels_file, labels_of="2013-12")
    imported = pd.read_parquet(study / "data/live/2013-12.parquet")
    assert imported["late"].tolist() == flights["late"].tolist()
    assert imported["flight"].tolist() == flights["flight"].tolist()
    assert imported["time_hour"].tolist() == flights["time_hour"].tolist()
    shutil.rmtree(folder)
    log_request(folder, "b", inputs[4:])
    before = (study / "data/live/2013-12.parquet").read_bytes()
    with pytest.raises(
        DataError, match=r"the labels of 4 rows would be lost.*Next: .*--forget-truth$"
    ):
        import_batch(study, folder, "2013-12", replace=True)
    assert (study / "data/live/2013-12.parquet").read_bytes() == before
    import_batch(study, folder, "2013-12", replace=True, forget=True)
    output = capsys.readouterr().out
    assert "Replaced 6 rows; 4 removed; labels of 2 rows kept; labels of 4 rows removed" in output


def test_a_value_of_a_wrong_type_is_refused_with_its_row(study: Path, tmp_path: Path) -> None:
    flights = pd.read_parquet(study / "data/live/2013-10.parquet")
    texts = {"time_hour": flights["time_hour"].astype("str")}
    for name, value, message in [
        ("prediction", "high", "prediction is 'high' in row 2: not a number (and"),
        ("prediction", 1.5, "prediction is 1.5 in row 2: not between 0 and 1 (and"),
        ("positive", "maybe", "positive is 'maybe' in row 2: neither true nor false"),
        ("row", "x", "row is 'x' in row 2: not a number (and"),
        ("time_hour", "soon", "time_hour is 'soon' in row 2: not a time"),
    ]:
        column = pd.Series([texts["time_hour"][0] if name == "time_hour" else None, *[value] * 3])
        flights.head(4).assign(**{"request": "a", name: column}).to_parquet(
            tmp_path / "2013-12.parquet"
        )
        with pytest.raises(DataError, match=f"{re.escape(message)}.*Next: "):
            import_batch(study, tmp_path / "2013-12.parquet")
    labels = flights.head(3)[["time_hour", "carrier", "flight", "late"]]
    invalid = labels.assign(flight=["1", "many", "3"])
    invalid.to_parquet(tmp_path / "truth.parquet")
    with pytest.raises(DataError, match=r"flight is 'many' in row 2: not a number\. Next: "):
        import_batch(study, tmp_path / "truth.parquet", labels_of="2013-10")
    mixed = flights.head(2).assign(note=[1, "one"])
    with pytest.raises(DataError, match=r"cannot be written: .*Next: give each column"):
        manifest.track(study, "data/live/2013-12.parquet", mixed)
    assert bake.run(study, "git", "status", "--porcelain").stdout == ""


def test_a_key_in_other_types_is_the_same_batch(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flights = pd.read_parquet(study / "data/live/2013-10.parquet")
    bare = flights["time_hour"].dt.tz_localize(None)
    zoneless = "time_hour has times without a time zone; they are read as UTC\n"
    for column, note in [
        (bare, zoneless),
        (bare.astype("str"), zoneless),
        (flights["time_hour"].dt.tz_convert("America/New_York").astype("str"), ""),
    ]:
        numbers = flights["flight"].astype("str")
        table = flights.assign(time_hour=column, flight=numbers)
        table.to_parquet(tmp_path / "2013-10.parquet")
        import_batch(study, tmp_path / "2013-10.parquet")
        notes = note + "The same rows were imported before; they are unchanged\n"
        assert capsys.readouterr().out.split("rows\n")[1].split("Next")[0] == notes
        labels = table[["time_hour", "carrier", "flight", "late"]]
        labels.to_parquet(tmp_path / "truth.parquet")
        import_batch(study, tmp_path / "truth.parquet", labels_of="2013-10")
        out = capsys.readouterr().out
        assert out.split("rows\n")[1].split("Next")[0] == note
        assert f"labels known for {len(flights):,} of {len(flights):,} rows\n" in out
    assert bake.run(study, "git", "status", "--porcelain").stdout == ""


def test_two_imports_at_once_wait_for_each_other_and_both_are_listed(
    study: Path, tmp_path: Path
) -> None:
    flights = pd.read_parquet(study / "data/live/2013-11.parquet").head(50)
    names = ["2013-12", "2014-01"]
    with command._lock(study):
        processes = []
        for name in names:
            flights.to_csv(tmp_path / f"{name}.csv", index=False)
            words = ["headrace", "ingest", str(tmp_path / f"{name}.csv")]
            process = subprocess.Popen(
                words, cwd=study, env=bake.environment(), stdout=subprocess.PIPE, text=True
            )
            processes.append(process)
        waits = [process.stdout.readline() for process in processes if process.stdout]
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    assert waits == [f"{command.WAITING_MESSAGE}\n"] * 2
    assert [process.returncode for process in processes] == [0, 0], outputs
    listed = yaml.lookup(yaml.read(study / "params.yaml"), "monitor.batches")
    assert listed == ["2013-10", "2013-11", *names]
    deps = [dep.path for dep in project.find_project(study).stage("monitor").deps[-2:]]
    assert sorted(deps) == [batch.file_name(name) for name in names]


def test_an_edit_during_dvc_add_is_kept_and_an_unlisted_batch_is_named(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    params, run = study / "params.yaml", subprocess.run

    def run_and_edit(*args: Any, **options: Any) -> Any:
        if "dvc" in args[0]:
            with params.open("a", encoding="utf-8") as file:
                file.write("# saved meanwhile\n")
        return run(*args, **options)

    live = study / "data/live"
    shutil.copy(live / "2013-11.parquet", live / "2014-05.parquet")
    shutil.copy(live / "2013-11.parquet", live / ".2014-06.parquet.ab12.parquet")
    table = pd.read_parquet(live / "2013-11.parquet").head(50)
    table.to_parquet(tmp_path / "2013-12.parquet")
    monkeypatch.setattr(subprocess, "run", run_and_edit)
    import_batch(study, tmp_path / "2013-12.parquet")
    text = params.read_text("utf-8")
    assert text.endswith("# saved meanwhile\n")
    assert "  batches: [2013-10, 2013-11, 2013-12]\n" in text
    assert batch.batch_names(study) == ["2013-10", "2013-11", "2013-12", "2014-05"]
    output = capsys.readouterr().out
    assert output.count("is not listed in params.yaml") == 1
    assert "Next: headrace ingest data/live/2014-05.parquet, or delete it\n" in output


def test_a_missing_or_broken_batch_is_replaced_only_with_forget_truth(study: Path) -> None:
    source = study / "data/2013-10.parquet"
    stored = study / "data/live/2013-10.parquet"
    stored.rename(source)
    with pytest.raises(DataError, match="Next: give both, or neither"):
        import_batch(study, source, forget=True)
    for options in ({}, {"replace": True}):
        with pytest.raises(
            DataError, match=r"is missing\. Next: dvc pull .*; or --replace --forget-truth"
        ):
            import_batch(study, source, **options)
    import_batch(study, source, replace=True, forget=True)
    expected, imported = pd.read_parquet(source), pd.read_parquet(stored)
    assert {*imported} == {*expected}
    assert imported[[*expected]].equals(expected)


def test_a_name_that_is_too_long_is_refused_before_anything_is_read(study: Path) -> None:
    for words in [("x" * 300,), ("2013-12", "--batch", "x" * 101), ("x", "--truth", "x" * 300)]:
        code, output = ingest(study, *words)
        assert (code, "is not a valid batch name" in output, "Traceback" in output) == (
            1,
            True,
            False,
        )


def test_a_folder_without_a_batch_name_or_given_as_labels_is_refused_with_the_command(
    study: Path,
) -> None:
    folder = study / "data/served"
    folder.mkdir(exist_ok=True)
    with pytest.raises(DataError, match=r"Next: headrace ingest .*/served --batch NAME, such as"):
        import_batch(study, folder)
    with pytest.raises(DataError, match=r"labels are in a file\. Next: .* ingest .* --batch NAME"):
        import_batch(study, folder, labels_of="2013-10")


def test_labels_of_an_unknown_batch_are_refused_and_nothing_is_to_be_forgotten(
    study: Path, tmp_path: Path
) -> None:
    pd.DataFrame({"late": [True]}).to_csv(tmp_path / "labels.csv")
    with pytest.raises(DataError, match=r"no batch 2013-1\. Did you mean 2013-11\?") as caught:
        import_batch(study, tmp_path / "labels.csv", labels_of="2013-1")
    step = "Next: name another batch, or headrace ingest FILE --batch 2013-1"
    assert str(caught.value).endswith(step)
