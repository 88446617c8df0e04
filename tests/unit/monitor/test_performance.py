"""Scores of a batch, and their estimates without labels, are those of scikit-learn."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from made_up_flights import PRICES
from sklearn import metrics

from headrace.errors import DataError
from headrace.monitor import estimate, performance
from headrace.monitor.performance import LabelledRows, Performance
from headrace.stats import bootstrap


def predicted(rows: int, seed: int) -> pd.DataFrame:
    """Return predictions of made-up flights over 30 days, with their labels."""
    rng = np.random.default_rng(seed)
    day = np.sort(rng.integers(0, 30, rows))
    chance = np.clip(rng.beta(2, 5, rows) + 0.1 * rng.normal(size=30)[day], 0.01, 0.99)
    late = pd.array(rng.random(rows) < chance, dtype="boolean")
    time = pd.Timestamp("2013-10-01", tz="UTC") + pd.to_timedelta(24 * day + 7, unit="h")
    return pd.DataFrame({"late": late, "chance": chance, "warned": chance >= 0.3, "time": time})


def score(table: pd.DataFrame) -> Performance:
    """Return the performance of predictions."""
    rows = LabelledRows()
    rows.add(table["late"], table["chance"], table["warned"], table["time"])
    return performance.score(rows, PRICES)


def estimated(probability: npt.ArrayLike, prices: Mapping[str, float] = PRICES) -> dict[str, float]:
    """Return the scores that are expected from probabilities, with a threshold of 0.3."""
    y_score, counts = np.asarray(probability, dtype="float64"), estimate.ProbabilityCounts()
    counts.add(y_score, y_score >= 0.3)
    return counts.figures(prices)


def scikit_scores(table: pd.DataFrame) -> dict[str, float]:
    """Return the scores as scikit-learn has them."""
    late, chance, warned = table["late"].astype(bool), table["chance"], table["warned"]
    (_, alarms), (missed, _) = metrics.confusion_matrix(late, warned)
    return {
        "late_share": late.mean(),
        "roc_auc": metrics.roc_auc_score(late, chance),
        "average_precision": metrics.average_precision_score(late, chance),
        "brier_score": metrics.brier_score_loss(late, chance),
        "calibration_in_the_large": chance.mean() - late.mean(),
        "precision": metrics.precision_score(late, warned),
        "recall": metrics.recall_score(late, warned),
        "cost_per_1000": 1000 * (100 * missed + 25 * alarms) / len(table),
    }


def test_scores_are_scikit_learns_with_intervals_over_days() -> None:
    table = predicted(3_000, 0)
    scored = score(table)
    assert scored.notes == []
    assert scored.figures["truth_share"] == 1
    for name, value in scikit_scores(table).items():
        assert scored.figures[name] == pytest.approx(value, rel=1e-8), name
        if name != "late_share":
            assert scored.figures[f"{name}_low"] < value < scored.figures[f"{name}_high"], name
    days = table["time"].dt.day.to_numpy() - 1
    label, chance = (table[name].to_numpy(float) for name in ("late", "chance"))
    functions = {"auc": performance.SCORES["roc_auc"](label, chance)}
    clusters = pd.factorize(days)[0]
    expected = bootstrap.score_intervals(functions, rows=3_000, clusters=clusters)["auc"]
    assert scored.figures["roc_auc_low"] == pytest.approx(expected.low, rel=1e-8)
    assert scored.figures["roc_auc_high"] == pytest.approx(expected.high, rel=1e-8)


def test_labels_for_half_the_rows_are_scored_over_that_half() -> None:
    table = predicted(3_000, 1)
    half = table.assign(late=table["late"].mask(table.index % 2 == 0))
    scored = score(half)
    assert scored.figures["truth_share"] == 0.5
    assert scored.notes == ["The truth is known of 50.0 % of the rows, and these are scored"]
    for name, value in scikit_scores(table[table.index % 2 == 1]).items():
        assert scored.figures[name] == pytest.approx(value, rel=1e-8), name


@pytest.mark.parametrize("late", [True, False])
def test_scores_that_one_class_does_not_define_are_left_out_with_a_note(late: bool) -> None:
    table = predicted(3_000, 2).assign(late=pd.array([late] * 3_000, dtype="boolean"))
    scored = score(table)
    assert {"roc_auc", "average_precision"}.isdisjoint(scored.figures)
    assert ("recall" in scored.figures) is late
    assert {"brier_score", "cost_per_1000_low", "calibration_in_the_large"} <= scored.figures.keys()
    which = "positive" if late else "negative"
    assert scored.notes[0] == f"Every known row is {which}: no area under a curve can be told"
    assert all(np.isfinite(value) for value in scored.figures.values())


def test_missing_labels_warnings_and_days_are_noted() -> None:
    table = predicted(3_000, 3)
    never = score(table.assign(late=pd.array([None] * 3_000, dtype="boolean")))
    assert never.figures == {"truth_share": 0.0}
    assert never.notes == ["No row has a truth yet, so nothing is scored"]
    unlabelled = LabelledRows()
    unlabelled.add(None, table["chance"], table["warned"], table["time"])
    assert performance.score(unlabelled, PRICES) == never
    silent = score(table.assign(warned=False))
    assert "precision" not in silent.figures
    assert silent.notes == ["No known row was warned of: no precision can be told"]
    short = score(table[table["time"].dt.day <= 2])
    assert "roc_auc" in short.figures
    assert not [name for name in short.figures if name.endswith(("_low", "_high"))]
    assert short.notes[0].startswith("The known rows are of 2 clusters, such as days: ")
    unanswered = score(table.assign(chance=np.nan))
    assert unanswered.figures == {"truth_share": 1.0}
    with pytest.raises(DataError, match=r"The batch has no rows"):
        score(table.head(0))


@pytest.mark.parametrize("kind", ["boolean", "object", "Int64", "float64"])
def test_a_label_is_read_in_any_type_that_a_file_has(kind: str) -> None:
    table = predicted(600, 8)
    late = table["late"].mask(table.index % 3 == 0)
    plain = late.astype("Int64") if kind in ("Int64", "float64") else late
    made = plain.astype(kind).where(late.notna(), None) if kind == "object" else plain.astype(kind)
    assert score(table.assign(late=made)) == score(table.assign(late=late))


def test_a_label_that_is_neither_true_nor_false_is_refused() -> None:
    table = predicted(30, 3)
    with pytest.raises(DataError, match=r"The label late is 'maybe', neither .* in 30 rows\. Next"):
        score(table.assign(late="maybe"))
    with pytest.raises(DataError, match=r"The label late is 2, neither"):
        score(table.assign(late=2))
    with pytest.raises(DataError, match=r"30 labels, 29 predictions, 30 warnings and 30 clusters"):
        LabelledRows().add(table["late"], table["chance"][:29], table["warned"], table["time"])


def test_joined_rows_have_the_same_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    table = predicted(12_000, 4)
    single = score(table).figures
    monkeypatch.setattr(performance, "MAX_ROWS", 4_000)
    gathered = LabelledRows()
    for _, part in table.groupby(np.arange(12_000) // 2_500):
        gathered.add(part["late"], part["chance"], part["warned"], part["time"])
    assert len(gathered.table()) < 10_000
    joined = performance.score(gathered, PRICES).figures
    assert joined.keys() == single.keys()
    exact = ("truth", "late", "precision", "recall", "cost")
    for name, value in single.items():
        near = 1e-9 if name.startswith(exact) else 5e-4
        assert joined[name] == pytest.approx(value, abs=near * max(1, abs(value))), name


def test_an_estimate_is_right_where_the_probabilities_are() -> None:
    """Many truths are drawn by the probabilities: their mean scores are what was estimated."""
    table, rng = predicted(2_000, 5), np.random.default_rng(0)
    estimates = estimated(table["chance"])
    draws = [
        scikit_scores(table.assign(late=rng.random(2_000) < table["chance"])) for _ in range(30)
    ]
    means, spread = pd.DataFrame(draws).mean(), pd.DataFrame(draws).std()
    assert set(estimates) < set(means.index)
    for name, value in estimates.items():
        assert abs(value - means[name]) < 4 * spread[name] / 30**0.5, name


def test_an_estimate_is_scikit_learns_score_of_rows_weighted_by_probability() -> None:
    chance = predicted(2_000, 6)["chance"].to_numpy()
    twice, truth = np.tile(chance, 2), np.repeat([True, False], 2_000)
    weights = {"sample_weight": np.append(chance, 1 - chance)}
    estimates = estimated(chance)
    expected = {
        "late_share": chance.mean(),
        "brier_score": metrics.brier_score_loss(truth, twice, **weights),
        "roc_auc": metrics.roc_auc_score(truth, twice, **weights),
        "precision": metrics.precision_score(truth, twice >= 0.3, **weights),
        "recall": metrics.recall_score(truth, twice >= 0.3, **weights),
    }
    (_, alarms), (missed, _) = metrics.confusion_matrix(truth, twice >= 0.3, **weights)
    expected["cost_per_1000"] = (100 * missed + 25 * alarms) / 2
    assert estimates == pytest.approx(expected, abs=1e-5, rel=1e-9)
    parts = estimate.ProbabilityCounts()
    for part in np.array_split(chance, 7):
        parts.add(part, part >= 0.3)
    assert parts.figures(PRICES) == pytest.approx(estimates, rel=1e-12)


def test_an_estimate_leaves_out_scores_that_are_not_defined() -> None:
    assert estimated([0.0, 0.0], {}) == {"late_share": 0.0, "brier_score": 0.0}
    sure = estimated([1.0, np.nan])
    assert sure == {
        "late_share": 1.0,
        "brier_score": 0.0,
        "precision": 1.0,
        "recall": 1.0,
        "cost_per_1000": 0.0,
    }
    for chances, problem in (
        ([], "no predictions"),
        ([np.nan], "no predictions"),
        ([1.2], "outside"),
    ):
        with pytest.raises(DataError, match=f"{problem}.*Next: "):
            estimated(chances)


def test_errors_of_estimates_are_listed_with_the_scores() -> None:
    figures: dict[str, dict[str, Any]] = {
        "2013-10": {
            "estimate": {"roc_auc": 0.75, "recall": 0.5},
            "performance": {"roc_auc": 0.70, "truth_share": 1.0},
        },
        "2013-11": {"estimate": {"roc_auc": 0.74}, "performance": {"truth_share": 0.0}},
        "2013-12": {"quality": {}},
    }
    errors = estimate.errors(figures)
    assert errors.columns.tolist() == [*estimate.COLUMNS]
    assert errors[["batch", "metric"]].to_numpy().tolist() == [["2013-10", "roc_auc"]]
    assert errors["error"].iloc[0] == pytest.approx(0.05)


def test_an_estimate_is_not_compared_with_a_score_of_some_rows() -> None:
    performance = {"roc_auc": 0.70, "truth_share": 0.4441}
    errors = estimate.errors({"a": {"estimate": {"roc_auc": 0.75}, "performance": performance}})
    assert errors["estimate"].tolist() == [0.75]
    assert errors[["truth", "error"]].isna().all(axis=None)
    assert errors["says"].tolist() == ["known of 44.4 % of the rows, so not compared"]
