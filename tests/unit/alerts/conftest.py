"""A watched study, and an environment in which nobody is notified."""

from pathlib import Path

import pytest
from watched_study import Watched

from headrace.alerts.webhook import VARIABLE


@pytest.fixture(autouse=True)
def _no_receivers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    """A study with one live rule and no incident."""
    return Watched.make(tmp_path / "study")
