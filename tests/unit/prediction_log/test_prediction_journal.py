"""The journal of a server holds each answer once, and no fault of it reaches an answer."""

import errno
import os
import stat
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from prediction_logs import NOW, log_answer, open_log, set_clock, suffixes

from headrace.prediction_log import log_format


@pytest.fixture(autouse=True)
def fixed_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the hour from ending in the middle of a test."""
    set_clock(monkeypatch, NOW)


def test_models_with_other_types_have_separate_tables(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    log_answer(log, "a", {"weekday": 3}, {"weekday": 4}, model="one")
    log_answer(log, "b", {"weekday": "3"}, model="two")
    log_answer(log, "c", {"weekday": 5}, model="one")
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


def test_a_column_of_several_types_keeps_its_values(tmp_path: Path) -> None:
    values = [1, "x", None, True, 2.5, 10**400, [1], "\ud800"]
    log = open_log(tmp_path)
    log_answer(log, "a", *({"x": value, "n": number} for number, value in enumerate(values)))
    log_answer(log, "b", {"x": "y", "n": 0.5})
    log.close()
    assert log.failed_journals == 0
    logged = log_format.read(tmp_path)
    expected = ["1", "x", None, "true", "2.5", str(10**400), "[1]", "\\ud800", "y"]
    assert [None if pd.isna(value) else value for value in logged["x"]] == expected
    assert logged["n"].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 0.5]


def test_an_input_that_is_always_missing_keeps_its_column(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    log_answer(log, "a", {"gust": None, "temp": 1})
    log.close()
    log_answer(log, "b", {"gust": 2.5, "temp": None})
    logged = log_format.read(tmp_path)
    assert logged["gust"].isna().tolist() == [True, False]
    assert logged["temp"].tolist()[0] == 1
    assert [*logged.columns][4:6] == ["gust", "temp"]


def test_an_input_does_not_replace_request_row_or_time(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    log_answer(
        log, "a", {"row": 7, "request": "x", "time": 5}, {"row": 7, "request": "x", "time": 5}
    )
    logged = log_format.read(tmp_path)
    assert logged["request"].tolist() == ["a", "a"]
    assert logged["row"].tolist() == [0, 1]


def test_an_error_while_logging_reaches_no_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = open_log(tmp_path, excluded=frozenset(["x"]))
    for body in (b"no json", b"3", b"[1]", b"\xff"):
        log.write(body, b"{}")
    assert log.failed_answers == 4
    assert capsys.readouterr().out.count("cannot be logged") == 1
    log_answer(log, "a", {"x": 1, "y": 2})
    assert [*log_format.read(tmp_path).columns][4:] == ["y", "prediction"]


def test_a_line_that_a_full_disk_truncates_damages_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    original, room = os.write, [9, 0]

    def write(handle: int, content: bytes) -> int:
        if not room:
            return original(handle, content)
        if size := room.pop(0):
            return original(handle, content[:size])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    log = open_log(tmp_path)
    log_answer(log, "a", {"x": 1})
    monkeypatch.setattr(os, "write", write)
    for request in ("b", "c", "d", "e"):
        log_answer(log, request, {"x": 1})
    assert log.failed_answers == 2
    assert "No space left on device" in capsys.readouterr().out
    assert log_format.read(tmp_path)["request"].tolist() == ["a", "d", "e"]
    log.close()
    assert log_format.read(tmp_path)["request"].tolist() == ["a", "d", "e"]


def test_two_servers_keep_each_other_s_rows(tmp_path: Path) -> None:
    first, second = open_log(tmp_path), open_log(tmp_path)
    log_answer(first, "a", {"x": 1})
    log_answer(second, "b", {"x": 2})
    second.close()
    assert suffixes(tmp_path) == [".jsonl", ".parquet"]
    log_answer(first, "c", {"x": 3})
    log_answer(second, "d", {"x": 4})
    first.close()
    second.close()
    logged = log_format.read(tmp_path)
    assert logged["request"].tolist() == ["a", "b", "c", "d"]
    assert suffixes(tmp_path) == [".parquet"] * 3


def test_the_log_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    log_answer(log, "a", {"x": 1})
    modes = [path.stat().st_mode for path in tmp_path.iterdir()]
    log.close()
    modes += [path.stat().st_mode for path in tmp_path.iterdir()]
    assert [stat.S_IMODE(mode) for mode in modes] == [0o600, 0o600]
