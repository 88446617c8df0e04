"""What a stage left running writes to an out under a temporary name, and what is none of that."""

from pathlib import Path

import pytest

from headrace.core.entry import Entry
from headrace.execution import left_processes

PARTS = [".model.skops.x7", "model.skops.tmp", "model.skops~", "tmp-model.skops", "x_model.skops"]
OTHERS = ["model.skops.lock", "model.skops.log", "model.skopsx", "supermodel.skops", "model.txt"]


@pytest.mark.parametrize("name", [*PARTS, *OTHERS])
def test_a_temporary_name_of_an_out_holds_the_whole_name_and_is_no_lock_or_log(
    name: str, tmp_path: Path
) -> None:
    out = Entry("models/model.skops", {}, ())
    path = str(tmp_path.resolve() / "models" / name)
    found = [*left_processes._outs_at([path], tmp_path, [out])]
    assert found == ([out.path] if name in PARTS else [])
