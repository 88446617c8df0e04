"""A metrics file as a table."""

from pathlib import Path

import pytest

from headrace.errors import ProjectError
from headrace.report import metrics_table


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


def test_a_file_of_one_number_is_shown(tmp_path: Path) -> None:
    (tmp_path / "accuracy").write_text("0.5\n")
    assert metrics_table.show(tmp_path / "accuracy").strip() == "0.5000"


@pytest.mark.parametrize("text", ["", "{", "true"])
def test_a_metrics_file_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(ProjectError, match=r"m\.json"):
        metrics_table.show(tmp_path / "m.json")
