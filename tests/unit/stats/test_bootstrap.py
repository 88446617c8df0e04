"""Intervals: the scores are scikit-learn's, the intervals hold the truth as often as they say."""

from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import pytest
from sklearn import metrics as sklearn

from headrace.gates.model import RATES, SCORES
from headrace.stats import bootstrap, scores
from headrace.stats.scores import Array

ROWS = 300
Judge = Callable[..., float]
JUDGES: dict[str, tuple[Judge, str]] = {
    "roc_auc": (sklearn.roc_auc_score, "chance"),
    "average_precision": (sklearn.average_precision_score, "chance"),
    "brier_score": (sklearn.brier_score_loss, "chance"),
    "log_loss": (sklearn.log_loss, "chance"),
    "accuracy": (sklearn.accuracy_score, "said"),
    "precision": (sklearn.precision_score, "said"),
    "recall": (sklearn.recall_score, "said"),
    "mean_absolute_error": (sklearn.mean_absolute_error, "chance"),
    "mean_squared_error": (sklearn.mean_squared_error, "chance"),
    "root_mean_squared_error": (sklearn.root_mean_squared_error, "chance"),
}


def sample(rows: int, seed: int = 0, *, decimals: int = 2) -> dict[str, Array]:
    """Return labels, chances with many ties, what is said of them, and weights."""
    rng = np.random.default_rng(seed)
    label = (rng.random(rows) < 0.3).astype(float)
    chance = np.clip((0.3 * label + rng.random(rows)) / 1.3, 0.01, 0.99).round(decimals)
    weights = rng.integers(0, 4, rows).astype(float)
    return {
        "label": label,
        "chance": chance,
        "said": (chance > 0.5).astype(float),
        "weights": weights,
    }


@pytest.mark.parametrize("name", JUDGES)
@pytest.mark.parametrize("decimals", [1, 6], ids=["ties", "no ties"])
def test_a_weighted_score_is_scikit_learn_s(name: str, decimals: int) -> None:
    judge, column = JUDGES[name]
    for seed in range(5):
        drawn = sample(ROWS, seed, decimals=decimals)
        label, weights = drawn["label"], drawn["weights"]
        score = scores.SCORES[name](label, drawn[column])
        expected = judge(label, drawn[column], sample_weight=weights)
        assert score(weights[None, :])[0] == pytest.approx(expected, abs=1e-12)
        assert scores.unweighted(score, ROWS) == pytest.approx(
            judge(label, drawn[column]), abs=1e-12
        )


def test_every_score_that_gates_yaml_may_name_is_there() -> None:
    assert {*scores.SCORES, "cost_per_1000"} == {*SCORES}
    assert {*RATES} <= {*SCORES}


def test_the_error_rates_and_the_cost_are_what_their_names_say() -> None:
    label, predicted = np.array([1.0, 1, 1, 0, 0, 0, 0, 0]), np.array([1.0, 0, 0, 1, 0, 0, 0, 0])
    assert scores.unweighted(scores.SCORES["false_negative_rate"](label, predicted), 8) == 2 / 3
    assert scores.unweighted(scores.SCORES["false_positive_rate"](label, predicted), 8) == 1 / 5
    cost = scores.cost_per_1000(label, predicted, {"missed": 100.0, "false_alarm": 25.0})
    assert scores.unweighted(cost, 8) == 1000 * (2 * 100 + 25) / 8


def pairs(rows: int, seed: int = 0) -> dict[str, tuple[scores.Score, scores.Score]]:
    old, new = sample(rows, seed), sample(rows, seed)
    new["chance"] = np.clip(old["chance"] + 0.02 * np.sin(np.arange(rows)), 0, 1)
    functions = (scores.roc_auc(side["label"], side["chance"]) for side in (old, new))
    first, second = functions
    return {"roc_auc": (first, second)}


def test_the_same_predictions_give_the_same_interval_whatever_the_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = bootstrap.intervals(pairs(ROWS), rows=ROWS)
    assert first == bootstrap.intervals(pairs(ROWS), rows=ROWS)
    monkeypatch.setattr(bootstrap, "BLOCK", 7 * ROWS)
    assert first == bootstrap.intervals(pairs(ROWS), rows=ROWS)
    assert first != bootstrap.intervals(pairs(ROWS), rows=ROWS, seed=1)


def test_a_side_against_itself_has_an_interval_of_zero() -> None:
    drawn = sample(ROWS)
    score = scores.roc_auc(drawn["label"], drawn["chance"])
    interval = bootstrap.intervals({"x": (score, score)}, rows=ROWS)["x"]
    assert (interval.low, interval.high) == (0.0, 0.0)
    assert (interval.rows, interval.resamples) == (ROWS, bootstrap.RESAMPLES)


def test_rows_that_share_a_day_tell_less_than_as_many_alone() -> None:
    rng = np.random.default_rng(0)
    days = np.repeat(np.arange(20), 30)
    old = rng.normal(size=20)[days] + 0.1 * rng.normal(size=600)
    means = scores.SCORES["calibration_in_the_large"]
    pair = {"mean": (means(np.zeros(600), np.zeros(600)), means(np.zeros(600), old))}
    alone = bootstrap.intervals(pair, rows=600)["mean"]
    together = bootstrap.intervals(pair, rows=600, clusters=days)["mean"]
    assert together.high - together.low > 3 * (alone.high - alone.low)


def test_a_score_that_is_not_defined_has_no_interval() -> None:
    label, chance = np.zeros(ROWS), np.linspace(0, 1, ROWS)
    score = scores.roc_auc(label, chance)
    assert bootstrap.intervals({"x": (score, score)}, rows=ROWS) == {}
    assert bootstrap.intervals({"x": (score, score)}, rows=0) == {}


def test_memory_is_bounded_whatever_the_number_of_rows() -> None:
    rows = 27_000
    sizes = [
        len(block) * rows for block in bootstrap._weights(rows, None, 60, np.random.default_rng(0))
    ]
    assert max(sizes) <= bootstrap.BLOCK
    assert sum(sizes) == 60 * rows


def studies(rows: int, rng: np.random.Generator) -> tuple[scores.Score, scores.Score]:
    """Return the AUC of two models that share most of their noise: distances 0.8 and 1.0."""
    label = (np.arange(rows) % 4 == 0).astype(float)
    shared = 0.8 * rng.normal(size=rows)
    old, new = (d * label + shared + 0.6 * rng.normal(size=rows) for d in (0.8, 1.0))
    return scores.roc_auc(label, old), scores.roc_auc(label, new)


@pytest.mark.long
def test_an_interval_holds_the_true_change_in_95_of_100_studies() -> None:
    """Two binormal models, AUC Φ(d/√2) each; 1,500 studies of 500 rows."""
    rng = np.random.default_rng(0)
    truth = NormalDist().cdf(1.0 / 2**0.5) - NormalDist().cdf(0.8 / 2**0.5)
    number, covered = 1500, 0
    for study in range(number):
        pair = {"auc": studies(500, rng)}
        interval = bootstrap.intervals(pair, rows=500, seed=study)["auc"]
        covered += interval.low <= truth <= interval.high
    assert 0.93 <= covered / number <= 0.97


@pytest.mark.long
def test_an_interval_over_days_holds_the_true_change_where_one_over_rows_does_not() -> None:
    """60 days of 10 rows that share the day's luck: a change of 0.1 in the mean; 2,000 studies."""
    rng = np.random.default_rng(0)
    days, truth, number = np.repeat(np.arange(60), 10), 0.1, 2000
    mean, zeros = scores.SCORES["calibration_in_the_large"], np.zeros(600)
    covered = {"days": 0, "rows": 0}
    for study in range(number):
        luck = rng.normal(size=60)[days] + rng.normal(size=600)
        pair = {"mean": (mean(zeros, zeros), mean(zeros, truth + luck))}
        for name, clusters in (("days", days), ("rows", None)):
            interval = bootstrap.intervals(pair, rows=600, clusters=clusters, seed=study)["mean"]
            covered[name] += interval.low <= truth <= interval.high
    assert 0.93 <= covered["days"] / number <= 0.97
    assert covered["rows"] / number < 0.75
