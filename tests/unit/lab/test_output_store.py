"""Outputs are split off a notebook and joined again, and a broken file of them does no harm."""

from collections.abc import Sequence
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


def _moved(root: Path, old: str, *notebooks: tuple[str, nbformat.NotebookNode]) -> list[str]:
    """Return for which notebooks outputs are kept after a start, where some were kept for `old`."""
    cells = [nbformat.v4.new_code_cell(str(n), execution_count=1, id=f"id-{n}") for n in range(4)]
    _, outputs = output_store.split(nbformat.v4.new_notebook(cells=cells))
    output_store.write(outputs, output_store.path_of(root, old))
    for name, node in notebooks:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(node, path)
    output_store.follow_moves(root)
    kept = [path for path in (root / output_store.FOLDER).rglob("*") if path.is_file()]
    assert all(output_store.read(path) == outputs for path in kept)
    folder = root / output_store.FOLDER
    return [path.relative_to(folder).as_posix().removesuffix(".json") for path in kept]


def _notebook(*sources: str, ids: Sequence[int] = range(9)) -> nbformat.NotebookNode:
    cells = [
        nbformat.v4.new_code_cell(source, id=f"id-{n}")
        for n, source in zip(ids, sources, strict=False)
    ]
    return nbformat.v4.new_notebook(cells=cells)


SAME = _notebook("0", "1", "2", "3")
OTHER = _notebook("0", "1", "2", "3", ids=range(5, 9))


@pytest.mark.parametrize(
    "new", ["notebooks/more/02_new.ipynb", "notebooks/scratch/03.ipynb", "side/notebooks/a.ipynb"]
)
def test_outputs_follow_a_notebook_that_git_has_moved(tmp_path: Path, new: str) -> None:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks/broken.ipynb").write_text("{")
    others = [("notebooks/00_other.ipynb", OTHER), ("runs/run.ipynb", SAME)]
    assert _moved(tmp_path, "notebooks/01_old.ipynb", *others, (new, SAME)) == [new]


def test_outputs_follow_a_notebook_that_was_renamed_and_edited(tmp_path: Path) -> None:
    edited = _notebook("0", "edited", "2", "3", "more")
    copied = _notebook("0", "1", "other", "another")  # half of it, and the ids of all
    notebooks = (("notebooks/a.ipynb", copied), ("notebooks/b.ipynb", edited))
    assert _moved(tmp_path, "notebooks/01_old.ipynb", *notebooks) == ["notebooks/b.ipynb"]


def test_outputs_of_cells_without_ids_go_to_the_same_cells_only(tmp_path: Path) -> None:
    node = nbformat.from_dict(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", execution_count=1)])
    )
    node.nbformat_minor, _ = 4, node.cells[0].pop("id")
    clean, outputs = output_store.split(node)
    output_store.write(outputs, output_store.path_of(tmp_path, "notebooks/old.ipynb"))
    (tmp_path / "notebooks").mkdir()
    nbformat.write(clean, tmp_path / "notebooks/b.ipynb")
    clean.cells[0].source = "2"
    nbformat.write(clean, tmp_path / "notebooks/a.ipynb")
    output_store.follow_moves(tmp_path)
    assert output_store.path_of(tmp_path, "notebooks/b.ipynb").exists()


def test_outputs_of_a_notebook_that_is_gone_go_to_no_other_of_the_same_template(
    tmp_path: Path,
) -> None:
    others = [(f"notebooks/{name}.ipynb", _notebook(*"0xyz")) for name in ("a", "b")]
    assert _moved(tmp_path, "notebooks/01_old.ipynb", *others) == []
