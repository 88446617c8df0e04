"""Drift and quality of a batch: scipy's statistics, whatever a batch holds, part by part."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_flights import (
    EVALUATED,
    LEARNED,
    SCHEMA,
    baseline_of,
    count_quality,
    flights,
    measure_drift,
)
from scipy import stats

from headrace.bundle import baseline
from headrace.bundle.baseline import Baseline
from headrace.bundle.golden import PREDICTION
from headrace.errors import DataError
from headrace.monitor import drift
from headrace.monitor.drift import share
from headrace.monitor.histograms import Histograms
from headrace.monitor.quality import QualityCounts
from headrace.stats.histogram import population_stability_index


@pytest.fixture(scope="module")
def learned() -> Baseline:
    """The baseline of made-up flights."""
    return baseline_of()


def measure_x(old: Any, new: Any) -> pd.Series:
    """Return the drift of a single column of numbers."""
    schema = {"properties": {"x": {"type": "number"}}}
    content = baseline.describe(pd.DataFrame({"x": old}), predictions=[0.5], periods=1)
    x = baseline.parse(content, schema, "bundle.tar")
    return measure_drift(pd.DataFrame({"x": new}), x).loc["x"]


def test_distances_are_those_that_scipy_computes_from_the_samples(learned: Baseline) -> None:
    batch = flights(2_000, 7).assign(temp=lambda rows: rows["temp"] * 1.07)  # between known values
    measured = measure_drift(batch, learned)
    for name in ("temp", "hour"):
        old, new = (table[name].astype(float) for table in (LEARNED, batch))
        lowest = stats.ks_2samp(old.fillna(-1e9), new.fillna(-1e9), method="asymp")
        assert measured.loc[name, "statistic"] == pytest.approx(lowest.statistic, abs=1e-12)
        assert measured.loc[name, "p_value"] == pytest.approx(lowest.pvalue, rel=1e-9)
        distance = stats.wasserstein_distance(old.dropna(), new.dropna())
        assert measured.loc[name, "distance"] == pytest.approx(distance, rel=1e-3)
    assert measured.loc["temp", "unit"] == "°F"


def test_chi_square_and_false_discovery_control_are_scipys(learned: Baseline) -> None:
    batch = flights(2_000, 8)
    measured = measure_drift(batch, learned)
    both = np.array([t["carrier"].value_counts().sort_index() for t in (LEARNED, batch)])
    expected = stats.chi2_contingency(both, correction=False)
    assert measured.loc["carrier", "statistic"] == pytest.approx(expected.statistic)
    assert measured.loc["carrier", "p_value"] == pytest.approx(expected.pvalue)
    assert measured.loc["carrier", "psi"] == pytest.approx(population_stability_index(*both))
    adjusted = stats.false_discovery_control(measured["p_value"])
    assert measured["p_adjusted"].tolist() == pytest.approx(adjusted.tolist())


def test_psi_is_computed_over_the_deciles_of_the_learned_rows(
    learned: Baseline,
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
    assert measure_drift(batch, learned).loc["temp", "psi"] == pytest.approx(expected)


def test_quantiles_of_many_distinct_numbers_are_close_enough() -> None:
    rng = np.random.default_rng(0)
    old, new = rng.normal(size=50_000), rng.normal(0.05, 1.1, 20_000)
    measured = measure_x(old, new)
    assert measured["statistic"] == pytest.approx(stats.ks_2samp(old, new).statistic, abs=1e-3)
    assert measured["distance"] == pytest.approx(stats.wasserstein_distance(old, new), rel=0.02)


@given(sizes=st.lists(st.integers(0, 700), min_size=1, max_size=6))
@settings(max_examples=8, deadline=None)
def test_a_batch_counted_in_parts_gives_the_same_results(sizes: list[int]) -> None:
    learned = baseline_of()
    batch = pd.concat([flights(size, size) for size in [*sizes, 50]], ignore_index=True)
    batch.loc[::40, "carrier"] = "XX"
    predictions = np.resize(EVALUATED, len(batch))
    histograms, in_parts, start = Histograms(learned), QualityCounts(SCHEMA, learned), 0
    for size in [*sizes, 50]:
        inputs, _ = in_parts.add(batch.iloc[start : start + size])
        histograms.add(inputs, predictions[start : start + size])
        start += size
    at_once, inputs, _ = count_quality(batch, learned)
    assert in_parts.figures() == at_once.figures()
    pd.testing.assert_frame_equal(in_parts.table(), at_once.table())
    expected = measure_drift(inputs, learned, predictions)
    measured = drift.table(histograms).set_index("feature")
    pd.testing.assert_frame_equal(measured, expected, rtol=1e-9)


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
"""By the sentence about a drift: its column, the change, and the rows in the range."""


@pytest.mark.parametrize("sentence", PLANTED)
def test_a_planted_drift_is_named_by_the_range_that_moved(learned: Baseline, sentence: str) -> None:
    column, change, in_range = PLANTED[sentence]
    batch = flights(3_000, 3).assign(**{column: change})
    measured = measure_drift(batch, learned)
    before, after = (share(in_range(table).mean()) for table in (LEARNED, batch))
    assert measured.loc[column, "says"] == f"{sentence}: {before} → {after}"
    assert measured.index[measured["moved"]].tolist() == [column]
    figures = drift.figures(measured.reset_index())
    assert (figures["moved"], figures["tested"]) == (1, 4)
    assert figures["psi_max"] == measured.loc[column, "psi"]


def test_shares_are_formatted_with_few_digits() -> None:
    texts = [share(value) for value in (0.0, 0.0004, 0.052, 0.0996, 0.314, 0.9999, 1.0)]
    assert texts == ["0 %", "0.04 %", "5.2 %", "10 %", "31 %", "100 %", "100 %"]


def test_drift_of_predictions_is_reported_apart_from_that_of_inputs(learned: Baseline) -> None:
    measured = measure_drift(flights(3_000, 3), learned, np.minimum(1.6 * EVALUATED, 1.0))
    assert measured.index[measured["moved"]].tolist() == [PREDICTION]
    figures = drift.figures(measured.reset_index())
    assert figures["moved"] == 0
    assert (
        figures["psi_prediction"]
        == measured.loc[PREDICTION, "psi"]
        > drift.MIN_PSI
        > figures["psi_max"]
    )


def test_a_batch_like_the_learned_rows_has_no_drift(learned: Baseline) -> None:
    for size in (1, 2, 30, 500, 9_000):
        assert not measure_drift(flights(size, size), learned)["moved"].any(), size


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
def test_a_hostile_batch_has_finite_figures_and_one_line_sentences(
    learned: Baseline, name: str, rows: int
) -> None:
    batch = flights(rows, 5).assign(**HOSTILE[name])
    quality, typed, _ = count_quality(batch, learned)
    for inputs in (batch, typed):
        measured = measure_drift(inputs, learned)
        assert measured["psi"].notna().all()
        assert measured["p_adjusted"].between(0, 1).all()
        assert all("\n" not in says and says.isprintable() for says in measured["says"])
        assert all(np.isfinite(value) for value in drift.figures(measured.reset_index()).values())
    assert all(np.isfinite(value) for value in quality.figures().values())
    assert quality.table()["rule"].map(str.isprintable).all()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_baseline_of_hostile_rows_can_be_compared_with_batches(name: str) -> None:
    hostile = baseline_of(flights(300, 5).assign(**HOSTILE[name]), [0.5] * 9)
    if name != "another type":  # a text and a number have no common distribution
        assert measure_drift(flights(500, 6), hostile)["psi"].notna().all()
    assert count_quality(flights(500, 6), hostile)[0].figures()["refused_share"] == 0


def test_numbers_above_all_learned_values_are_named_so() -> None:
    measured = measure_x(np.minimum(np.arange(100.0), 60.0), [70.0] * 50)
    assert measured["says"] == "x above all known values: 0 % → 100 %"


def test_the_index_of_a_table_does_not_matter(learned: Baseline) -> None:
    batch = flights(50, 1)
    shuffled = pd.concat([batch, batch]).sample(frac=1, random_state=0)
    numbered = shuffled.reset_index(drop=True)
    quality, inputs, valid = count_quality(shuffled, learned)
    assert quality.figures() == count_quality(numbered, learned)[0].figures()
    expected = measure_drift(numbered, learned)
    pd.testing.assert_frame_equal(measure_drift(inputs[valid], learned), expected)


def test_an_empty_batch_and_a_missing_column_are_refused(learned: Baseline) -> None:
    batch = flights(10, 0)
    with pytest.raises(DataError, match=r"The batch has no rows\. Next: "):
        count_quality(batch.head(0), learned)[0].figures()
    with pytest.raises(DataError, match=r"The batch has no rows\. Next: "):
        measure_drift(batch.head(0), learned)
    with pytest.raises(DataError, match=r"no column hour\. Did you mean hours\? Next: "):
        count_quality(batch.rename(columns={"hour": "hours"}), learned)
    with pytest.raises(DataError, match=r"no column temp\. Next: "):
        measure_drift(batch.drop(columns="temp"), learned)
    with pytest.raises(DataError, match=r"10 rows and 9 predictions\. Next: "):
        measure_drift(batch, learned, np.zeros(9))


def test_violations_count_per_column_and_rule_and_a_row_once(learned: Baseline) -> None:
    batch = flights(1_000, 4).astype({"hour": "object"})
    batch.loc[:9, "temp"] = -50
    batch.loc[5:19, "hour"] = "noon"
    batch.loc[20:24, "carrier"] = None
    batch.loc[30:69, "carrier"] = "ZZ"
    batch.loc[100:199, "temp"] = np.nan
    quality, _, valid = count_quality(batch, learned)
    figures = quality.figures()
    assert figures["refused_share"] == 0.025
    assert np.flatnonzero(~valid).tolist() == [*range(25)]
    assert figures["unseen_share"] == 0.04
    assert figures["volume_ratio"] == pytest.approx(1_000 / 3_000)
    missing = int(batch["temp"].isna().sum()) + 5
    assert figures["missing_share"] == pytest.approx(missing / 4_000)
    rows = quality.table().set_index(["column", "rule"])
    assert rows.loc[("temp", "below -40"), "rows"] == 10
    assert rows.loc[("hour", "not a number"), "rows"] == 15
    assert rows.loc[("carrier", "missing value"), "rows"] == 5
    assert rows.loc[("carrier", "never seen before: ZZ"), "share"] == 0.04
    assert rows.loc[("temp", "missing"), "rows"] == missing - 5
    assert rows.loc[("temp", "missing"), "before"] == pytest.approx(LEARNED["temp"].isna().mean())
    assert len(rows) == 5


def test_a_baseline_of_another_format_or_without_a_column_is_refused() -> None:
    content = baseline.describe(LEARNED, predictions=EVALUATED, periods=3)
    without_version = {name: part for name, part in content.items() if name != "version"}
    message = (
        r"^bundle\.tar holds a baseline of format 1; this headrace .* Next: dvc repro hand_off$"
    )
    with pytest.raises(DataError, match=message):
        baseline.parse(without_version, SCHEMA, "bundle.tar")
    with pytest.raises(DataError, match="of format 3"):
        baseline.parse({**content, "version": 3}, SCHEMA, "bundle.tar")
    columns = {name: part for name, part in content["columns"].items() if name != "hour"}
    with pytest.raises(DataError, match="without column hour, an input of its model"):
        baseline.parse({**content, "columns": columns}, SCHEMA, "bundle.tar")
    without_predictions = {name: part for name, part in content.items() if name != PREDICTION}
    with pytest.raises(DataError, match="without predictions"):
        baseline.parse(without_predictions, SCHEMA, "bundle.tar")
