"""The message of a failed stage names the line that failed, in the project's own code."""

from pathlib import Path

import nbformat
import pytest

import headrace
from headrace.execution import failure_message

V4 = nbformat.v4
ROOT = Path("/studies/one")
ENGINE = Path(headrace.__file__).parent / "execution/interrupts.py"
FRAMES = {
    "the project's own": (f"{ROOT}/src/mini/a.py", "    at src/mini/a.py, line 9, in f"),
    "its notebooks' package": (
        f"{ROOT}/notebooks/lab/a.py",
        "    at notebooks/lab/a.py, line 9, in f",
    ),
    "another project's, installed editable": ("/other/src/mini/a.py", None),
    "the engine's, installed editable": (str(ENGINE), None),
    "the engine's, in its own project": (f"{ROOT}/src/headrace/execution/a.py", None),
    "a library's": (f"{ROOT}/.venv/lib/src/a.py", None),
}


def _describe(*trace: str, evalue: str = "no") -> list[str]:
    """Describe the error of a notebook's one cell."""
    traceback = ["Cell In[1], line 2", *trace]
    error = V4.new_output("error", ename="ValueError", evalue=evalue, traceback=traceback)
    node = V4.new_notebook(cells=[V4.new_code_cell("x = 1\nf(x)", outputs=[error])])
    return failure_message.describe_error(ROOT, "train", node, 0, "notebooks/a.ipynb").splitlines()


@pytest.mark.parametrize("whose", FRAMES)
def test_the_deepest_line_of_the_project_s_own_code_is_named_and_no_other(whose: str) -> None:
    path, place = FRAMES[whose]
    lines = _describe(f"File \x1b[32m{path}:9\x1b[39m, in f(x)")
    assert lines[:2] == ["Stage train failed in cell 1 of notebooks/a.ipynb, line 2:", "    f(x)"]
    assert lines[2:4] == [place, "ValueError: no"] if place else lines[2] == "ValueError: no"


@pytest.mark.parametrize("word", ["x", "src/", "File src/", "/studies/one/", "Cell In[1"])
def test_a_long_word_in_an_error_does_not_hold_its_message_up(word: str) -> None:
    """Where the time grew with its square, this would take minutes."""
    lines = _describe(f"ValueError: {word * 300_000}", evalue=word * 300_000)
    assert lines[2] == f"ValueError: {word * 300_000}"
