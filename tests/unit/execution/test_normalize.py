"""A run's normal form: what differs from run to run is removed, and nothing else."""

import nbformat
import pytest

from headrace.execution import normalize


def _executed() -> nbformat.NotebookNode:
    v4 = nbformat.v4
    output = v4.new_output(
        "execute_result", {"text/plain": "<A object at 0x7f00deadbeef>"}, execution_count=9
    )
    stream = v4.new_output(
        "stream", name="stdout", text="at 0x7f00deadbeef, 0xff\n<B at 0x7f00deadbeef>\n"
    )
    injected = v4.new_code_cell(
        "x = 1", metadata={"tags": ["injected-parameters"]}, execution_count=4
    )
    cell = v4.new_code_cell("A()", outputs=[output, stream], execution_count=9)
    cell.metadata["papermill"] = {"start_time": "2026-01-01"}
    return v4.new_notebook(cells=[injected, cell], metadata={"papermill": {"duration": 3.2}})


def test_normal_form_masks_addresses_in_reprs_and_nothing_else() -> None:
    cell = normalize.normalize(_executed()).cells[1]
    assert cell.outputs[0].data["text/plain"] == "<A object at 0x…>"
    assert cell.outputs[1].text == "at 0x7f00deadbeef, 0xff\n<B at 0x…>\n"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("<Future at 0x7f00deadbeef state=pending>", "<Future at 0x… state=pending>"),
        (
            "<weakref at 0x7f00deadbeef; to 'A' at 0x7f00deadbeaf>",
            "<weakref at 0x…; to 'A' at 0x…>",
        ),
        ("<bound method A.f of <A at 0x7f00deadbeef>>", "<bound method A.f of <A at 0x…>>"),
        ("<td>&lt;A at 0x7f00deadbeef&gt;</td>", "<td>&lt;A at 0x…&gt;</td>"),
        ("at 0x7f00deadbeef", "at 0x7f00deadbeef"),
        ("<b>bus 0x7f00deadbeef</b>", "<b>bus 0x7f00deadbeef</b>"),
    ],
)
def test_an_address_is_masked_in_a_repr_and_nowhere_else(text: str, masked: str) -> None:
    output = nbformat.v4.new_output("stream", name="stdout", text=text)
    cell = nbformat.v4.new_code_cell("x", outputs=[output], execution_count=1)
    node = normalize.normalize(nbformat.v4.new_notebook(cells=[cell]))
    assert node.cells[0].outputs[0].text == masked


def test_normal_form_keeps_a_widget_s_text_and_drops_its_live_view() -> None:
    view = {"model_id": "8c6f", "version_major": 2, "version_minor": 0}
    data = {"application/vnd.jupyter.widget-view+json": view, "text/plain": "IntSlider(value=3)"}
    output = nbformat.v4.new_output("display_data", data)
    cell = nbformat.v4.new_code_cell("x", outputs=[output], execution_count=1)
    node = normalize.normalize(nbformat.v4.new_notebook(cells=[cell]))
    assert node.cells[0].outputs[0].data == {"text/plain": "IntSlider(value=3)"}


def test_normal_form_is_valid_and_normalising_twice_changes_nothing() -> None:
    node = normalize.normalize(_executed())
    nbformat.validate(node)
    once = normalize.text(node)
    assert normalize.text(normalize.normalize(node)) == once
    assert "papermill" not in once
    assert node.cells[0].id == "injected-parameters"
    assert [cell.execution_count for cell in node.cells] == [1, 2]
    assert node.cells[1].outputs[0].execution_count == 2
