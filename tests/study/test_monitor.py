"""What a batch is said to be is what scipy and scikit-learn say, and no batch ends the others."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from headrace.bundle import baseline as bundled
from headrace.bundle import load as bundles
from headrace.bundle.golden import PREDICTION
from headrace.errors import DataError
from headrace.monitor import baseline, drift, estimate, performance, quality
from headrace.monitor.drift import share
from headrace.monitor.histograms import Histograms
from headrace.stats import bootstrap
from headrace.stats.histogram import population_stability_index
from lab import alarms, bake

PRICES = {"missed": 100.0, "false_alarm": 25.0}
SCHEMA: dict[str, Any] = {
    "properties": {
        "temp": {"type": ["number", "null"], "minimum": -40, "x-unit": "°F"},
        "hour": {"type": "integer", "minimum": 0, "maximum": 23},
        "carrier": {"type": "string", "minLength": 2, "maxLength": 2},
        "night": {"type": "boolean"},
    }
}


def flights(rows: int, seed: int) -> pd.DataFrame:
    """Return made-up flights: temperatures, some of them missing, hours, carriers, a boolean."""
    rng = np.random.default_rng(seed)
    temp = rng.normal(60, 10, rows).round(1)
    temp[rng.random(rows) < 0.05] = np.nan
    hour = rng.integers(5, 23, rows)
    carrier = rng.choice(["AA", "B6", "EV", "UA"], rows, p=[0.1, 0.2, 0.3, 0.4])
    made = {"temp": temp, "hour": hour, "carrier": carrier, "night": hour > 20}
    return pd.DataFrame(made).astype({"carrier": "str"})


LEARNED, JUDGED = flights(9_000, 0), np.random.default_rng(1).beta(2, 5, 3_000)


@pytest.fixture(scope="module")
def known() -> baseline.Baseline:
    """The baseline of made-up flights, through JSON as it lies in a bundle."""
    made = bundled.describe(LEARNED, predictions=JUDGED, periods=3)
    return baseline.parse(json.loads(json.dumps(made)), SCHEMA, "bundle.tar")


def moved(table: pd.DataFrame, known: baseline.Baseline, **said: Any) -> pd.DataFrame:
    """Return what drift says of a batch, by feature."""
    chances = said.get("chances", np.resize(JUDGED, len(table)))
    return drift.measure(table, chances, known).set_index("feature")


def test_distances_are_those_that_scipy_takes_from_the_samples(known: baseline.Baseline) -> None:
    batch = flights(2_000, 7).assign(temp=lambda rows: rows["temp"] * 1.07)  # between known values
    found = moved(batch, known)
    for name in ("temp", "hour"):
        old, new = (table[name].astype(float) for table in (LEARNED, batch))
        lowest = stats.ks_2samp(old.fillna(-1e9), new.fillna(-1e9), method="asymp")
        assert found.loc[name, "statistic"] == pytest.approx(lowest.statistic, abs=1e-12)
        assert found.loc[name, "p_value"] == pytest.approx(lowest.pvalue, rel=1e-9)
        distance = stats.wasserstein_distance(old.dropna(), new.dropna())
        assert found.loc[name, "distance"] == pytest.approx(distance, rel=1e-3)
    assert found.loc["temp", "unit"] == "°F"


def test_chi_square_and_false_discovery_control_are_scipys(known: baseline.Baseline) -> None:
    batch = flights(2_000, 8)
    found = moved(batch, known)
    both = np.array([t["carrier"].value_counts().sort_index() for t in (LEARNED, batch)])
    expected = stats.chi2_contingency(both, correction=False)
    assert found.loc["carrier", "statistic"] == pytest.approx(expected.statistic)
    assert found.loc["carrier", "p_value"] == pytest.approx(expected.pvalue)
    assert found.loc["carrier", "psi"] == pytest.approx(population_stability_index(*both))
    adjusted = stats.false_discovery_control(found["p_value"])
    assert found["p_adjusted"].tolist() == pytest.approx(adjusted.tolist())


def test_the_index_is_taken_over_the_deciles_where_the_model_learned(
    known: baseline.Baseline,
) -> None:
    batch = flights(2_000, 9)
    edges = np.nanquantile(LEARNED["temp"], np.arange(1, 10) / 10, method="inverted_cdf")
    counts = [
        [
            *np.bincount(np.searchsorted(edges, t["temp"].dropna()), minlength=10),
            t["temp"].isna().sum(),
        ]
        for t in (LEARNED, batch)
    ]
    expected = population_stability_index(*counts)
    assert moved(batch, known).loc["temp", "psi"] == pytest.approx(expected)


def test_many_different_numbers_are_kept_near_enough() -> None:
    rng = np.random.default_rng(0)
    old, new = rng.normal(size=50_000), rng.normal(0.05, 1.1, 20_000)
    made = bundled.describe(pd.DataFrame({"x": old}), predictions=[0.5], periods=1)
    schema = {"properties": {"x": {"type": "number"}}}
    known = baseline.parse(made, schema, "b")
    found = drift.measure(pd.DataFrame({"x": new}), np.full(20_000, 0.5), known).iloc[0]
    assert found["statistic"] == pytest.approx(stats.ks_2samp(old, new).statistic, abs=1e-3)
    assert found["distance"] == pytest.approx(stats.wasserstein_distance(old, new), rel=0.02)


@given(sizes=st.lists(st.integers(0, 700), min_size=1, max_size=6))
@settings(max_examples=8, deadline=None)
def test_parts_of_a_batch_give_what_the_whole_gives(sizes: list[int]) -> None:
    made = bundled.describe(LEARNED, predictions=JUDGED, periods=3)
    known = baseline.parse(made, SCHEMA, "b")
    batch = pd.concat([flights(size, size) for size in [*sizes, 50]], ignore_index=True)
    batch.loc[::40, "carrier"] = "XX"
    chances = np.resize(JUDGED, len(batch))
    counts, tally, start = Histograms(known), quality.QualityCounts(SCHEMA, known), 0
    for size in [*sizes, 50]:
        part = batch.iloc[start : start + size]
        inputs, _ = tally.add(part)
        counts.add(inputs, chances[start : start + size])
        start += size
    whole = quality.measure(batch, SCHEMA, known)
    assert tally.figures() == whole.figures
    pd.testing.assert_frame_equal(tally.table(), whole.table)
    expected = drift.measure(whole.inputs, chances, known)
    pd.testing.assert_frame_equal(drift.table(counts), expected, rtol=1e-9)


PLANTED: dict[str, tuple[str, Any, Any]] = {
    "temp 68.7 °F and more": ("temp", lambda t: t["temp"] + 12, lambda t: t["temp"] > 68.6),
    "temp missing": (
        "temp",
        lambda t: t["temp"].mask(t.index % 3 == 0),
        lambda t: t["temp"].isna(),
    ),
    "hour 10 to 13": (
        "hour",
        lambda t: t["hour"].where(t["hour"] > 9, t["hour"] + 4),
        lambda t: t["hour"].between(10, 13),
    ),
    "hour 7": ("hour", lambda t: t["hour"].where(t.index % 5 > 0, 7), lambda t: t["hour"] == 7),
    "hour another value": ("hour", lambda t: 99, lambda t: t["hour"] == 99),
    "carrier AA": (
        "carrier",
        lambda t: t["carrier"].where(t.index % 4 > 0, "AA"),
        lambda t: t["carrier"] == "AA",
    ),
    "carrier never seen before (ZZ)": (
        "carrier",
        lambda t: t["carrier"].where(t.index % 4 > 0, "ZZ"),
        lambda t: t["carrier"] == "ZZ",
    ),
    "night True": ("night", lambda t: t["hour"] > 15, lambda t: t["night"]),
}
"""What is said of a drift: the column that it is planted in, how, and the rows that are meant."""


@pytest.mark.parametrize("words", PLANTED)
def test_a_planted_drift_is_told_by_the_part_that_moved(
    known: baseline.Baseline, words: str
) -> None:
    column, change, meant = PLANTED[words]
    batch = flights(3_000, 3).assign(**{column: change})
    found = moved(batch, known)
    before, after = (share(meant(table).mean()) for table in (LEARNED, batch))
    assert found.loc[column, "says"] == f"{words}: {before} → {after}"
    assert found.index[found["moved"]].tolist() == [column]
    figures = drift.figures(found.reset_index())
    assert (figures["moved"], figures["tested"]) == (1, 4)
    assert figures["psi_max"] == found.loc[column, "psi"]


def test_shares_are_told_as_a_reader_says_them() -> None:
    told = [share(value) for value in (0.0, 0.0004, 0.052, 0.0996, 0.314, 0.9999, 1.0)]
    assert told == ["0 %", "0.04 %", "5.2 %", "10 %", "31 %", "100 %", "100 %"]


def test_predictions_that_move_are_told_apart_from_the_inputs(known: baseline.Baseline) -> None:
    found = moved(flights(3_000, 3), known, chances=np.minimum(1.6 * JUDGED, 1.0))
    assert found.index[found["moved"]].tolist() == [PREDICTION]
    figures = drift.figures(found.reset_index())
    assert figures["moved"] == 0
    assert (
        figures["psi_prediction"]
        == found.loc[PREDICTION, "psi"]
        > drift.MIN_PSI
        > figures["psi_max"]
    )


def test_a_batch_like_what_was_learned_has_not_moved(known: baseline.Baseline) -> None:
    for size in (1, 2, 30, 500, 9_000):
        assert not moved(flights(size, size), known)["moved"].any(), size


HOSTILE: dict[str, Any] = {
    "constant columns": {"temp": 60.0, "hour": 12, "carrier": "AA", "night": False},
    "all missing": {"temp": np.nan, "carrier": None},
    "infinite values": {"temp": np.inf},
    "unseen categories only": {"carrier": "ZZ"},
    "odd characters": {"carrier": "\u202e\x00\nZ\N{PILE OF POO}" * 20},
    "another type": {"temp": "warm", "hour": "noon", "carrier": 7, "night": None},
    "numbers at the end of what a number can be": {"temp": 1e308, "hour": -(2**62)},
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("rows", [1, 400])
def test_a_hostile_batch_is_judged_and_told_in_one_line(
    known: baseline.Baseline, name: str, rows: int
) -> None:
    batch = flights(rows, 5).assign(**HOSTILE[name])
    held = quality.measure(batch, SCHEMA, known)
    for inputs in (batch, held.inputs):
        found = moved(inputs, known)
        assert found["psi"].notna().all()
        assert found["p_adjusted"].between(0, 1).all()
        assert all("\n" not in says and says.isprintable() for says in found["says"])
        assert all(np.isfinite(value) for value in drift.figures(found.reset_index()).values())
    assert all(np.isfinite(value) for value in held.figures.values())
    assert held.table["rule"].map(str.isprintable).all()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_baseline_of_hostile_rows_still_holds_batches(name: str) -> None:
    made = bundled.describe(
        flights(300, 5).assign(**HOSTILE[name]), predictions=[0.5] * 9, periods=1
    )
    known = baseline.parse(json.loads(json.dumps(made, allow_nan=False)), SCHEMA, "b")
    found = moved(flights(500, 6), known) if name != "another type" else None
    assert found is None or found["psi"].notna().all()
    assert quality.measure(flights(500, 6), SCHEMA, known).figures["refused_share"] == 0


def test_a_number_beyond_all_that_is_known_is_told_so() -> None:
    learned = pd.DataFrame({"x": np.minimum(np.arange(100.0), 60.0)})
    schema = {"properties": {"x": {"type": "number"}}}
    known = baseline.parse(bundled.describe(learned, predictions=[0.5], periods=1), schema, "b")
    found = drift.measure(pd.DataFrame({"x": [70.0] * 50}), [0.5] * 50, known)
    assert found.loc[0, "says"] == "x above all known values: 0 % → 100 %"


def test_the_labels_of_rows_mean_nothing(known: baseline.Baseline) -> None:
    batch = flights(50, 1)
    twice = pd.concat([batch, batch]).sample(frac=1, random_state=0)
    held = quality.measure(twice, SCHEMA, known)
    assert held.figures == quality.measure(twice.reset_index(drop=True), SCHEMA, known).figures
    expected = moved(twice.reset_index(drop=True), known)
    pd.testing.assert_frame_equal(moved(held.inputs[held.valid], known), expected)


def test_no_row_and_a_lacking_column_are_named(known: baseline.Baseline) -> None:
    batch = flights(10, 0)
    with pytest.raises(DataError, match=r"The batch has no rows\. Next: "):
        quality.measure(batch.head(0), SCHEMA, known)
    with pytest.raises(DataError, match=r"The batch has no rows\. Next: "):
        drift.measure(batch.head(0), [], known)
    with pytest.raises(DataError, match=r"no column hour\. Did you mean hours\? Next: "):
        quality.measure(batch.rename(columns={"hour": "hours"}), SCHEMA, known)
    with pytest.raises(DataError, match=r"no column temp\. Next: "):
        drift.measure(batch.drop(columns="temp"), np.zeros(10), known)
    with pytest.raises(DataError, match=r"10 rows and 9 predictions\. Next: "):
        drift.measure(batch, np.zeros(9), known)


def test_every_breach_counts_per_column_and_rule_and_a_row_once(known: baseline.Baseline) -> None:
    batch = flights(1_000, 4).astype({"hour": "object"})
    batch.loc[:9, "temp"] = -50
    batch.loc[5:19, "hour"] = "noon"
    batch.loc[20:24, "carrier"] = None
    batch.loc[30:69, "carrier"] = "ZZ"
    batch.loc[100:199, "temp"] = np.nan
    found = quality.measure(batch, SCHEMA, known)
    assert found.figures["refused_share"] == 0.025
    assert np.flatnonzero(~found.valid).tolist() == [*range(25)]
    assert found.figures["unseen_share"] == 0.04
    assert found.figures["volume_ratio"] == pytest.approx(1_000 / 3_000)
    lost = int(batch["temp"].isna().sum()) + 5
    assert found.figures["missing_share"] == pytest.approx(lost / 4_000)
    rows = found.table.set_index(["column", "rule"])
    assert rows.loc[("temp", "below -40"), "rows"] == 10
    assert rows.loc[("hour", "not a number"), "rows"] == 15
    assert rows.loc[("carrier", "missing value"), "rows"] == 5
    assert rows.loc[("carrier", "never seen before: ZZ"), "share"] == 0.04
    assert rows.loc[("temp", "missing"), "rows"] == lost - 5
    assert rows.loc[("temp", "missing"), "before"] == pytest.approx(LEARNED["temp"].isna().mean())
    assert len(rows) == 5


def judged(rows: int, seed: int) -> pd.DataFrame:
    """Return predictions of made-up flights over 30 days, with the truth."""
    rng = np.random.default_rng(seed)
    day = np.sort(rng.integers(0, 30, rows))
    chance = np.clip(rng.beta(2, 5, rows) + 0.1 * rng.normal(size=30)[day], 0.01, 0.99)
    late = pd.array(rng.random(rows) < chance, dtype="boolean")
    time = pd.Timestamp("2013-10-01", tz="UTC") + pd.to_timedelta(24 * day + 7, unit="h")
    return pd.DataFrame({"late": late, "chance": chance, "warned": chance >= 0.3, "time": time})


def scored(table: pd.DataFrame) -> performance.Performance:
    """Return the performance of predictions."""
    return performance.score_rows(
        table["late"], table["chance"], table["warned"], table["time"], PRICES
    )


def scikit(table: pd.DataFrame) -> dict[str, float]:
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
    table = judged(3_000, 0)
    found = scored(table)
    assert found.notes == []
    assert found.figures["truth_share"] == 1
    for name, value in scikit(table).items():
        assert found.figures[name] == pytest.approx(value, rel=1e-8), name
        if name != "late_share":
            assert found.figures[f"{name}_low"] < value < found.figures[f"{name}_high"], name
    days = table["time"].dt.day.to_numpy() - 1
    score = performance.SCORES["roc_auc"](*(table[n].to_numpy(float) for n in ("late", "chance")))
    pair = {"auc": (lambda drawn: np.zeros(len(drawn)), score)}
    expected = bootstrap.intervals(pair, rows=3_000, clusters=pd.factorize(days)[0])["auc"]
    assert found.figures["roc_auc_low"] == pytest.approx(expected.low, rel=1e-8)
    assert found.figures["roc_auc_high"] == pytest.approx(expected.high, rel=1e-8)


def test_truth_for_half_the_rows_is_scored_over_that_half() -> None:
    table = judged(3_000, 1)
    half = table.assign(late=table["late"].mask(table.index % 2 == 0))
    found = scored(half)
    assert found.figures["truth_share"] == 0.5
    assert found.notes == ["The truth is known of 50.0 % of the rows, and these are scored"]
    for name, value in scikit(table[table.index % 2 == 1]).items():
        assert found.figures[name] == pytest.approx(value, rel=1e-8), name


@pytest.mark.parametrize("late", [True, False])
def test_of_one_class_what_cannot_be_told_is_absent_and_why_is_said(late: bool) -> None:
    table = judged(3_000, 2).assign(late=pd.array([late] * 3_000, dtype="boolean"))
    found = scored(table)
    assert {"roc_auc", "average_precision"}.isdisjoint(found.figures)
    assert ("recall" in found.figures) is late
    assert {"brier_score", "cost_per_1000_low", "calibration_in_the_large"} <= found.figures.keys()
    which = "positive" if late else "negative"
    assert found.notes[0] == f"Every known row is {which}: no area under a curve can be told"
    assert all(np.isfinite(value) for value in found.figures.values())


def test_without_truth_without_warnings_and_with_few_days_it_says_so() -> None:
    table = judged(3_000, 3)
    never = scored(table.assign(late=pd.array([None] * 3_000, dtype="boolean")))
    assert never.figures == {"truth_share": 0.0}
    assert never.notes == ["No row has a truth yet, so nothing is scored"]
    nowhere = performance.score_rows(None, table["chance"], table["warned"], table["time"], PRICES)
    assert nowhere == never
    silent = scored(table.assign(warned=False))
    assert "precision" not in silent.figures
    assert silent.notes == ["No known row was warned of: no precision can be told"]
    short = scored(table[table["time"].dt.day <= 2])
    assert "roc_auc" in short.figures
    assert not [name for name in short.figures if name.endswith(("_low", "_high"))]
    assert short.notes[0].startswith("The known rows are of 2 clusters, such as days: ")
    unanswered = scored(table.assign(chance=np.nan))
    assert unanswered.figures == {"truth_share": 1.0}
    with pytest.raises(DataError, match=r"The batch has no rows"):
        scored(table.head(0))


@pytest.mark.parametrize("kind", ["boolean", "object", "Int64", "float64"])
def test_a_label_is_taken_in_whatever_type_a_file_holds_it(kind: str) -> None:
    table = judged(600, 8)
    late = table["late"].mask(table.index % 3 == 0)
    plain = late.astype("Int64") if kind in ("Int64", "float64") else late
    made = plain.astype(kind).where(late.notna(), None) if kind == "object" else plain.astype(kind)
    assert scored(table.assign(late=made)) == scored(table.assign(late=late))


def test_a_label_that_is_neither_is_named() -> None:
    table = judged(30, 3)
    with pytest.raises(DataError, match=r"The label late is 'maybe', neither .* in 30 rows\. Next"):
        scored(table.assign(late="maybe"))
    with pytest.raises(DataError, match=r"The label late is 2, neither"):
        scored(table.assign(late=2))
    with pytest.raises(DataError, match=r"30 labels, 29 predictions, 30 warnings and 30 clusters"):
        performance.score_rows(
            table["late"], table["chance"][:29], table["warned"], table["time"], PRICES
        )


def test_rows_that_are_joined_score_as_they_did(monkeypatch: pytest.MonkeyPatch) -> None:
    table = judged(12_000, 4)
    one_by_one = scored(table).figures
    monkeypatch.setattr(performance, "MAX_ROWS", 4_000)
    gathered = performance.LabelledRows()
    for _, part in table.groupby(np.arange(12_000) // 2_500):
        gathered.add(part["late"], part["chance"], part["warned"], part["time"])
    assert len(gathered.table()) < 10_000
    joined = performance.score(gathered, PRICES).figures
    assert joined.keys() == one_by_one.keys()
    exact = ("truth", "late", "precision", "recall", "cost")
    for name, value in one_by_one.items():
        near = 1e-9 if name.startswith(exact) else 5e-4
        assert joined[name] == pytest.approx(value, abs=near * max(1, abs(value))), name


def test_an_estimate_is_right_where_the_probabilities_are() -> None:
    """Many truths are drawn by the probabilities: their mean scores are what was estimated."""
    table, rng = judged(2_000, 5), np.random.default_rng(0)
    found = estimate.estimate(table["chance"], 0.3, PRICES)
    draws = [scikit(table.assign(late=rng.random(2_000) < table["chance"])) for _ in range(30)]
    means, spread = pd.DataFrame(draws).mean(), pd.DataFrame(draws).std()
    assert set(found) < set(means.index)
    for name, value in found.items():
        assert abs(value - means[name]) < 4 * spread[name] / 30**0.5, name


def test_an_estimate_is_what_scikit_learn_says_of_rows_that_count_twice() -> None:
    chance = judged(2_000, 6)["chance"].to_numpy()
    twice, truth = np.tile(chance, 2), np.repeat([True, False], 2_000)
    weights = {"sample_weight": np.append(chance, 1 - chance)}
    found = estimate.estimate(chance, 0.3, PRICES)
    expected = {
        "late_share": chance.mean(),
        "brier_score": metrics.brier_score_loss(truth, twice, **weights),
        "roc_auc": metrics.roc_auc_score(truth, twice, **weights),
        "precision": metrics.precision_score(truth, twice >= 0.3, **weights),
        "recall": metrics.recall_score(truth, twice >= 0.3, **weights),
    }
    (_, alarms), (missed, _) = metrics.confusion_matrix(truth, twice >= 0.3, **weights)
    expected["cost_per_1000"] = (100 * missed + 25 * alarms) / 2
    assert found == pytest.approx(expected, abs=1e-5, rel=1e-9)
    parts = estimate.ProbabilityCounts()
    for part in np.array_split(chance, 7):
        parts.add(part, part >= 0.3)
    assert parts.figures(PRICES) == pytest.approx(found, rel=1e-12)


def test_an_estimate_leaves_out_what_cannot_be_told() -> None:
    assert estimate.estimate([0.0, 0.0], 0.3, {}) == {"late_share": 0.0, "brier_score": 0.0}
    sure = estimate.estimate([1.0, np.nan], 0.3, PRICES)
    assert sure == {
        "late_share": 1.0,
        "brier_score": 0.0,
        "precision": 1.0,
        "recall": 1.0,
        "cost_per_1000": 0.0,
    }
    for chances, said in (([], "no predictions"), ([np.nan], "no predictions"), ([1.2], "outside")):
        with pytest.raises(DataError, match=f"{said}.*Next: "):
            estimate.estimate(chances, 0.3, PRICES)


def test_errors_of_past_estimates_stand_beside_the_truth() -> None:
    past = {
        "2013-10": {
            "estimate": {"roc_auc": 0.75, "recall": 0.5},
            "performance": {"roc_auc": 0.70, "truth_share": 1.0},
        },
        "2013-11": {"estimate": {"roc_auc": 0.74}, "performance": {"truth_share": 0.0}},
        "2013-12": {"quality": {}},
    }
    found = estimate.errors(past)
    assert found.columns.tolist() == [*estimate.COLUMNS]
    assert found[["batch", "metric"]].to_numpy().tolist() == [["2013-10", "roc_auc"]]
    assert found["error"].iloc[0] == pytest.approx(0.05)


def test_an_estimate_of_all_rows_is_not_held_against_the_truth_of_some() -> None:
    performance = {"roc_auc": 0.70, "truth_share": 0.4441}
    found = estimate.errors({"a": {"estimate": {"roc_auc": 0.75}, "performance": performance}})
    assert found["estimate"].tolist() == [0.75]
    assert found[["truth", "error"]].isna().all(axis=None)
    assert found["says"].tolist() == ["known of 44.4 % of the rows, so not compared"]


def test_a_baseline_of_another_format_or_without_a_column_gets_a_clear_word() -> None:
    made = bundled.describe(LEARNED, predictions=JUDGED, periods=3)
    first = {name: part for name, part in made.items() if name != "version"}
    said = r"^bundle\.tar holds a baseline of format 1; this headrace .* Next: dvc repro hand_off$"
    with pytest.raises(DataError, match=said):
        baseline.parse(first, SCHEMA, "bundle.tar")
    with pytest.raises(DataError, match="of format 3"):
        baseline.parse({**made, "version": 3}, SCHEMA, "bundle.tar")
    rest = {name: part for name, part in made["columns"].items() if name != "hour"}
    with pytest.raises(DataError, match="without column hour, an input of its model"):
        baseline.parse({**made, "columns": rest}, SCHEMA, "bundle.tar")
    silent = {name: part for name, part in made.items() if name != PREDICTION}
    with pytest.raises(DataError, match="without predictions"):
        baseline.parse(silent, SCHEMA, "bundle.tar")


def test_a_bundle_holds_what_a_batch_is_held_against(quick: Path) -> None:
    study_bundle = quick / "models/bundle.tar"
    bundle = bundles.load(study_bundle)
    known = baseline.read(bundle)
    table = pd.read_parquet(quick / "data/features.parquet")
    assert known.volume == pytest.approx((table["month"] <= 7).sum() / 7)
    judged_month = pd.read_parquet(quick / "data/predictions.parquet")["model"]
    assert known.prediction.counts.sum() == len(judged_month)
    batch = table[table["month"] == 9]
    held = quality.measure(batch, bundle.schema, known)
    assert held.figures["refused_share"] == 0
    found = drift.measure(held.inputs, bundle.predict(held.inputs), known)
    assert drift.figures(found)["tested"] == len(bundle.schema["properties"])
    assert found.iloc[-1]["psi"] == pytest.approx(0, abs=1e-9)  # the month that it was judged on
    assert found.set_index("feature").loc["temp", "unit"] == "°F"


@pytest.fixture(scope="module")
def september(tmp_path_factory: pytest.TempPathFactory) -> alarms.Month:
    """Every flight of September with its prediction, and what its batches are judged by."""
    study = bake.bake(tmp_path_factory.mktemp("whole"))
    bake.commit(study)
    bake.run(study, "dvc", "repro")
    return alarms.month(study)


@pytest.mark.long
@pytest.mark.parametrize("size", alarms.SIZES)
def test_quiet_batches_raise_no_alarm(september: alarms.Month, size: int) -> None:
    found = alarms.quiet(september, size=size, batches=alarms.SIZES[size])
    assert len(found) == alarms.SIZES[size]
    assert found["act"].mean() < 0.01
    assert (found["moved"] > 0).mean() < 0.01


@pytest.mark.long
@pytest.mark.parametrize("plant", ["temperature + 5 °F", "departures 3 hours later"])
@pytest.mark.parametrize("size", alarms.SIZES)
def test_a_large_drift_is_found_in_the_first_batch(
    september: alarms.Month, plant: str, size: int
) -> None:
    waited, _ = alarms.until(september, plant=plant, size=size)
    assert max(waited) == 1
