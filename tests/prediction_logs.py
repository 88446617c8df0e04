"""Logs of predictions for tests: journals, what a killed server leaves, and a clock."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headrace.prediction_log import journal, log_format, rotation

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


def open_log(
    folder: Path, *, days: int = 90, excluded: frozenset[str] = frozenset()
) -> journal.Journal:
    """Return a journal in a folder."""
    return journal.Journal(folder, days, excluded)


def log_answer(log: journal.Journal, request: str, *rows: Any, model: str = "m") -> None:
    """Log rows as the server does, each with the prediction 0.5."""
    response = {
        "model": model,
        "request": request,
        "predictions": [{"prediction": 0.5}] * len(rows),
    }
    log.write(json.dumps(rows).encode(), json.dumps(response).encode())


def journal_line(request: str, row: Any, time: str = "2020-01-01T00:00:00.000+00:00") -> str:
    """Return a journal's line."""
    response = {"model": "m", "request": request, "predictions": [{"prediction": 0.5}]}
    return json.dumps({"time": time, "asked": row, "answered": response}) + "\n"


def abandoned_journal(folder: Path, number: int, content: str | bytes) -> Path:
    """Write a journal of an earlier hour, as a killed server leaves it."""
    path = folder / f"{EARLIER}.{number:012x}.jsonl"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def file_names(folder: Path) -> list[str]:
    """Return the names of the files in a folder."""
    return sorted(path.name for path in folder.iterdir())


def suffixes(folder: Path) -> list[str]:
    """Return the suffixes of the files in a folder."""
    return sorted(path.suffix for path in folder.iterdir())
