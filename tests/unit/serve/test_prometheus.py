"""Predictions are counted by tenths: of a probability, or of what the evaluation gave."""

from types import SimpleNamespace
from typing import Any

import pandas as pd

from headrace.bundle import baseline, golden, model_service
from headrace.bundle.model_service import PROBABILITY
from headrace.serve.prometheus import ServerMetrics


def counted(predictions: list[float], tenths: tuple[float, ...]) -> dict[str, float]:
    """Return how many predictions are counted under which tenth."""
    metrics = ServerMetrics()
    metrics.count_predictions(predictions, tenths)
    (family,) = [m for m in metrics.predictions.collect() if m.name == "headrace_predictions"]
    return {
        sample.labels["tenth"]: sample.value
        for sample in family.samples
        if sample.name.endswith("_total")
    }


def test_probabilities_are_counted_by_tenths_of_one() -> None:
    assert counted([0.0, 0.05, 0.1, 0.95, 1.0], PROBABILITY) == {
        "0.0 to 0.1": 2,
        "0.1 to 0.2": 1,
        "0.9 to 1.0": 2,
    }


def test_prices_of_houses_are_counted_by_tenths_of_those_that_were_evaluated() -> None:
    prices = [100_000.0 + 1000 * row for row in range(1001)]
    described = baseline.describe(pd.DataFrame({"x": [1.0]}), predictions=prices, periods=1)
    bundle: Any = SimpleNamespace(baseline=described)
    tenths = model_service._tenths(bundle)
    assert len(tenths) == 11
    assert [round(tenth, -4) for tenth in tenths] == [100_000 * end for end in range(1, 12)]
    found = counted([0.0, 370_225.0, 5e6], tenths)
    assert sum(found.values()) == 3
    assert len(found) == 3
    assert golden.PREDICTION in described
