"""`headrace debug` opens a failed run at the cell that failed."""

import json
from pathlib import Path

import pytest
from mini_study import cell, notebook

from headrace.lab import launch

ERROR = {"output_type": "error", "ename": "E", "evalue": "", "traceback": []}


@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        ([{"execution_count": 1}, {"execution_count": 2, "outputs": [ERROR]}, {}], "c2"),
        ([{"execution_count": 1}, {}, {}], "c2"),  # it was killed in the second cell
        ([{}, {}, {}], "c1"),
        ([{"execution_count": 1}], "c0"),  # it was killed after the last one
        ([], "c0"),
    ],
)
def test_the_failed_cell_has_an_error_or_did_not_end(
    tmp_path: Path, changes: list[dict[str, object]], failed: str
) -> None:
    run = tmp_path / "runs/failed/train.ipynb"
    run.parent.mkdir(parents=True)
    code = [cell("1") | change for change in changes]
    run.write_text(notebook(cell("# Train", kind="markdown"), *code))
    (_, option) = launch._options_at_cell(tmp_path, run)
    settings = option.partition("=")[2].replace("'", '"')
    page = json.loads(settings)["page_config_data"]["headraceCell"]
    assert page == {"path": "runs/failed/train.ipynb", "cell": failed}
