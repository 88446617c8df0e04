"""The baseline: distributions of the inputs that the model learned from."""

import numpy as np
import pandas as pd
import pytest

from headrace.bundle import baseline
from headrace.errors import DataError


def test_the_baseline_holds_the_distribution_of_each_column() -> None:
    table = pd.DataFrame({"a": [1.0, 2.0, 2.0, np.inf], "b": ["x", "y", "x", "x"], "c": [True] * 4})
    described = baseline.describe(table, predictions=[0.5, 0.1, 0.5], periods=2)
    assert (described["version"], described["rows"], described["volume"]) == (2, 4, 2.0)
    number = {"kind": "number", "rows": 4, "missing": 0.25, "values": [1.0, 2.0], "counts": [1, 2]}
    assert described["columns"]["a"] == number
    assert described["columns"]["b"]["counts"] == {"x": 3, "y": 1}
    category = {"kind": "category", "rows": 4, "missing": 0.0}
    assert described["columns"]["c"] == {**category, "counts": {"True": 4}, "others": 0}
    assert described["prediction"]["values"] == [0.1, 0.5]
    assert described["prediction"]["counts"] == [1, 2]


def test_a_baseline_is_small_for_any_column() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"text": [str(i) for i in range(9_999)], "number": rng.normal(size=9_999)})
    described = baseline.describe(table, predictions=rng.random(9_999), periods=1)["columns"]
    assert len(described["text"]["counts"]) == baseline.MOST
    assert described["text"]["others"] == 9_999 - baseline.MOST
    assert len(described["number"]["values"]) == baseline.POINTS
    assert sum(described["number"]["counts"]) == 9_999
    middle = np.quantile(table["number"], 0.5)
    assert described["number"]["values"][baseline.POINTS // 2] == pytest.approx(middle, abs=0.01)


@pytest.mark.parametrize(
    ("rows", "periods", "predictions"), [(0, 1, [0.5]), (1, 0, [0.5]), (1, 1, [])]
)
def test_a_baseline_without_rows_is_refused(
    rows: int, periods: int, predictions: list[float]
) -> None:
    table = pd.DataFrame({"a": np.zeros(rows)})
    with pytest.raises(DataError, match="A baseline needs rows"):
        baseline.describe(table, predictions=predictions, periods=periods)
