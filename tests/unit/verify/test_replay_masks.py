"""`make replay` compares outputs as a run's normal form has them."""

from pathlib import Path
from typing import Any

import pytest
from nbval.plugin import IPyNbCell

from headrace.verify import replay

PAIRS = {
    "a nested repr": ("<function <lambda> at 0x…>", "<function <lambda> at 0x7f00deadbeef>"),
    "a thread": ("<Thread(T, started …)>", "<Thread(T, started 140203928)>"),
    "a place in a file": ("src/mini/a.py:3: UserWarning", "/copy/src/mini/a.py:3: UserWarning"),
    "a random id": ('<table id="T_00002">', '<table id="T_7a1c9">'),
}


@pytest.mark.parametrize("name", PAIRS)
def test_what_a_run_masks_is_no_difference(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(IPyNbCell, "sanitize", lambda _cell, text: text)
    replay.mask_as_runs(Path("/copy"))
    cell: Any = None
    stored, replayed = (IPyNbCell.sanitize(cell, text) for text in PAIRS[name])
    assert stored == replayed
