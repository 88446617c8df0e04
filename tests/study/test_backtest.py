"""The backtest: retraining month by month in the past, beside the daily pipeline."""

import json
import re
import shutil
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mini_study import QUICK
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import confusion_matrix, roc_auc_score

from headrace.execution import sandbox
from lab import bake

FILE = "backtest/dvc.yaml"
UP_TO_DATE = "Data and pipelines are up to date."
MONTHS = (6, 7)
MISSED, FALSE_ALARM = 100.0, 25.0


class BacktestedStudy:
    """A study whose backtest has been run and committed, and what that printed."""

    def __init__(self, root: Path, output: str) -> None:
        self.root = root
        self.output = output

    def month_metrics(self, month: int) -> dict[str, Any]:
        """Return the metrics of a month."""
        found: dict[str, Any] = json.loads(
            (self.root / f"metrics/backtest/{month}.json").read_text("utf-8")
        )
        return found

    @property
    def total_metrics(self) -> dict[str, dict[str, float]]:
        """The metrics of all months together."""
        found: dict[str, dict[str, float]] = json.loads(
            (self.root / "metrics/backtest.json").read_text("utf-8")
        )
        return found


@pytest.fixture(scope="module")
def backtested(quick: Path, tmp_path_factory: pytest.TempPathFactory) -> BacktestedStudy:
    root = Path(shutil.copytree(quick, tmp_path_factory.mktemp("played") / "study"))
    result = bake.run(root, "make", "backtest", "-o", ".venv/ready")
    bake.commit(root, "Play the past back")
    return BacktestedStudy(root, result.stdout)


def dvc(root: Path, *words: str, check: bool = True) -> CompletedProcess[str]:
    return bake.run(root, "dvc", *words, check=check)


def stages_run(output: str) -> list[str]:
    return re.findall(r"Running stage '(.*)'", output)


def show_to_dvc(root: Path) -> Path:
    """Let DVC see the backtest, as `headrace backtest` does while it runs."""
    (root / "backtest/.dvcignore").write_text("!dvc.yaml\n")
    return root


# Beside the daily pipeline


def test_after_a_repro_dvc_status_is_clean(copy: Path) -> None:
    dvc(copy, "repro")
    assert dvc(copy, "status").stdout.strip() == UP_TO_DATE
    sandbox.set_parameters(copy / "params.yaml", {"backtest.delay": 2})
    assert dvc(copy, "status").stdout.strip() == UP_TO_DATE


def test_a_backtest_that_was_run_is_not_stale(backtested: BacktestedStudy, tmp_path: Path) -> None:
    changed = Path(shutil.copytree(backtested.root, tmp_path / "changed"))
    sandbox.set_parameters(changed / "params.yaml", {"backtest.delay": 2})
    assert dvc(changed, "status").stdout.strip() == UP_TO_DATE
    assert "backtest/dvc.yaml:backtest@6" in dvc(show_to_dvc(changed), "status").stdout


def test_repro_does_not_run_the_backtest(copy: Path, tmp_path: Path) -> None:
    output = dvc(copy, "repro").stdout
    assert stages_run(output) == []
    assert "backtest" not in output
    assert UP_TO_DATE in dvc(copy, "status", "dvc.yaml").stdout
    dvc(copy, "remote", "add", "--default", "--local", "away", str(tmp_path / "away"))
    for word in ("push", "checkout", "pull"):
        assert "backtest" not in dvc(copy, word).stdout
    assert not (copy / "metrics/backtest.json").exists()


def test_a_backtest_runs_one_stage_for_each_month_and_one_for_the_total(
    backtested: BacktestedStudy,
) -> None:
    assert stages_run(backtested.output) == [
        *(f"{FILE}:backtest@{month}" for month in MONTHS),
        f"{FILE}:money",
    ]
    assert UP_TO_DATE in dvc(backtested.root, "status").stdout
    assert bake.run(backtested.root, "git", "status", "--porcelain").stdout == ""


def test_a_fresh_clone_is_up_to_date_and_has_the_picture(
    backtested: BacktestedStudy, tmp_path: Path
) -> None:
    bake.run(tmp_path, "git", "clone", "--quiet", str(backtested.root), "clone")
    clone = tmp_path / "clone"
    assert (clone / "plots/backtest.svg").read_bytes()
    dvc(clone, "cache", "dir", "--local", str(backtested.root / ".dvc/cache"))
    dvc(clone, "checkout")
    assert UP_TO_DATE in dvc(show_to_dvc(clone), "status", FILE).stdout
    assert " passed." in bake.run(clone, "headrace", "check", "lock-behind").stdout


def test_a_parameter_of_the_model_reaches_every_month(
    backtested: BacktestedStudy, tmp_path: Path
) -> None:
    changed = Path(shutil.copytree(backtested.root, tmp_path / "changed"))
    sandbox.set_parameters(changed / "params.yaml", {"train.learning_rate": 0.06})
    status = json.loads(dvc(show_to_dvc(changed), "status", FILE, "--json", "--no-updates").stdout)
    assert status.keys() == {f"{FILE}:backtest@{month}" for month in MONTHS}
    output = bake.run(changed, "headrace", "check", "lock-behind", check=False).stdout
    for month in MONTHS:
        assert f"Stage backtest@{month} is behind: parameter train.learning_rate changed" in output
    assert "Next: headrace backtest, and commit backtest/dvc.lock with what it changed" in output


def test_a_new_month_runs_only_what_it_needs(backtested: BacktestedStudy, tmp_path: Path) -> None:
    longer = Path(shutil.copytree(backtested.root, tmp_path / "longer"))
    sandbox.set_parameters(longer / "params.yaml", {"backtest.months": [*MONTHS, 8]})
    output = bake.run(longer, "headrace", "backtest").stdout
    assert stages_run(output) == [f"{FILE}:backtest@8", f"{FILE}:money"]
    found = BacktestedStudy(longer, output)
    assert found.total_metrics["saved"].keys() == {"6", "7", "8", "all"}
    assert (
        found.month_metrics(8)["champion"]["threshold"]
        == backtested.month_metrics(6)["champion"]["threshold"]
    )


# What it says


def test_the_table_and_the_path_of_the_picture_are_shown(backtested: BacktestedStudy) -> None:
    table = backtested.output.partition("metrics/backtest.json\n")[2]
    assert table.split()[:4] == ["champion", "retrained", "naive", "nothing"]
    for month in (*map(str, MONTHS), "all"):
        row = re.search(rf"^  {month} +([\d,.-]+) +([\d,.-]+) ", table, re.M)
        assert row
        assert float(row[1].replace(",", "")) == pytest.approx(
            backtested.total_metrics["champion"][month], abs=0.06
        )
    assert "The plot is plots/backtest.svg" in backtested.output


def test_the_picture_is_drawn_from_the_figures(backtested: BacktestedStudy) -> None:
    picture = (backtested.root / "plots/backtest.svg").read_text("utf-8")
    last = pd.read_csv(backtested.root / "plots/backtest.csv").iloc[-1]
    sure = last["summed_low"] > 0 or last["summed_high"] < 0
    word = "saved" if last["summed"] > 0 else "lost"
    amount = f"{round(abs(last['summed']), -3 if abs(last['summed']) >= 1e4 else -2):,.0f}"
    title = f"would have {word} ${amount}" if sure else "no gain or loss beyond chance"
    assert title in picture
    assert "July" in picture


def test_a_retrained_model_is_the_one_that_headrace_retrain_would_have_proposed(
    backtested: BacktestedStudy,
) -> None:
    for month in MONTHS:
        found = backtested.month_metrics(month)
        window = _window(backtested.root, f"2013-{month - 1:02}")
        for name in ("champion", "retrained"):
            one = found[name]
            assert 1 == one["fit_from"] <= one["fit_to"] < one["threshold_month"]
            assert one["threshold_month"] < one["judged_month"] < month
        one = found["retrained"]
        assert [*range(one["fit_from"], one["fit_to"] + 1)] == window["train.fit_months"]
        assert one["threshold_month"] == window["train.threshold_month"]
        assert one["judged_month"] == window["evaluate.evaluate_month"] == month - 1


def _window(root: Path, batch: str) -> dict[str, Any]:
    """Return what `headrace retrain` would train a challenger on that it judges on a batch."""
    asked = "import json, sys; from headrace.core import project, yaml;"
    asked += " one = project.find_project();"
    asked += " block = yaml.read(one.root / 'params.yaml')['retrain'];"
    asked += " print(json.dumps(one.load('window')(sys.argv[1], block)))"
    env = bake.environment(PYTHONPATH=str(root / "src"))
    found: dict[str, Any] = json.loads(bake.run(root, "python", "-c", asked, batch, env=env).stdout)
    return found


def test_late_labels_delay_the_models(backtested: BacktestedStudy, tmp_path: Path) -> None:
    later = Path(shutil.copytree(backtested.root, tmp_path / "later"))
    sandbox.set_parameters(later / "params.yaml", {"backtest.delay": 2})
    output = bake.run(later, "headrace", "backtest").stdout
    assert len(stages_run(output)) == 1 + len(MONTHS)
    found = BacktestedStudy(later, output)
    for month in MONTHS:
        assert found.month_metrics(month)["retrained"]["judged_month"] == month - 2
    assert "judged 2 months before" in (later / "plots/backtest.svg").read_text("utf-8")


def test_the_window_of_retrain_is_the_window_of_the_backtest(
    backtested: BacktestedStudy, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(backtested.root, tmp_path / "other"))
    sandbox.set_parameters(other / "params.yaml", {"retrain.window": "sliding"})
    status = json.loads(dvc(show_to_dvc(other), "status", FILE, "--json", "--no-updates").stdout)
    assert status.keys() == {f"{FILE}:backtest@{month}" for month in MONTHS}
    assert UP_TO_DATE in dvc(other, "status", "dvc.yaml").stdout


def test_the_champion_of_every_month_is_the_same(backtested: BacktestedStudy) -> None:
    first, second = (backtested.month_metrics(month)["champion"] for month in MONTHS)
    learned = ("fit_from", "fit_to", "fit_flights", "threshold_month", "threshold", "judged_month")
    assert [first[name] for name in learned] == [second[name] for name in learned]
    assert backtested.month_metrics(6)["champion"] == backtested.month_metrics(6)["retrained"]
    assert backtested.total_metrics["saved"]["6"] == 0


@pytest.fixture(scope="module")
def features(backtested: BacktestedStudy) -> pd.DataFrame:
    table = pd.read_parquet(backtested.root / "data/features.parquet")
    text = table.select_dtypes(["object", "string"]).columns
    return table.astype(dict.fromkeys(text, "category"))


@pytest.mark.parametrize(("name", "fit_to"), [("champion", 3), ("retrained", 4)])
def test_metrics_agree_with_scikit_learn(
    backtested: BacktestedStudy, features: pd.DataFrame, name: str, fit_to: int
) -> None:
    """July, fitted and judged anew, with another way to the cheapest threshold."""
    inputs = [column for column in features if column not in ("late", "month", "time_hour")]
    inputs = _columns(backtested.root, inputs)
    fit, later, judged = (
        features[months]
        for months in (
            features["month"] <= fit_to,
            features["month"] == fit_to + 1,
            features["month"] == 7,
        )
    )
    fitted = HistGradientBoostingClassifier(
        max_iter=int(QUICK["train.max_iter"]),  # type: ignore[call-overload]
        learning_rate=0.05,
        max_leaf_nodes=31,
        min_samples_leaf=200,
        early_stopping=False,
        categorical_features="from_dtype",
        random_state=0,
    ).fit(fit[inputs], fit["late"])
    before, chance = (fitted.predict_proba(one[inputs])[:, 1] for one in (later, judged))
    late, warned = later["late"].to_numpy()[:, None], before[:, None] >= np.unique(before)
    costs = (MISSED * (late & ~warned) + FALSE_ALARM * (~late & warned)).sum(axis=0)
    least = backtested.month_metrics(7)[name]["threshold"]
    assert _dollars(later["late"], before >= least) == costs.min()
    dollars = _dollars(judged["late"], chance >= least)
    assert backtested.total_metrics[name]["7"] == pytest.approx(dollars)
    found = backtested.month_metrics(7)[name]
    assert found["roc_auc"] == pytest.approx(roc_auc_score(judged["late"], chance))
    assert found["cost_per_1000"] == pytest.approx(1000 * dollars / len(judged))
    mean = chance.mean() - judged["late"].mean()
    assert found["calibration_in_the_large"] == pytest.approx(mean)


def _columns(root: Path, known: list[str]) -> list[str]:
    """Return the model's inputs in the study's order."""
    words = "from study.features import FEATURES; print(*FEATURES)"
    env = bake.environment(PYTHONPATH=str(root / "src"))
    named = bake.run(root, "python", "-c", words, env=env).stdout.split()
    assert set(named) <= set(known)
    return named


def _dollars(late: "pd.Series[bool]", warned: "np.ndarray[Any, Any]") -> float:
    _, false_alarms, missed, _ = confusion_matrix(late, warned, labels=[False, True]).ravel()
    return float(MISSED * missed + FALSE_ALARM * false_alarms)


def test_the_difference_has_the_interval_of_whole_days(backtested: BacktestedStudy) -> None:
    """Drawn anew by another hand, which agrees but for the luck of the draw."""
    days = pd.read_csv(backtested.root / "data/backtest/7.csv")
    saved = (days["champion"] - days["retrained"]).to_numpy()
    drawn = np.random.default_rng(1).choice(saved, (4000, len(saved))).sum(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    found = backtested.total_metrics
    assert found["saved"]["7"] == pytest.approx(saved.sum())
    near = 0.15 * (high - low)
    assert found["saved_low"]["7"] == pytest.approx(low, abs=near)
    assert found["saved_high"]["7"] == pytest.approx(high, abs=near)


# What is refused

REFUSED = {
    "a month that was not collected": (
        {"collect.months": [1, 2, 3, 4, 5, 6, 7, 8, 9], "backtest.months": [6, 10]},
        "months [10] are used by backtest but not in collect.months",
    ),
    "a champion that would judge its own": (
        {"backtest.champion_month": 7},
        "backtest.champion_month comes after the first of backtest.months",
    ),
    "a champion without a past": (
        {"backtest.champion_month": 3},
        "a model that answers for month 3 of backtest is judged on month 2, backtest.delay before",
    ),
    "a window of no kind": (
        {"retrain.window": "growing"},
        "retrain.window is 'growing': input should be 'expanding' or 'sliding'",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_an_impossible_backtest_is_refused_in_words(baked: Path, tmp_path: Path, kind: str) -> None:
    values, words = REFUSED[kind]
    study = Path(shutil.copytree(baked, tmp_path / "study"))
    sandbox.set_parameters(study / "params.yaml", values)
    output = bake.run(study, "headrace", "check", "params-yaml", check=False).stdout
    assert words in output
    assert "Next: " in output


def test_a_study_without_a_backtest_gets_the_message(baked: Path, tmp_path: Path) -> None:
    study = Path(shutil.copytree(baked, tmp_path / "study"))
    shutil.rmtree(study / "backtest")
    result = bake.run(study, "headrace", "backtest", check=False)
    assert result.returncode == 1
    assert f"There is no {FILE}, so no backtest can run. Next: " in result.stdout


def test_a_month_that_did_not_fail_cannot_be_debugged(backtested: BacktestedStudy) -> None:
    output = bake.run(backtested.root, "headrace", "debug", "backtest-6", check=False).stdout
    assert "There is no failed run of backtest-6. Next: headrace backtest" in output
