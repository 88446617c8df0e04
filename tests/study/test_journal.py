"""What a server wrote down is kept once, in order, whatever becomes of the server or the disk."""

import errno
import fcntl
import hashlib
import json
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from servers import BUNDLE, serving

from headrace.bundle import archive
from headrace.bundle.model_service import Service
from headrace.errors import HeadraceError
from headrace.execution import sandbox
from headrace.prediction_log import journal, log_format, rotation
from headrace.serve import command
from lab import bake

NOW = datetime.now(UTC).replace(minute=0, second=0)
HOUR = NOW.strftime(log_format.HOUR)
EARLIER = (NOW - timedelta(hours=3)).strftime(log_format.HOUR)


class Clock(datetime):
    """A clock that goes on by a microsecond whenever it is read."""

    time = NOW

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        cls.time += timedelta(microseconds=1)
        return cls.time.astimezone(tz)


def set_clock(monkeypatch: pytest.MonkeyPatch, time: datetime) -> None:
    """Set the clock of the log and of its rotation."""
    monkeypatch.setattr(Clock, "time", time)
    for module in (journal, rotation):
        monkeypatch.setattr(module, "datetime", Clock)


@pytest.fixture(autouse=True)
def slow_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the hour from ending in the middle of a test."""
    set_clock(monkeypatch, NOW)


def log_into(
    folder: Path, *, days: int = 90, never: frozenset[str] = frozenset()
) -> journal.Journal:
    """Return a journal in a folder."""
    return journal.Journal(folder, days, never)


def answer(log: journal.Journal, request: str, *rows: Any, model: str = "m") -> None:
    """Write down rows as the server does, each with the prediction 0.5."""
    answered = {
        "model": model,
        "request": request,
        "predictions": [{"prediction": 0.5}] * len(rows),
    }
    log.write(json.dumps(rows).encode(), json.dumps(answered).encode())


def text(request: str, row: Any, time: str = "2020-01-01T00:00:00.000+00:00") -> str:
    """Return a journal's line."""
    answered = {"model": "m", "request": request, "predictions": [{"prediction": 0.5}]}
    return json.dumps({"time": time, "asked": row, "answered": answered}) + "\n"


def left(folder: Path, number: int, content: str | bytes) -> Path:
    """Leave a journal of an earlier hour, as a server does that was killed."""
    path = folder / f"{EARLIER}.{number:012x}.jsonl"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def names(folder: Path) -> list[str]:
    """Return what lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


def ends(folder: Path) -> list[str]:
    """Return of what kinds the files in a folder are."""
    return sorted(path.suffix for path in folder.iterdir())


def test_models_that_take_other_types_have_tables_of_their_own(tmp_path: Path) -> None:
    log = log_into(tmp_path)
    answer(log, "a", {"weekday": 3}, {"weekday": 4}, model="one")
    answer(log, "b", {"weekday": "3"}, model="two")
    answer(log, "c", {"weekday": 5}, model="one")
    opened = log_format.read(tmp_path)
    log.close()
    tables = [pa.parquet.read_table(path) for path in sorted(tmp_path.iterdir())]
    assert [table["request"].to_pylist() for table in tables] == [["a", "a", "c"], ["b"]]
    assert [table.schema.field("weekday").type for table in tables] == [pa.int64(), pa.string()]
    for logged in (opened, log_format.read(tmp_path)):
        assert logged["weekday"].tolist() == [3, 4, "3", 5]
        assert logged["request"].tolist() == ["a", "a", "b", "c"]
        expected = ["request", "row", "time", "model", "weekday", "prediction"]
        assert [*logged.columns] == expected
    assert (log.failed_answers, log.failed_journals) == (0, 0)


def test_a_column_of_several_kinds_keeps_what_was_written(tmp_path: Path) -> None:
    values = [1, "x", None, True, 2.5, 10**400, [1], "\ud800"]
    log = log_into(tmp_path)
    answer(log, "a", *({"x": value, "n": number} for number, value in enumerate(values)))
    answer(log, "b", {"x": "y", "n": 0.5})
    log.close()
    assert log.failed_journals == 0
    logged = log_format.read(tmp_path)
    expected = ["1", "x", None, "true", "2.5", str(10**400), "[1]", "\\ud800", "y"]
    assert [None if pd.isna(value) else value for value in logged["x"]] == expected
    assert logged["n"].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 0.5]


def test_a_value_that_is_never_there_keeps_its_column(tmp_path: Path) -> None:
    log = log_into(tmp_path)
    answer(log, "a", {"gust": None, "temp": 1})
    log.close()
    answer(log, "b", {"gust": 2.5, "temp": None})
    logged = log_format.read(tmp_path)
    assert logged["gust"].isna().tolist() == [True, False]
    assert logged["temp"].tolist()[0] == 1
    assert [*logged.columns][4:6] == ["gust", "temp"]


def test_an_input_takes_no_place_of_what_a_row_is_known_by(tmp_path: Path) -> None:
    log = log_into(tmp_path)
    answer(log, "a", {"row": 7, "request": "x", "time": 5}, {"row": 7, "request": "x", "time": 5})
    logged = log_format.read(tmp_path)
    assert logged["request"].tolist() == ["a", "a"]
    assert logged["row"].tolist() == [0, 1]


def test_a_journal_that_becomes_no_table_is_put_aside_and_the_next_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = left(tmp_path, 1, text("a", {"x": "bad"}))
    left(tmp_path, 2, text("b", {"x": "good"}))
    real = log_format.to_table

    def table(rows: Any, schema: pa.Schema) -> pa.Table:
        if rows[0]["x"] == "bad":
            raise pa.ArrowInvalid("a fault")
        return real(rows, schema)

    monkeypatch.setattr(log_format, "to_table", table)
    log = log_into(tmp_path)
    log.close()
    assert log.failed_journals == 1
    assert names(tmp_path) == [f"{broken.name}.broken", f"{EARLIER}.{2:012x}.0.parquet"]
    monkeypatch.undo()
    assert log_format.read(tmp_path)["request"].tolist() == ["b"]


def test_a_full_disk_leaves_the_journal_for_another_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    there = left(tmp_path, 1, text("a", {"x": 1}))
    log = log_into(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    log.close()
    assert names(tmp_path) == [there.name]
    assert log.failed_journals == 1
    assert "No space left on device. Next: " in capsys.readouterr().out
    monkeypatch.undo()
    log.close()
    assert names(tmp_path) == [f"{EARLIER}.{1:012x}.0.parquet"]


def test_nothing_of_what_goes_wrong_while_writing_reaches_an_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = log_into(tmp_path, never=frozenset(["x"]))
    for body in (b"no json", b"3", b"[1]", b"\xff"):
        log.write(body, b"{}")
    assert log.failed_answers == 4
    assert capsys.readouterr().out.count("cannot be logged") == 1
    answer(log, "a", {"x": 1, "y": 2})
    assert [*log_format.read(tmp_path).columns][4:] == ["y", "prediction"]


def test_a_line_that_a_full_disk_cuts_off_spoils_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real, room = os.write, [9, 0]

    def write(handle: int, content: bytes) -> int:
        if not room:
            return real(handle, content)
        if left := room.pop(0):
            return real(handle, content[:left])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    log = log_into(tmp_path)
    answer(log, "a", {"x": 1})
    monkeypatch.setattr(os, "write", write)
    for request in ("b", "c", "d", "e"):
        answer(log, request, {"x": 1})
    assert log.failed_answers == 2
    assert "No space left on device" in capsys.readouterr().out
    assert log_format.read(tmp_path)["request"].tolist() == ["a", "d", "e"]
    log.close()
    assert log_format.read(tmp_path)["request"].tolist() == ["a", "d", "e"]


def test_two_servers_lose_none_of_each_other_s_rows(tmp_path: Path) -> None:
    first, second = log_into(tmp_path), log_into(tmp_path)
    answer(first, "a", {"x": 1})
    answer(second, "b", {"x": 2})
    second.close()
    assert ends(tmp_path) == [".jsonl", ".parquet"]
    answer(first, "c", {"x": 3})
    answer(second, "d", {"x": 4})
    first.close()
    second.close()
    logged = log_format.read(tmp_path)
    assert logged["request"].tolist() == ["a", "b", "c", "d"]
    assert ends(tmp_path) == [".parquet"] * 3


def test_a_journal_that_somebody_writes_is_left_to_them(tmp_path: Path) -> None:
    there = left(tmp_path, 1, text("a", {"x": 1}))
    with there.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert not rotation.is_due(tmp_path, 90, Path())
        assert [*rotation.rotate(tmp_path, 90)] == []
        assert names(tmp_path) == [there.name]
    assert rotation.is_due(tmp_path, 90, Path())
    assert [*rotation.rotate(tmp_path, 90)] == []
    assert ends(tmp_path) == [".parquet"]


def test_a_journal_that_was_made_this_moment_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / f"{HOUR}.{1:012x}.jsonl"
    path.touch()
    assert [*rotation.rotate(tmp_path, 90)] == []
    assert path.exists()
    handle = os.open(path, os.O_RDWR)
    path.write_text(text("a", {"x": 1}))
    path.unlink()
    assert not rotation.acquire(handle, path)
    os.close(handle)


def test_a_journal_without_an_id_replaces_no_table(tmp_path: Path) -> None:
    for request in ("a", "b"):
        (tmp_path / f"{EARLIER}.jsonl").write_text(text(request, {"x": 1}))
        assert [*rotation.rotate(tmp_path, 90)] == []
    (tmp_path / f"{HOUR}.jsonl").write_text(text("c", {"x": 1}))  # its server may be there still
    assert [*rotation.rotate(tmp_path, 90)] == []
    assert ends(tmp_path) == [".jsonl", ".parquet", ".parquet"]
    assert sorted(log_format.read(tmp_path)["request"]) == ["a", "b", "c"]


def test_what_is_not_ours_is_left_as_it_is(tmp_path: Path) -> None:
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
    log = log_into(tmp_path, days=1)
    assert not rotation.is_due(tmp_path, 1, Path())
    answer(log, "a", {"x": 1})
    assert len(log_format.read(tmp_path)) == 1
    log.close()
    assert log.failed_journals == 0
    there = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert {name: there.get(name) for name in foreign} == foreign
    assert len(there) == len(foreign) + 1


@pytest.mark.parametrize("content", ["no json\n", '{"note": 1}\n[]\n3\n', text("a", 3), "\0" * 99])
def test_a_journal_in_which_no_line_is_ours_is_never_deleted(tmp_path: Path, content: str) -> None:
    there = left(tmp_path, 1, content)
    (problem,) = rotation.rotate(tmp_path, 90)
    assert "it has no valid line; moved. Next: see" in problem
    assert names(tmp_path) == [f"{there.name}.broken"]
    assert (tmp_path / f"{there.name}.broken").read_bytes() == content.encode()
    assert [*rotation.rotate(tmp_path, 90)] == []


def test_old_tables_are_forgotten_and_cut_lines_are_no_rows(tmp_path: Path) -> None:
    for end in (".parquet", f".{1:012x}.0.parquet", f".{1:012x}.jsonl.broken"):
        (tmp_path / f"2001-01-01T00{end}").write_bytes(b"old")
    whole = text("b", {"x": 1})
    left(tmp_path, 1, text("a", {"x": 1}) + "no json\n" + whole + whole[:20])
    left(tmp_path, 2, "")
    log = log_into(tmp_path)
    assert rotation.is_due(tmp_path, 90, Path())
    log.close()
    assert names(tmp_path) == [f"{EARLIER}.{1:012x}.0.parquet"]
    assert log_format.read(tmp_path)["request"].tolist() == ["a", "b"]
    assert not rotation.is_due(tmp_path, 90, Path())


def test_what_is_written_down_is_for_its_owner_alone(tmp_path: Path) -> None:
    log = log_into(tmp_path)
    answer(log, "a", {"x": 1})
    modes = [path.stat().st_mode for path in tmp_path.iterdir()]
    log.close()
    modes += [path.stat().st_mode for path in tmp_path.iterdir()]
    assert [stat.S_IMODE(mode) for mode in modes] == [0o600, 0o600]


def test_a_large_journal_is_followed_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "MAX_BYTES", 1000)
    log = log_into(tmp_path)
    for number in range(50):
        answer(log, f"{number:02}", {"x": number})
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert len(sizes) > 5
    assert max(sizes) < 2000
    assert log.ended.is_set()
    log.rotate_if_due()
    assert ends(tmp_path) == [".jsonl", *[".parquet"] * (len(sizes) - 1)]
    logged = log_format.read(tmp_path)
    assert logged["x"].tolist() == [*range(50)]
    log.close()
    assert log_format.read(tmp_path).equals(logged)


def test_an_hour_that_is_over_becomes_a_table_though_nobody_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = log_into(tmp_path)
    answer(log, "a", {"x": 1})
    log.rotate_if_due()
    assert ends(tmp_path) == [".jsonl"]
    set_clock(monkeypatch, NOW + timedelta(hours=1))
    log.rotate_if_due()
    assert ends(tmp_path) == [".parquet"]
    assert log.failed_journals == 0


def test_a_journal_goes_through_memory_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [text(f"{number:03}", {"x": number, "y": None}) for number in range(300)]
    lines[-1] = text("299", {"x": 0.5, "y": "late"})
    there = left(tmp_path, 1, "".join(lines))
    monkeypatch.setattr(log_format, "PART_BYTES", 1000)
    assert max(map(len, log_format.read_parts(there))) < 20
    assert [*rotation.rotate(tmp_path, 90)] == []
    (table,) = tmp_path.iterdir()
    assert pa.parquet.ParquetFile(table).num_row_groups > 15
    logged = pd.read_parquet(table)
    assert logged["x"].tolist() == [*range(299), 0.5]
    assert logged["y"].tolist()[-1] == "late"


@pytest.mark.parametrize("moment", ["replace", "unlink"])
def test_who_is_killed_between_two_files_loses_no_row_and_keeps_none_twice(
    tmp_path: Path, moment: str
) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    rows = [json.loads(text(f"{number:02}", {"x": number})) for number in range(20)]
    for number, row in enumerate(rows):
        row["answered"]["model"] = f"m{number % 3}"
        row["time"] = f"2020-01-01T00:00:{number:02}"
    there = left(folder, 1, "".join(json.dumps(row) + "\n" for row in rows))
    code = (
        "import os, pathlib, sys; from headrace.prediction_log import rotation\n"
        f"real, left = pathlib.Path.{moment}, [1]\n"
        "def die(*given, **more):\n"
        "    if not left: os.kill(os.getpid(), 9)\n"
        "    left.pop(); return real(*given, **more)\n"
        f"pathlib.Path.{moment} = die\n"
        "print([*rotation.rotate(pathlib.Path(sys.argv[1]), 90)])\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], check=False)
    assert done.returncode == -9
    assert there.exists()
    assert log_format.read(folder)["x"].tolist() == [*range(20)]
    assert [*rotation.rotate(folder, 90)] == []
    assert names(folder) == [f"{EARLIER}.{1:012x}.{number}.parquet" for number in range(3)]
    assert log_format.read(folder)["x"].tolist() == [*range(20)]
    assert sum(len(pd.read_parquet(path)) for path in folder.iterdir()) == 20


def test_a_rotation_that_is_killed_is_said_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    left(tmp_path, 1, text("a", {"x": 1}))
    log = log_into(tmp_path)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    log.rotate_if_due()
    monkeypatch.setattr(sys, "executable", "/nowhere")
    log.rotate_if_due()
    assert log.failed_journals == 2
    assert capsys.readouterr().out.count("\n") == 2
    monkeypatch.undo()
    log.rotate_if_due()
    assert ends(tmp_path) == [".parquet"]


def other(files: dict[str, bytes]) -> bytes:
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


def test_a_champion_of_other_types_takes_over_and_every_row_is_kept(
    copy: Path, asked: list[dict[str, Any]], known: dict[str, bytes]
) -> None:
    folder, again = copy / "data/served", {**asked[0], "weekday": "3"}
    before = (copy / BUNDLE).read_bytes()
    with serving(copy, log=True) as running:
        assert running.ask("/predict", asked[0])[0] == 200
        (copy / BUNDLE).write_bytes(other(known))
        assert running.ask("/reload", {})[1]["problem"] == ""
        assert running.ask("/predict", again)[0] == 200
        running.process.kill()
    with serving(copy, log=True) as running:
        assert running.ask("/predict", again)[0] == 200
    assert {*ends(folder)} == {".parquet"}
    logged = log_format.read(folder)
    assert logged["weekday"].tolist() == [asked[0]["weekday"], "3", "3"]
    first, second = (
        hashlib.sha256(archive.unseal(content, "b")[archive.MANIFEST]).hexdigest()[:8]
        for content in (before, other(known))
    )
    assert [*logged["model"]] == [f"bundle.tar {digest}" for digest in (first, second, second)]


def test_a_server_that_finds_its_port_taken_touches_nothing(
    copy: Path, asked: list[dict[str, Any]]
) -> None:
    folder = copy / "data/served"
    with serving(copy, log=True) as running:
        first = running.ask("/predict", asked[0])[1]["request"]
        before = names(folder)
        second = bake.run(copy, "headrace", "serve", "--port", str(running.port), check=False)
        assert second.returncode == 1
        assert "already in use" in second.stdout
        assert "Next: --port" in second.stdout
        assert "Traceback" not in second.stdout
        assert names(folder) == before
        with serving(copy, log=True) as beside:
            third = beside.ask("/predict", asked[1])[1]["request"]
        fourth = running.ask("/predict", asked[2])[1]["request"]
    assert log_format.read(folder)["request"].tolist() == [first, third, fourth]
    assert {*ends(folder)} == {".parquet"}


KEPT = """
import json

import click

from headrace.core import project
from headrace.serve import command, serve_options

@click.command()
@serve_options
def show(**options):
    chosen = command.with_study_log(project.find_project(), command.Options(**options))
    print(json.dumps([chosen.log, chosen.log_days, chosen.log_never]))

show()
"""


def test_what_is_never_written_down_is_so_in_any_folder_and_words_only_add(copy: Path) -> None:
    values = {"serve.log_never": ["carrier"], "serve.log_days": 7}
    sandbox.set_parameters(copy / "params.yaml", values)

    def resolved(*words: str) -> Any:
        return json.loads(bake.run(copy, "python", "-c", KEPT, *words).stdout)

    for log in (True, False):
        sandbox.set_parameters(copy / "params.yaml", {"serve.log": log})
        words = ("--log", "here", "--log-never", "dest", "carrier")
        assert resolved(*words) == ["here", 7, ["dest", "carrier"]]
    assert resolved("--log", "here", "--log-days", "3") == ["here", 3, ["carrier"]]
    assert resolved()[0] == ""


def test_no_bundle_takes_over_without_an_input_that_is_never_written_down() -> None:
    counted: list[str] = []
    loaded = [SimpleNamespace(label="b", schema={"properties": {"carrier": {}}})]
    args = command.Options(log="here", log_never=("carrier",))
    service = Service(command.with_log_check(lambda: loaded[-1], args), counted.append)  # type: ignore[arg-type]
    assert service.reload() == ""
    loaded.append(SimpleNamespace(label="c", schema={"properties": {"carriers": {}}}))
    assert "'carrier' is never to be logged, and is no input of c. " in service.reload()
    assert "Did you mean carriers? Next: " in service.problem
    assert service.champion.label == "b"
    assert counted == ["", service.problem]
    args = command.Options(log_never=("carrier",))
    assert command.with_log_check(lambda: loaded[-1], args)().label == "c"  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("days", [-1, 0, 3651, 10**12])
def test_days_that_would_delete_all_are_refused(days: int) -> None:
    with pytest.raises(HeadraceError, match=rf"{days} days. Next: --log-days with 1 to 3,650"):
        command.with_log_check(lambda: None, command.Options(log_days=days))  # type: ignore[arg-type, return-value]


def test_a_misspelt_name_and_wrong_days_stop_the_start_and_nothing_is_written(copy: Path) -> None:
    sandbox.set_parameters(copy / "params.yaml", {"serve.log_never": ["carier"]})
    for words in (("--port", "0"), ("--log-days", "0")):
        result = bake.run(copy, "headrace", "serve", *words, check=False)
        assert result.returncode == 1
        assert "Next: " in result.stdout
        assert "Traceback" not in result.stdout
        assert not (copy / "data/served").exists()
        assert ("Did you mean carrier?" in result.stdout) == (words[0] == "--port")


def test_what_could_not_be_written_down_is_a_figure(
    quick: Path, tmp_path: Path, asked: list[dict[str, Any]]
) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    broken = left(folder, 1, "no json\n")
    with serving(quick, "--log", str(folder)) as running:
        folder.rename(tmp_path / "away")
        assert running.ask("/predict", asked[0])[0] == 200
        metrics = running.ask("/metrics")[1]
        assert 'headrace_unwritten{what="answers"} 1.0' in metrics
        (tmp_path / "away").rename(folder)
        assert running.ask("/predict", asked[0])[0] == 200
    assert (folder / f"{broken.name}.broken").exists()
    assert len(log_format.read(folder)) == 1
