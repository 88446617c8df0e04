"""A bundle's baseline fits its study's batches; alarms are rare, and large drifts are found."""

from pathlib import Path

import pandas as pd
import pytest

from headrace.bundle import baseline, load
from headrace.monitor import drift
from headrace.monitor.histograms import Histograms
from headrace.monitor.quality import QualityCounts
from lab import alarms, bake


def test_a_bundle_holds_the_baseline_of_its_study(quick: Path) -> None:
    bundle = load.load(quick / "models/bundle.tar")
    learned = baseline.parse(bundle.baseline, bundle.schema, bundle.name)
    table = pd.read_parquet(quick / "data/features.parquet")
    assert learned.volume == pytest.approx((table["month"] <= 7).sum() / 7)
    evaluated = pd.read_parquet(quick / "data/predictions.parquet")["model"]
    assert learned.prediction.counts.sum() == len(evaluated)
    quality, histograms = QualityCounts(bundle.schema, learned), Histograms(learned)
    inputs, _ = quality.add(table[table["month"] == 9])
    assert quality.figures()["refused_share"] == 0
    histograms.add(inputs, bundle.predict(inputs))
    measured = drift.table(histograms)
    assert drift.figures(measured)["tested"] == len(bundle.schema["properties"])
    assert measured.iloc[-1]["psi"] == pytest.approx(0, abs=1e-9)  # of the evaluated month
    assert measured.set_index("feature").loc["temp", "unit"] == "°F"


@pytest.fixture(scope="module")
def september(tmp_path_factory: pytest.TempPathFactory) -> alarms.Month:
    """Every flight of September with its prediction, and what its batches are evaluated with."""
    study = bake.bake(tmp_path_factory.mktemp("whole"))
    bake.commit(study)
    bake.run(study, "dvc", "repro")
    return alarms.month(study)


@pytest.mark.long
@pytest.mark.parametrize("size", alarms.SIZES)
def test_quiet_batches_raise_no_alarm(september: alarms.Month, size: int) -> None:
    batches = alarms.quiet(september, size=size, batches=alarms.SIZES[size])
    assert len(batches) == alarms.SIZES[size]
    assert batches["act"].mean() < 0.01
    assert (batches["moved"] > 0).mean() < 0.01


@pytest.mark.long
@pytest.mark.parametrize("plant", ["temperature + 5 °F", "departures 3 hours later"])
@pytest.mark.parametrize("size", alarms.SIZES)
def test_a_large_drift_is_found_in_the_first_batch(
    september: alarms.Month, plant: str, size: int
) -> None:
    waits, _ = alarms.until(september, plant=plant, size=size)
    assert max(waits) == 1
