"""Metrics are finite numbers, or not written."""

import json
import math
from pathlib import Path

import pytest

from headrace.core import metrics
from headrace.errors import MetricError


def test_nested_metrics_are_walked_by_dotted_names() -> None:
    assert [*metrics.leaves({"a": {"b": 1, "c": {"d": 2}}, "e": 3})] == [
        ("a.b", 1),
        ("a.c.d", 2),
        ("e", 3),
    ]


@pytest.mark.parametrize("value", [math.nan, math.inf, True, "1", None])
def test_a_metric_that_is_no_finite_number_is_not_written(value: object, tmp_path: Path) -> None:
    path = tmp_path / "train.json"
    with pytest.raises(MetricError, match=r"train\.json: a\.b is .*Next: "):
        metrics.write({"a": {"b": value}}, path)
    assert not path.exists()
    metrics.write({"a": {"b": 1.5}}, path)
    assert json.loads(path.read_text("utf-8")) == {"a": {"b": 1.5}}


@pytest.mark.parametrize(
    ("value", "is_number"),
    [(1, True), (1.5, True), (True, False), (math.nan, False), (10**400, False), ("1", False)],
)
def test_a_number_is_finite_and_no_truth_value(value: object, is_number: bool) -> None:
    assert metrics.is_number(value) is is_number
