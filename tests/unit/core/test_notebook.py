"""The parameters cell of a source notebook."""

from pathlib import Path

import pytest

from headrace.core import notebook
from headrace.errors import NotebookError

PATH = Path("study/notebooks/01_train.ipynb")


def test_defaults_are_the_literals_of_the_cell() -> None:
    source = "# why\nmax_iter: int = 200  # trees\nrate = -0.5\nnames = ['a']\nnone = None"
    expected = {"max_iter": 200, "rate": -0.5, "names": ["a"], "none": None}
    assert notebook.defaults(source, PATH) == expected


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("a = 1\nb = a + 1", "line 2: `b = a + 1` is not `name = literal`"),
        ("a, b = 1, 2", "line 1: "),
        ("a = b = 1", "line 1: "),
        ("a =", "line 1: "),
        ("print(1)", "Next: move it into a later cell"),
    ],
)
def test_any_other_line_is_refused_by_its_number(source: str, message: str) -> None:
    with pytest.raises(NotebookError) as error:
        notebook.defaults(source, PATH)
    assert message in str(error.value)
    assert str(error.value).startswith("notebooks/01_train.ipynb, parameters cell, line ")


@pytest.mark.parametrize("count", [0, 2])
def test_a_notebook_has_one_parameters_cell(count: int) -> None:
    with pytest.raises(NotebookError, match=rf'one cell with the tag "parameters", it has {count}'):
        notebook.refuse_but_one(count, PATH)


def test_a_missing_notebook_is_named_from_its_folder_on(tmp_path: Path) -> None:
    with pytest.raises(
        NotebookError, match=r"^notebooks/01_x\.ipynb is missing. Next: git checkout"
    ):
        notebook.read(tmp_path / "notebooks/01_x.ipynb")


def test_a_cell_without_an_id_gets_one_by_its_place(tmp_path: Path) -> None:
    path = tmp_path / "notebooks/01_x.ipynb"
    path.parent.mkdir()
    cell = (
        '{"cell_type": "code", "metadata": {"tags": ["parameters"]}, "outputs": [],'
        ' "execution_count": null, "source": "a = 1"}'
    )
    path.write_text(f'{{"cells": [{cell}], "metadata": {{}}, "nbformat": 4, "nbformat_minor": 4}}')
    source = notebook.read(path)
    assert (source.defaults, source.node.cells[0].id) == ({"a": 1}, "cell-0")
