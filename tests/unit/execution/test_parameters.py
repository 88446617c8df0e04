"""The small parts of headrace, each by its promise."""

from pathlib import Path

import nbformat
import pytest
from conftest import Mini
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.core import atomic
from headrace.errors import ProjectError
from headrace.execution import normalize, parameters_cell
from headrace.report import metrics_table

NAMES = st.sampled_from(["alpha", "beta", "gamma"])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children, max_size=3),
    max_leaves=5,
)


@given(old=st.dictionaries(NAMES, VALUES, min_size=1), new=st.dictionaries(NAMES, VALUES))
@settings(max_examples=200, deadline=None)
def test_sync_sets_the_named_values_and_leaves_the_rest(
    old: dict[str, object], new: dict[str, object]
) -> None:
    cell = "# é\n" + "\n".join(f"{name} = {value!r}  # ü {name}" for name, value in old.items())
    found: dict[str, object] = {}
    exec(parameters_cell.replace(cell, new), found)  # literals, made here
    expected = {name: new.get(name, value) for name, value in old.items()}
    assert repr({name: found[name] for name in old}) == repr(expected)
    assert parameters_cell.replace(cell, new).count("#") >= cell.count("#") - sum(
        repr(value).count("#") for value in old.values()
    )


def test_sync_copies_params_into_the_cell_and_keeps_its_comments(mini: Mini) -> None:
    assert mini.run("sync").stdout == "notebooks/01_train.ipynb\n"
    text = (mini.root / "notebooks/01_train.ipynb").read_text()
    assert "seed = 7  # seed" in text
    assert "name = 'first'" in text
    assert mini.run("sync").stdout == "nothing to change\n"


def test_schema_is_written_once(mini: Mini) -> None:
    assert mini.run("schema").stdout == "params.schema.json written\n"
    assert mini.run("schema").stdout == "params.schema.json is up to date\n"
    assert '"max_iter"' in (mini.root / "params.schema.json").read_text()


def _executed() -> nbformat.NotebookNode:
    made = nbformat.v4
    output = made.new_output(
        "execute_result", {"text/plain": "<A object at 0x7f00deadbeef>"}, execution_count=9
    )
    stream = made.new_output(
        "stream", name="stdout", text="at 0x7f00deadbeef, 0xff\n<B at 0x7f00deadbeef>\n"
    )
    injected = made.new_code_cell(
        "x = 1", metadata={"tags": ["injected-parameters"]}, execution_count=4
    )
    cell = made.new_code_cell("A()", outputs=[output, stream], execution_count=9)
    cell.metadata["papermill"] = {"start_time": "2026-01-01"}
    return made.new_notebook(cells=[injected, cell], metadata={"papermill": {"duration": 3.2}})


def test_normal_form_masks_addresses_in_reprs_and_nothing_else() -> None:
    cell = normalize.normalize(_executed()).cells[1]
    assert cell.outputs[0].data["text/plain"] == "<A object at 0x…>"
    assert cell.outputs[1].text == "at 0x7f00deadbeef, 0xff\n<B at 0x…>\n"


@pytest.mark.parametrize(
    ("said", "kept"),
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
def test_an_address_is_masked_in_a_repr_and_nowhere_else(said: str, kept: str) -> None:
    output = nbformat.v4.new_output("stream", name="stdout", text=said)
    cell = nbformat.v4.new_code_cell("x", outputs=[output], execution_count=1)
    node = normalize.normalize(nbformat.v4.new_notebook(cells=[cell]))
    assert node.cells[0].outputs[0].text == kept


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


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new/file.txt"
    atomic.write_text(path, "old")

    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        atomic.write_whole(path, fail)
    assert path.read_text() == "old"
    assert [found.name for found in path.parent.iterdir()] == ["file.txt"]


def test_a_table_shows_models_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_text(
        '{"n": 27010, "a": {"auc": 0.7191, "cost": 13457.9}, "b": {"auc": 0.6, "cost": 2}}'
    )
    assert metrics_table.show(path).splitlines() == [
        "                 a           b",
        "  auc       0.7191      0.6000",
        "  cost    13,457.9           2",
        "  n         27,010",
    ]


def test_a_table_leaves_a_gap_where_one_model_has_no_such_metric(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_text('{"a": {"auc": 0.5, "by": {"x": 0.1}}, "b": {"auc": 1, "by": {"y": 0.2}}}')
    assert metrics_table.show(path).splitlines() == [
        "                 a           b",
        "  auc       0.5000           1",
        "  by.x      0.1000",
        "  by.y                  0.2000",
    ]


@pytest.mark.parametrize("text", ["", "{", "[]", "3"])
def test_a_metrics_file_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(ProjectError, match=r"m\.json"):
        metrics_table.show(tmp_path / "m.json")
