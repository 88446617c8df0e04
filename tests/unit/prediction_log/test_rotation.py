"""Journals become tables, whole or not at all, whatever becomes of the server or the disk."""

import fcntl
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from prediction_logs import (
    EARLIER,
    HOUR,
    NOW,
    abandoned_journal,
    file_names,
    journal_line,
    log_answer,
    open_log,
    set_clock,
    suffixes,
)

from headrace.prediction_log import journal, log_format, rotation


@pytest.fixture(autouse=True)
def fixed_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the hour from ending in the middle of a test."""
    set_clock(monkeypatch, NOW)


def test_a_journal_that_cannot_be_converted_is_moved_aside_and_the_next_is_converted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = abandoned_journal(tmp_path, 1, journal_line("a", {"x": "bad"}))
    abandoned_journal(tmp_path, 2, journal_line("b", {"x": "good"}))
    original = log_format.to_table

    def table(rows: Any, schema: pa.Schema) -> pa.Table:
        if rows[0]["x"] == "bad":
            raise pa.ArrowInvalid("a fault")
        return original(rows, schema)

    monkeypatch.setattr(log_format, "to_table", table)
    log = open_log(tmp_path)
    log.close()
    assert log.failed_journals == 1
    assert file_names(tmp_path) == [f"{broken.name}.broken", f"{EARLIER}.{2:012x}.0.parquet"]
    monkeypatch.undo()
    assert log_format.read(tmp_path)["request"].tolist() == ["b"]


def test_a_full_disk_leaves_the_journal_for_the_next_rotation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    path = abandoned_journal(tmp_path, 1, journal_line("a", {"x": 1}))
    log = open_log(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    log.close()
    assert file_names(tmp_path) == [path.name]
    assert log.failed_journals == 1
    assert "No space left on device. Next: " in capsys.readouterr().out
    monkeypatch.undo()
    log.close()
    assert file_names(tmp_path) == [f"{EARLIER}.{1:012x}.0.parquet"]


def test_a_locked_journal_is_not_converted(tmp_path: Path) -> None:
    path = abandoned_journal(tmp_path, 1, journal_line("a", {"x": 1}))
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert not rotation.is_due(tmp_path, 90, Path())
        assert [*rotation.rotate(tmp_path, 90)] == []
        assert file_names(tmp_path) == [path.name]
    assert rotation.is_due(tmp_path, 90, Path())
    assert [*rotation.rotate(tmp_path, 90)] == []
    assert suffixes(tmp_path) == [".parquet"]


def test_an_empty_new_journal_is_not_converted(tmp_path: Path) -> None:
    path = tmp_path / f"{HOUR}.{1:012x}.jsonl"
    path.touch()
    assert [*rotation.rotate(tmp_path, 90)] == []
    assert path.exists()
    handle = os.open(path, os.O_RDWR)
    path.write_text(journal_line("a", {"x": 1}))
    path.unlink()
    assert not rotation.acquire(handle, path)
    os.close(handle)


def test_a_journal_without_an_id_replaces_no_table(tmp_path: Path) -> None:
    for request in ("a", "b"):
        (tmp_path / f"{EARLIER}.jsonl").write_text(journal_line(request, {"x": 1}))
        assert [*rotation.rotate(tmp_path, 90)] == []
    (tmp_path / f"{HOUR}.jsonl").write_text(
        journal_line("c", {"x": 1})
    )  # its server may be there still
    assert [*rotation.rotate(tmp_path, 90)] == []
    assert suffixes(tmp_path) == [".jsonl", ".parquet", ".parquet"]
    assert sorted(log_format.read(tmp_path)["request"]) == ["a", "b", "c"]


def test_foreign_files_in_the_log_folder_are_left_alone(tmp_path: Path) -> None:
    foreign = {
        "2013-10.parquet": b"a month",
        "notes.jsonl": b'{"note": 1}\n',
        "2001-01-01T00.parquet.bak": b"a copy",
        "x2001-01-01T00.jsonl": b"",
        ".2001-01-01T00.parquet": b"hidden",
        "2001-01-01T00.UPPER.parquet": b"",
    }
    for name, content in foreign.items():
        (tmp_path / name).write_bytes(content)
    log = open_log(tmp_path, days=1)
    assert not rotation.is_due(tmp_path, 1, Path())
    log_answer(log, "a", {"x": 1})
    assert len(log_format.read(tmp_path)) == 1
    log.close()
    assert log.failed_journals == 0
    contents = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert {name: contents.get(name) for name in foreign} == foreign
    assert len(contents) == len(foreign) + 1


@pytest.mark.parametrize(
    "content", ["no json\n", '{"note": 1}\n[]\n3\n', journal_line("a", 3), "\0" * 99]
)
def test_a_journal_without_a_valid_line_is_kept_as_broken(tmp_path: Path, content: str) -> None:
    path = abandoned_journal(tmp_path, 1, content)
    (problem,) = rotation.rotate(tmp_path, 90)
    assert "it has no valid line; moved. Next: see" in problem
    assert file_names(tmp_path) == [f"{path.name}.broken"]
    assert (tmp_path / f"{path.name}.broken").read_bytes() == content.encode()
    assert [*rotation.rotate(tmp_path, 90)] == []


def test_expired_tables_are_deleted_and_truncated_lines_are_skipped(tmp_path: Path) -> None:
    for end in (".parquet", f".{1:012x}.0.parquet", f".{1:012x}.jsonl.broken"):
        (tmp_path / f"2001-01-01T00{end}").write_bytes(b"old")
    line = journal_line("b", {"x": 1})
    abandoned_journal(tmp_path, 1, journal_line("a", {"x": 1}) + "no json\n" + line + line[:20])
    abandoned_journal(tmp_path, 2, "")
    log = open_log(tmp_path)
    assert rotation.is_due(tmp_path, 90, Path())
    log.close()
    assert file_names(tmp_path) == [f"{EARLIER}.{1:012x}.0.parquet"]
    assert log_format.read(tmp_path)["request"].tolist() == ["a", "b"]
    assert not rotation.is_due(tmp_path, 90, Path())


def test_a_large_journal_is_ended_and_converted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "MAX_BYTES", 1000)
    log = open_log(tmp_path)
    for number in range(50):
        log_answer(log, f"{number:02}", {"x": number})
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert len(sizes) > 5
    assert max(sizes) < 2000
    assert log.ended.is_set()
    log.rotate_if_due()
    assert suffixes(tmp_path) == [".jsonl", *[".parquet"] * (len(sizes) - 1)]
    logged = log_format.read(tmp_path)
    assert logged["x"].tolist() == [*range(50)]
    log.close()
    assert log_format.read(tmp_path).equals(logged)


def test_the_journal_of_a_past_hour_is_converted_without_a_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = open_log(tmp_path)
    log_answer(log, "a", {"x": 1})
    log.rotate_if_due()
    assert suffixes(tmp_path) == [".jsonl"]
    set_clock(monkeypatch, NOW + timedelta(hours=1))
    log.rotate_if_due()
    assert suffixes(tmp_path) == [".parquet"]
    assert log.failed_journals == 0


def test_a_journal_is_converted_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [journal_line(f"{number:03}", {"x": number, "y": None}) for number in range(300)]
    lines[-1] = journal_line("299", {"x": 0.5, "y": "late"})
    path = abandoned_journal(tmp_path, 1, "".join(lines))
    monkeypatch.setattr(log_format, "PART_BYTES", 1000)
    assert max(map(len, log_format.read_parts(path))) < 20
    assert [*rotation.rotate(tmp_path, 90)] == []
    (table,) = tmp_path.iterdir()
    assert pa.parquet.ParquetFile(table).num_row_groups > 15
    logged = pd.read_parquet(table)
    assert logged["x"].tolist() == [*range(299), 0.5]
    assert logged["y"].tolist()[-1] == "late"


@pytest.mark.parametrize("moment", ["replace", "unlink"])
def test_a_rotation_killed_between_two_files_loses_no_row_and_duplicates_none(
    tmp_path: Path, moment: str
) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    rows = [json.loads(journal_line(f"{number:02}", {"x": number})) for number in range(20)]
    for number, row in enumerate(rows):
        row["answered"]["model"] = f"m{number % 3}"
        row["time"] = f"2020-01-01T00:00:{number:02}"
    path = abandoned_journal(folder, 1, "".join(json.dumps(row) + "\n" for row in rows))
    code = (
        "import os, pathlib, sys; from headrace.prediction_log import rotation\n"
        f"real, left = pathlib.Path.{moment}, [1]\n"
        "def die(*given, **more):\n"
        "    if not left: os.kill(os.getpid(), 9)\n"
        "    left.pop(); return real(*given, **more)\n"
        f"pathlib.Path.{moment} = die\n"
        "print([*rotation.rotate(pathlib.Path(sys.argv[1]), 90)])\n"
    )
    process = subprocess.run([sys.executable, "-c", code, str(folder)], check=False)
    assert process.returncode == -9
    assert path.exists()
    assert log_format.read(folder)["x"].tolist() == [*range(20)]
    assert [*rotation.rotate(folder, 90)] == []
    assert file_names(folder) == [f"{EARLIER}.{1:012x}.{number}.parquet" for number in range(3)]
    assert log_format.read(folder)["x"].tolist() == [*range(20)]
    assert sum(len(pd.read_parquet(path)) for path in folder.iterdir()) == 20


def test_a_failed_rotation_is_reported_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    abandoned_journal(tmp_path, 1, journal_line("a", {"x": 1}))
    log = open_log(tmp_path)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    log.rotate_if_due()
    monkeypatch.setattr(sys, "executable", "/nowhere")
    log.rotate_if_due()
    assert log.failed_journals == 2
    assert capsys.readouterr().out.count("\n") == 2
    monkeypatch.undo()
    log.rotate_if_due()
    assert suffixes(tmp_path) == [".parquet"]
