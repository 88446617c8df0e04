"""The two models, their thresholds and their file."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from headrace.errors import DataError
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from study import data, model

SIZE = {"max_leaf_nodes": 31, "min_samples_leaf": 20, "learning_rate": 0.1}


def test_the_same_seed_gives_the_same_file(table: pd.DataFrame, tmp_path: Path) -> None:
    for name in ("one", "two"):
        data.write_model(model.fit(table, max_iter=10, **SIZE, seed=0), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_model_read_back_predicts_the_same(table: pd.DataFrame, tmp_path: Path) -> None:
    fitted = model.fit(table, max_iter=10, **SIZE, seed=0)
    data.write_model(fitted, tmp_path / "model.skops")
    loaded = data.read_model(tmp_path / "model.skops", trusted=model.TRUSTED_TYPES)
    assert np.array_equal(model.probability(loaded, table), model.probability(fitted, table))


def test_a_model_file_with_a_type_that_is_not_listed_is_refused(
    table: pd.DataFrame, tmp_path: Path
) -> None:
    data.write_model(model.fit(table, max_iter=2, **SIZE, seed=0), tmp_path / "model.skops")
    for listed in model.TRUSTED_TYPES:
        others = [name for name in model.TRUSTED_TYPES if name != listed]
        with pytest.raises(DataError, match=listed.rpartition(".")[2]):
            data.read_model(tmp_path / "model.skops", trusted=others)


def test_one_row_is_predicted_as_it_is_among_many(table: pd.DataFrame) -> None:
    fitted = model.fit(table, max_iter=10, **SIZE, seed=0)
    one_by_one = [model.probability(fitted, table.iloc[[row]])[0] for row in range(20)]
    assert one_by_one == model.probability(fitted, table)[:20].tolist()


def test_a_naive_share_is_drawn_towards_the_overall_share() -> None:
    rows = {"carrier": ["AA"] * 4, "hour": [6] * 3 + [7], "late": [True, False, False, True]}
    naive = model.fit_naive(pd.DataFrame(rows), prior_flights=2)
    assert naive["late_share"].tolist() == [(1 + 2 * 0.5) / 5, (1 + 2 * 0.5) / 3, 0.5]


def test_a_carrier_and_hour_never_seen_get_the_overall_share() -> None:
    rows = {"carrier": ["AA", "AA"], "hour": [6, 7], "late": [True, False]}
    naive = model.fit_naive(pd.DataFrame(rows), prior_flights=0)
    asked = pd.DataFrame({"carrier": ["UA", "AA"], "hour": [6, 7]})
    assert model.naive_probability(naive, asked).tolist() == [0.5, 0.0]


@settings(max_examples=50, deadline=None)
@given(
    rows=st.lists(st.tuples(st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]), st.booleans()), min_size=2),
    price_missed=st.floats(1, 1000),
    price_false_alarm=st.floats(1, 1000),
)
def test_the_cheapest_threshold_is_cheapest_of_all_by_counting(
    rows: list[tuple[float, bool]], price_missed: float, price_false_alarm: float
) -> None:
    chance, late = np.array([row[0] for row in rows]), pd.Series([row[1] for row in rows])
    assume(late.any() and not late.all())
    prices = {"price_missed": price_missed, "price_false_alarm": price_false_alarm}
    best = model.cheapest(model.cost_curve(late, chance, **prices))

    def cost(threshold: float) -> float:
        return model.cost_per_1000(late, pd.Series(chance >= threshold), **prices)

    assert best["cost_per_1000"] == pytest.approx(min(map(cost, [*np.unique(chance), 1.01])))
    assert cost(best["threshold"]) == pytest.approx(best["cost_per_1000"])
