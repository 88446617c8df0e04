"""The server logs what it answered, and leaves nothing else behind."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from prediction_logs import abandoned_journal, file_names, suffixes
from servers import BUNDLE, read_log_tables, serve

from headrace.bundle import archive
from headrace.execution import sandbox
from headrace.prediction_log import log_format
from lab import bake


def test_requests_and_predictions_are_logged_under_the_request_s_id(
    copy: Path, input_rows: list[dict[str, Any]]
) -> None:
    folder = copy / "data/served"
    with serve(copy, log=True) as server:
        first = server.request("/predict", input_rows[:3])[1]
        second = server.request("/predict", input_rows[3])[1]
        server.request("/predict", {**input_rows[0], "x": 1})
    table = read_log_tables(folder)
    assert [*folder.glob("*.jsonl")] == []
    assert list(zip(table["request"], table["row"], strict=True)) == [
        *((first["request"], number) for number in range(3)),
        (second["request"], 0),
    ]
    answers = [row["prediction"] for content in (first, second) for row in content["predictions"]]
    assert table["prediction"].tolist() == answers
    assert table["carrier"].tolist() == [row["carrier"] for row in input_rows[:4]]
    manifest = archive.unseal((copy / BUNDLE).read_bytes(), "bundle.tar")[archive.MANIFEST]
    assert set(table["model"]) == {f"bundle.tar {hashlib.sha256(manifest).hexdigest()[:8]}"}
    assert bake.run(copy, "git", "status", "--porcelain").stdout == ""


def test_no_logged_row_is_lost_when_the_server_is_killed(
    copy: Path, input_rows: list[dict[str, Any]]
) -> None:
    with serve(copy, log=True) as server:
        first = server.request("/predict", input_rows[0])[1]["request"]
        server.process.kill()
    with serve(copy, log=True) as server:
        second = server.request("/predict", input_rows[1])[1]["request"]
    assert read_log_tables(copy / "data/served")["request"].tolist() == [first, second]


def test_params_yaml_decides_what_is_logged(copy: Path, input_rows: list[dict[str, Any]]) -> None:
    sandbox.set_parameters(copy / "params.yaml", {"serve.log_never": ["carrier", "dest"]})
    with serve(copy, log=True) as server:
        server.request("/predict", input_rows[0])
    assert not {"carrier", "dest"} & {*read_log_tables(copy / "data/served").columns}
    shutil.rmtree(copy / "data/served")
    sandbox.set_parameters(copy / "params.yaml", {"serve.log": False})
    with serve(copy, log=True) as server:
        server.request("/predict", input_rows[0])
    assert not (copy / "data/served").exists()


def test_a_failing_disk_stops_no_answer(
    quick: Path, tmp_path: Path, input_rows: list[dict[str, Any]]
) -> None:
    folder = tmp_path / "log"
    with serve(quick, "--log", str(folder)) as server:
        shutil.rmtree(folder)
        assert server.request("/predict", input_rows[0])[0] == 200
    (tmp_path / "file").write_text("", "utf-8")
    result = bake.run(quick, "headrace", "serve", "--log", str(tmp_path / "file"), check=False)
    assert result.returncode == 1
    assert "cannot hold the log of predictions" in result.stdout


def test_a_server_leaves_no_file_in_the_study(quick: Path, tmp_path: Path) -> None:
    study = Path(shutil.copytree(quick, tmp_path / "study"))
    before = bake.run(study, "git", "status", "--porcelain").stdout
    with serve(study) as server:
        server.request("/healthz")
    assert bake.run(study, "git", "status", "--porcelain").stdout == before


def bundle_with_text_weekday(files: dict[str, bytes]) -> bytes:
    """Return a bundle that takes the weekday as text."""
    changed = dict(files)
    manifest = json.loads(changed.pop(archive.MANIFEST))
    del manifest["files"], changed[archive.SEAL]
    schema, golden = json.loads(changed["schema.json"]), json.loads(changed["golden.json"])
    schema["properties"]["weekday"] = {"type": "string", "minLength": 1, "maxLength": 3}
    for row in golden:
        row["weekday"] = str(row["weekday"])
    changed["schema.json"] = json.dumps(schema).encode()
    changed["golden.json"] = json.dumps(golden).encode()
    door = manifest["doors"]["predict"].split(":")[1]
    (code,) = [name for name in changed if name.startswith("src/study/model")]
    changed[code] += (
        f"\n_old = {door}\ndef {door}(model, table):\n"
        "    return _old(model, table.assign(weekday=table['weekday'].astype('int64')))\n"
    ).encode()
    return archive.seal(changed, manifest)


def test_a_champion_with_other_types_takes_over_and_every_row_is_kept(
    copy: Path, input_rows: list[dict[str, Any]], bundle_files: dict[str, bytes]
) -> None:
    folder, new_row = copy / "data/served", {**input_rows[0], "weekday": "3"}
    before = (copy / BUNDLE).read_bytes()
    with serve(copy, log=True) as server:
        assert server.request("/predict", input_rows[0])[0] == 200
        (copy / BUNDLE).write_bytes(bundle_with_text_weekday(bundle_files))
        assert server.request("/reload", {})[1]["problem"] == ""
        assert server.request("/predict", new_row)[0] == 200
        server.process.kill()
    with serve(copy, log=True) as server:
        assert server.request("/predict", new_row)[0] == 200
    assert {*suffixes(folder)} == {".parquet"}
    logged = log_format.read(folder)
    assert logged["weekday"].tolist() == [input_rows[0]["weekday"], "3", "3"]
    first, second = (
        hashlib.sha256(archive.unseal(content, "b")[archive.MANIFEST]).hexdigest()[:8]
        for content in (before, bundle_with_text_weekday(bundle_files))
    )
    assert [*logged["model"]] == [f"bundle.tar {digest}" for digest in (first, second, second)]


def test_a_server_whose_port_is_taken_changes_no_log(
    copy: Path, input_rows: list[dict[str, Any]]
) -> None:
    folder = copy / "data/served"
    with serve(copy, log=True) as server:
        first = server.request("/predict", input_rows[0])[1]["request"]
        before = file_names(folder)
        second = bake.run(copy, "headrace", "serve", "--port", str(server.port), check=False)
        assert second.returncode == 1
        assert "already in use" in second.stdout
        assert "Next: --port" in second.stdout
        assert "Traceback" not in second.stdout
        assert file_names(folder) == before
        with serve(copy, log=True) as second_server:
            third = second_server.request("/predict", input_rows[1])[1]["request"]
        fourth = server.request("/predict", input_rows[2])[1]["request"]
    assert log_format.read(folder)["request"].tolist() == [first, third, fourth]
    assert {*suffixes(folder)} == {".parquet"}


PRINT_OPTIONS = """
import json

import click

from headrace.core import project
from headrace.serve import command, serve_options

@click.command()
@serve_options
def show(**options):
    options = command.with_study_log(project.find_project(), command.Options(**options))
    print(json.dumps([options.log, options.log_days, options.log_never]))

show()
"""


def test_log_never_holds_in_any_folder_and_the_command_line_only_adds(copy: Path) -> None:
    values = {"serve.log_never": ["carrier"], "serve.log_days": 7}
    sandbox.set_parameters(copy / "params.yaml", values)

    def resolved(*words: str) -> Any:
        return json.loads(bake.run(copy, "python", "-c", PRINT_OPTIONS, *words).stdout)

    for log in (True, False):
        sandbox.set_parameters(copy / "params.yaml", {"serve.log": log})
        words = ("--log", "here", "--log-never", "dest", "carrier")
        assert resolved(*words) == ["here", 7, ["dest", "carrier"]]
    assert resolved("--log", "here", "--log-days", "3") == ["here", 3, ["carrier"]]
    assert resolved()[0] == ""


def test_a_misspelt_input_and_wrong_days_stop_the_start_before_anything_is_written(
    copy: Path,
) -> None:
    sandbox.set_parameters(copy / "params.yaml", {"serve.log_never": ["carier"]})
    for words in (("--port", "0"), ("--log-days", "0")):
        result = bake.run(copy, "headrace", "serve", *words, check=False)
        assert result.returncode == 1
        assert "Next: " in result.stdout
        assert "Traceback" not in result.stdout
        assert not (copy / "data/served").exists()
        assert ("Did you mean carrier?" in result.stdout) == (words[0] == "--port")


def test_rows_that_could_not_be_logged_are_counted_in_the_metrics(
    quick: Path, tmp_path: Path, input_rows: list[dict[str, Any]]
) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    broken = abandoned_journal(folder, 1, "no json\n")
    with serve(quick, "--log", str(folder)) as server:
        folder.rename(tmp_path / "away")
        assert server.request("/predict", input_rows[0])[0] == 200
        metrics = server.request("/metrics")[1]
        assert 'headrace_unwritten{what="answers"} 1.0' in metrics
        (tmp_path / "away").rename(folder)
        assert server.request("/predict", input_rows[0])[0] == 200
    assert (folder / f"{broken.name}.broken").exists()
    assert len(log_format.read(folder)) == 1
