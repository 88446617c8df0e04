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
