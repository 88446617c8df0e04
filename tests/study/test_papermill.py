"""A stage goes through papermill's own execute_notebook, with its options and its engines."""

import json

import pytest
from mini_study import Mini

TABLE = "[tool.headrace]\n"


def _set(mini: Mini, line: str) -> None:
    mini.replace("pyproject.toml", TABLE, f"{TABLE}{line}\n")


def test_another_engine_of_papermill_gives_the_same_run(mini: Mini) -> None:
    mini.cells("print(max_iter, name)", "import os\nos.getcwd() == os.path.abspath('.')")
    assert mini.run().returncode == 0
    ours = mini.result()
    _set(mini, 'engine = "nbclient"')
    result = mini.run()
    assert result.returncode == 0, result.stdout
    assert mini.result() == ours


def test_a_cell_that_fails_in_another_engine_is_named_as_in_ours(mini: Mini) -> None:
    _set(mini, 'engine = "nbclient"')
    mini.cells("print('before')\n1 / 0", "print('never')")
    result = mini.run()
    assert result.returncode == 1
    assert "Stage train failed in cell 4 of notebooks/01_train.ipynb, line 2" in result.stdout
    assert "ZeroDivisionError: division by zero" in result.stdout
    failed = json.loads((mini.root / "runs/failed/train.ipynb").read_text())["cells"]
    assert failed[4]["outputs"][0]["text"] == ["before\n"]
    assert "papermill-error" not in json.dumps(failed)


def test_papermills_options_are_those_of_the_project(mini: Mini) -> None:
    _set(mini, "log_output = true\nreport_mode = true\nstart_timeout = 90")
    mini.cells("print('shown')\nmax_iter")
    result = mini.run()
    assert result.returncode == 0, result.stdout
    assert "Executing Cell 5----" in result.stdout
    assert "shown\n20\nEnding Cell 5----" in result.stdout
    code = [cell for cell in mini.result()["cells"] if cell["cell_type"] == "code"]  # type: ignore[attr-defined]
    assert all(cell["metadata"]["jupyter"] == {"source_hidden": True} for cell in code)


def test_a_cell_may_call_papermill_itself(mini: Mini) -> None:
    mini.cells(
        "import nbformat, papermill\nv4 = nbformat.v4\n"
        "inner = v4.new_notebook(cells=[v4.new_code_cell('1 / 0')])\n"
        "inner.metadata.kernelspec = {'name': 'python3', 'language': 'python'}",
        "try: papermill.execute_notebook(inner, 'inner.ipynb', progress_bar=False)\n"
        "except papermill.PapermillExecutionError as error: print(error.ename)",
    )
    result = mini.run()
    assert result.returncode == 0, result.stdout
    assert mini.printed().startswith("ZeroDivisionError\n")
    assert "papermill-error-cell" in (mini.root / "inner.ipynb").read_text()


REFUSED = {
    'engine = "headace"': "engine is 'headace', which papermill does not have. Did you mean",
    "engine = 3": "engine is 3, which papermill does not have.",
    'log_output = "yes"': "log_output is 'yes'. Next: write true or false",
    'start_timeout = "soon"': "start_timeout is 'soon', not a number above 0",
}


@pytest.mark.parametrize("line", REFUSED)
def test_an_option_that_papermill_cannot_take_is_refused_by_name(mini: Mini, line: str) -> None:
    _set(mini, line)
    result = mini.run()
    assert result.returncode == 1
    assert REFUSED[line] in result.stdout
    assert not mini.started
