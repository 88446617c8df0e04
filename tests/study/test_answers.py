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
    predicted = batch.add_predictions(project.find_project(quick), flights)
    assert predicted.index[predicted["prediction"].isna()].tolist() == [3]
    assert predicted.index[predicted["positive"].isna()].tolist() == [3]
    assert predicted.index[predicted["model"].isna()].tolist() == [3]


def test_answers_that_came_with_the_rows_stay(quick: Path, flights: pd.DataFrame) -> None:
    logged = flights.assign(prediction=0.25)
    assert batch.add_predictions(project.find_project(quick), logged) is logged


def test_rows_that_another_model_answered_are_judged_by_its_answers(
    quick: Path, bundle: Bundle, flights: pd.DataFrame
) -> None:
    rng = np.random.default_rng(0)
    chances, warned = rng.random(len(flights)), rng.random(len(flights)) < 0.5
    evaluation = judged(quick, bundle, flights.assign(prediction=chances, positive=warned))
    truth = flights["late"].to_numpy()
    assert evaluation.figures["performance"]["roc_auc"] == pytest.approx(
        roc_auc_score(truth, chances)
    )
    cost = 100 * (truth & ~warned).mean() + 25 * (~truth & warned).mean()
    assert evaluation.figures["performance"]["cost_per_1000"] == pytest.approx(1000 * cost)
    assert "psi_prediction" not in evaluation.figures["drift"]
    assert evaluation.notes[0] == OTHER_MODEL
    assert evaluation.figures["drift"]["tested"] == len(bundle.schema["properties"])


def test_rows_that_this_model_answered_are_held_against_its_answers(
    quick: Path, bundle: Bundle, flights: pd.DataFrame
) -> None:
    logged = batch.add_predictions(project.find_project(quick), flights)
    evaluation, predicted_now = judged(quick, bundle, logged), judged(quick, bundle, flights)
    assert evaluation.figures == predicted_now.figures
    assert evaluation.figures["drift"]["psi_prediction"] < 0.01
    assert OTHER_MODEL not in evaluation.notes


def test_an_answer_that_lacks_is_asked_for_now(
    quick: Path, bundle: Bundle, flights: pd.DataFrame
) -> None:
    logged = batch.add_predictions(project.find_project(quick), flights)
    partly_logged = logged.assign(
        prediction=logged["prediction"].where(logged.index % 3 > 0),
        positive=logged["positive"].where(logged.index % 2 > 0),
    )
    assert judged(quick, bundle, partly_logged).figures == judged(quick, bundle, logged).figures


def test_a_prediction_that_is_no_number_is_named(
    quick: Path, bundle: Bundle, flights: pd.DataFrame
) -> None:
    with pytest.raises(DataError, match="a prediction that is not a number"):
        judged(quick, bundle, flights.assign(prediction="high"))


def test_where_no_row_keeps_the_contract_that_is_told(
    quick: Path, bundle: Bundle, flights: pd.DataFrame
) -> None:
    evaluation = judged(quick, bundle, flights.assign(distance=-1))
    assert evaluation.figures["rows"] == len(flights)
    assert evaluation.figures["quality"]["refused_share"] == 1
    assert "No row keeps the contract" in evaluation.notes[0]
    assert "performance" not in evaluation.figures


def test_a_batch_that_cannot_be_judged_has_a_figure_that_says_so(
    watched: Path, bundle: Bundle
) -> None:
    evaluations = evaluate.batches(watched, bundle, ["2013-10", "2014-01"], prices=PRICES)
    figures = evaluate.metrics(evaluations, {})
    assert figures["2013-10"]["quality"]["judged"] == 1
    assert figures["2014-01"] == {"rows": 0, "quality": {"judged": 0}}


def test_the_worst_batch_is_the_loudest(watched: Path, tmp_path: Path) -> None:
    study = Path(shutil.copytree(watched, tmp_path / "study"))
    rows = pd.read_parquet(study / "data/live/2013-11.parquet")
    rows.drop(columns=["prediction", "positive", "model"]).assign(distance=-1).to_parquet(
        tmp_path / "bad.parquet"
    )
    bake.run(study, "headrace", "ingest", str(tmp_path / "bad.parquet"), "--batch", "2013-12")
    (study / "data/live/2013-10.parquet").write_bytes(b"no table")
    bake.run(study, "dvc", "add", "--quiet", "data/live/2013-10.parquet")
    process = bake.run(study, "dvc", "repro", "--single-item", "--force", "monitor", check=False)
    assert process.returncode == 0, process.stdout
    result = bake.run(study, "headrace", "monitor", "--quiet", "--gate", check=False)
    assert result.returncode == 1
    assert "2013-12  act: the contract refuses rows" in result.stdout
    assert "2013-10  act: a batch cannot be judged" in result.stdout
    page = (study / "runs/html/monitor.html").read_text("utf-8")
    assert "2013-12: act" in page
    figures = json.loads((study / "metrics/monitor.json").read_text("utf-8"))
    assert "performance" in figures["2013-11"]
