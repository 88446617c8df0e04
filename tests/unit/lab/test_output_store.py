"""Outputs are split off a notebook and joined again, and a broken file of them does no harm."""

from pathlib import Path

import nbformat
import pytest

from headrace.lab import output_store


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 3}', '{"a": {"outputs": []}}'])
def test_a_broken_file_of_outputs_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "side.json").write_text(text)
    assert output_store.read(tmp_path / "side.json") == {}


def test_splitting_and_joining_gives_back_what_was_there() -> None:
    node = nbformat.v4.new_notebook()
    result = nbformat.v4.new_output("stream", name="stdout", text="x")
    node.cells = [nbformat.v4.new_code_cell("1", outputs=[result], execution_count=4)]
    clean, outputs = output_store.split(node)
    assert clean.cells[0].outputs == []
    assert output_store.join(clean, outputs) == node


def test_outputs_of_a_notebook_that_is_gone_are_removed(tmp_path: Path) -> None:
    for name in ("notebooks/here.ipynb", "notebooks/more/gone.ipynb"):
        path = output_store.path_of(tmp_path, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks/here.ipynb").write_text("{}")
    output_store.follow_moves(tmp_path)
    assert [path.name for path in tmp_path.rglob("*.json")] == ["here.ipynb.json"]
    output_store.follow_moves(tmp_path / "more")  # a study without a folder of outputs


def test_a_notebook_of_an_older_format_is_the_same_source() -> None:
    cells = [{"cell_type": "code", "input": "1", "language": "python", "outputs": []}]
    old = nbformat.from_dict(
        {"metadata": {}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": cells}]}
    )
    opened, _ = output_store.split(nbformat.convert(old, 4))
    assert output_store.is_same(old, opened)
    opened.cells[0].source = "2"
    assert not output_store.is_same(old, opened)


def test_a_notebook_with_other_results_is_another() -> None:
    node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", execution_count=1)])
    for change in (
        {"execution_count": 2},
        {"outputs": [nbformat.v4.new_output("stream", text="")]},
    ):
        other = nbformat.from_dict(node)
        other.cells = [nbformat.from_dict(node.cells[0] | change)]
        assert output_store.is_same(node, nbformat.from_dict(node))
        assert not output_store.is_same(node, other)


def test_outputs_follow_a_notebook_that_git_has_moved(tmp_path: Path) -> None:
    node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", execution_count=1)])
    clean, outputs = output_store.split(node)
    output_store.write(outputs, output_store.path_of(tmp_path, "notebooks/01_old.ipynb"))
    other = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
    for name, moved in (("00_other", other), ("more/02_new", clean), ("scratch/03", clean)):
        path = tmp_path / f"notebooks/{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(moved, path)
    (tmp_path / "notebooks/broken.ipynb").write_text("{")
    output_store.follow_moves(tmp_path)
    kept = [path for path in (tmp_path / output_store.FOLDER).rglob("*") if path.is_file()]
    assert kept == [output_store.path_of(tmp_path, "notebooks/more/02_new.ipynb")]
    assert output_store.read(kept[0]) == outputs
