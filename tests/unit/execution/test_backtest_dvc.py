"""The backtest of a study, where DVC is not the one that it was written for."""

from pathlib import Path

import pytest
from dvc.ignore import DvcIgnorePatterns

from headrace.errors import HeadraceError
from headrace.execution import backtest


def test_a_dvc_that_reads_its_ignore_file_in_another_way_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(DvcIgnorePatterns, "from_file")
    with pytest.raises(HeadraceError, match=r"^The installed DVC .*\. Next: make setup"):
        backtest.repro(tmp_path)
