"""A batch keeps what was answered then: no later model is judged by it, or judges in its place."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from headrace.bundle import baseline, load
from headrace.bundle.load import Bundle
from headrace.core import project
from headrace.errors import DataError
from headrace.ingest import batch
from headrace.monitor import evaluate
from headrace.monitor.evaluate import OTHER_MODEL, BatchEvaluator, Evaluation
from lab import bake

PRICES = {"missed": 100.0, "false_alarm": 25.0}


@pytest.fixture(scope="module")
def bundle(quick: Path) -> Bundle:
    """The small study's bundle."""
    return load.load(quick / "models/bundle.tar")


@pytest.fixture
def flights(quick: Path) -> pd.DataFrame:
    """A month's flights as they come in, with what turned out."""
    table = pd.read_parquet(quick / "data/features.parquet")
    return table[table["month"] == 9].reset_index(drop=True)


def judged(root: Path, bundle: Bundle, table: pd.DataFrame) -> Evaluation:
    """Evaluate rows as the monitor does, in two parts."""
    learned = baseline.parse(bundle.baseline, bundle.schema, bundle.name)
    evaluator = BatchEvaluator(bundle, learned, batch.prediction_spec(root))
    for part in (table.iloc[:500], table.iloc[500:]):
        evaluator.add(part)
    return evaluator.result(PRICES)


def test_a_batch_keeps_what_the_model_answered(watched: Path, bundle: Bundle) -> None:
    table = pd.read_parquet(watched / "data/live/2013-10.parquet")
    expected = bundle.predict(table[[*bundle.schema["properties"]]])
    np.testing.assert_allclose(table["prediction"], expected, rtol=0, atol=1e-12)
    assert (table["positive"] == (expected >= bundle.facts["threshold"])).all()
    assert table["model"].str.fullmatch(r"bundle\.tar [0-9a-f]{8}").all()


def test_a_row_that_breaks_the_contract_has_no_answer(quick: Path, flights: pd.DataFrame) -> None:
    flights.loc[3, "distance"] = -1
    made = batch.add_predictions(project.find_project(quick), flights)
    assert made.index[made["prediction"].isna()].tolist() == [3]
    assert made.index[made["positive"].isna()].tolist() == [3]
    assert made.index[made["model"].isna()].tolist() == [3]


def test_answers_that_came_with_the_rows_stay(quick: Path, flights: pd.DataFrame) -> None:
    given = flights.assign(prediction=0.25)
    assert batch.add_predictions(project.find_project(quick), given) is given


def test_rows_that_another_model_answered_are_judged_by_its_answers(
    quick: Path, bundle: Bundle, flights: pd.DataFrame
) -> None:
    rng = np.random.default_rng(0)
    chances, warned = rng.random(len(flights)), rng.random(len(flights)) < 0.5
    found = judged(quick, bundle, flights.assign(prediction=chances, positive=warned))
    truth = flights["late"].to_numpy()
    assert found.figures["performance"]["roc_auc"] == pytest.approx(roc_auc_score(truth, chances))
    cost = 100 * (truth & ~warned).mean() + 25 * (~truth & warned).mean()
    assert found.figures["performance"]["cost_per_1000"] == pytest.approx(1000 * cost)
    assert "psi_prediction" not in found.figures["drift"]
    assert found.notes[0] == OTHER_MODEL
    assert found.figures["drift"]["tested"] == len(bundle.schema["properties"])


def test_rows_that_this_model_answered_are_held_against_its_answers(
    quick: Path, bundle: Bundle, flights: pd.DataFrame
) -> None:
    kept = batch.add_predictions(project.find_project(quick), flights)
    found, asked_now = judged(quick, bundle, kept), judged(quick, bundle, flights)
    assert found.figures == asked_now.figures
    assert found.figures["drift"]["psi_prediction"] < 0.01
    assert OTHER_MODEL not in found.notes


def test_an_answer_that_lacks_is_asked_for_now(
    quick: Path, bundle: Bundle, flights: pd.DataFrame
) -> None:
    kept = batch.add_predictions(project.find_project(quick), flights)
    holes = kept.assign(
        prediction=kept["prediction"].where(kept.index % 3 > 0),
        positive=kept["positive"].where(kept.index % 2 > 0),
    )
    assert judged(quick, bundle, holes).figures == judged(quick, bundle, kept).figures


def test_a_prediction_that_is_no_number_is_named(
    quick: Path, bundle: Bundle, flights: pd.DataFrame
) -> None:
    with pytest.raises(DataError, match="a prediction that is not a number"):
        judged(quick, bundle, flights.assign(prediction="high"))


def test_where_no_row_keeps_the_contract_that_is_told(
    quick: Path, bundle: Bundle, flights: pd.DataFrame
) -> None:
    found = judged(quick, bundle, flights.assign(distance=-1))
    assert found.figures["rows"] == len(flights)
    assert found.figures["quality"]["refused_share"] == 1
    assert "No row keeps the contract" in found.notes[0]
    assert "performance" not in found.figures


def test_a_batch_that_cannot_be_judged_has_a_figure_that_says_so(
    watched: Path, bundle: Bundle
) -> None:
    seen = evaluate.batches(watched, bundle, ["2013-10", "2014-01"], prices=PRICES)
    found = evaluate.metrics(seen, {})
    assert found["2013-10"]["quality"]["judged"] == 1
    assert found["2014-01"] == {"rows": 0, "quality": {"judged": 0}}


def test_the_worst_batch_is_the_loudest(watched: Path, tmp_path: Path) -> None:
    study = Path(shutil.copytree(watched, tmp_path / "study"))
    rows = pd.read_parquet(study / "data/live/2013-11.parquet")
    rows.drop(columns=["prediction", "positive", "model"]).assign(distance=-1).to_parquet(
        tmp_path / "bad.parquet"
    )
    bake.run(study, "headrace", "ingest", str(tmp_path / "bad.parquet"), "--batch", "2013-12")
    (study / "data/live/2013-10.parquet").write_bytes(b"no table")
    done = bake.run(study, "dvc", "repro", "--single-item", "--force", "monitor", check=False)
    assert done.returncode == 0, done.stdout
    said = bake.run(study, "headrace", "monitor", "--quiet", "--gate", check=False)
    assert said.returncode == 1
    assert "2013-12  act: the contract refuses rows" in said.stdout
    assert "2013-10  act: a batch cannot be judged" in said.stdout
    page = (study / "runs/html/monitor.html").read_text("utf-8")
    assert "2013-12: act" in page
    found = json.loads((study / "metrics/monitor.json").read_text("utf-8"))
    assert "performance" in found["2013-11"]
