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
from conftest import QUICK
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import confusion_matrix, roc_auc_score

from headrace.execution import sandbox
from lab import bake

FILE = "backtest/dvc.yaml"
UP_TO_DATE = "Data and pipelines are up to date."
MONTHS = (6, 7)
MISSED, FALSE_ALARM = 100.0, 25.0


class Played:
    """A study whose backtest has been run and committed, and what that printed."""

    def __init__(self, root: Path, said: str) -> None:
        self.root = root
        self.said = said

    def facts(self, month: int) -> dict[str, Any]:
        """Return what is written of a month."""
        found: dict[str, Any] = json.loads(
            (self.root / f"metrics/backtest/{month}.json").read_text("utf-8")
        )
        return found

    @property
    def whole(self) -> dict[str, dict[str, float]]:
        """What all months come to."""
        found: dict[str, dict[str, float]] = json.loads(
            (self.root / "metrics/backtest.json").read_text("utf-8")
        )
        return found


@pytest.fixture(scope="module")
def played(quick: Path, tmp_path_factory: pytest.TempPathFactory) -> Played:
    root = Path(shutil.copytree(quick, tmp_path_factory.mktemp("played") / "study"))
    result = bake.run(root, "make", "backtest", "-o", ".venv/ready")
    bake.commit(root, "Play the past back")
    return Played(root, result.stdout)


def dvc(root: Path, *words: str, check: bool = True) -> CompletedProcess[str]:
    return bake.run(root, "dvc", *words, check=check)


def ran(said: str) -> list[str]:
    return re.findall(r"Running stage '(.*)'", said)


def visible(root: Path) -> Path:
    """Let DVC see the backtest, as `headrace backtest` does while it runs."""
    (root / "backtest/.dvcignore").write_text("!dvc.yaml\n")
    return root


# Beside the daily pipeline


def test_after_a_repro_dvc_status_is_clean(copy: Path) -> None:
    dvc(copy, "repro")
    assert dvc(copy, "status").stdout.strip() == UP_TO_DATE
    sandbox.set_parameters(copy / "params.yaml", {"backtest.delay": 2})
    assert dvc(copy, "status").stdout.strip() == UP_TO_DATE


def test_a_backtest_that_was_run_does_not_count_as_stale_either(
    played: Played, tmp_path: Path
) -> None:
    changed = Path(shutil.copytree(played.root, tmp_path / "changed"))
    sandbox.set_parameters(changed / "params.yaml", {"backtest.delay": 2})
    assert dvc(changed, "status").stdout.strip() == UP_TO_DATE
    assert "backtest/dvc.yaml:backtest@6" in dvc(visible(changed), "status").stdout


def test_the_daily_pipeline_leaves_a_backtest_alone_that_was_never_run(
    copy: Path, tmp_path: Path
) -> None:
    said = dvc(copy, "repro").stdout
    assert ran(said) == []
    assert "backtest" not in said
    assert UP_TO_DATE in dvc(copy, "status", "dvc.yaml").stdout
    dvc(copy, "remote", "add", "--default", "--local", "away", str(tmp_path / "away"))
    for word in ("push", "checkout", "pull"):
        assert "backtest" not in dvc(copy, word).stdout
    assert not (copy / "metrics/backtest.json").exists()


def test_a_backtest_runs_one_stage_for_each_month_and_one_for_the_money(played: Played) -> None:
    assert ran(played.said) == [*(f"{FILE}:backtest@{month}" for month in MONTHS), f"{FILE}:money"]
    assert UP_TO_DATE in dvc(played.root, "status").stdout
    assert bake.run(played.root, "git", "status", "--porcelain").stdout == ""


def test_a_fresh_clone_is_up_to_date_and_has_the_picture(played: Played, tmp_path: Path) -> None:
    bake.run(tmp_path, "git", "clone", "--quiet", str(played.root), "clone")
    clone = tmp_path / "clone"
    assert (clone / "plots/backtest.svg").read_bytes()
    dvc(clone, "cache", "dir", "--local", str(played.root / ".dvc/cache"))
    dvc(clone, "checkout")
    assert UP_TO_DATE in dvc(visible(clone), "status", FILE).stdout
    assert " passed." in bake.run(clone, "headrace", "check", "lock-behind").stdout


def test_a_parameter_of_the_model_reaches_every_month(played: Played, tmp_path: Path) -> None:
    changed = Path(shutil.copytree(played.root, tmp_path / "changed"))
    sandbox.set_parameters(changed / "params.yaml", {"train.learning_rate": 0.06})
    status = json.loads(dvc(visible(changed), "status", FILE, "--json", "--no-updates").stdout)
    assert status.keys() == {f"{FILE}:backtest@{month}" for month in MONTHS}
    said = bake.run(changed, "headrace", "check", "lock-behind", check=False).stdout
    for month in MONTHS:
        assert f"Stage backtest@{month} is behind: parameter train.learning_rate changed" in said
    assert "Next: headrace backtest, and commit backtest/dvc.lock with what it changed" in said


def test_a_new_month_runs_only_what_it_needs(played: Played, tmp_path: Path) -> None:
    longer = Path(shutil.copytree(played.root, tmp_path / "longer"))
    sandbox.set_parameters(longer / "params.yaml", {"backtest.months": [*MONTHS, 8]})
    said = bake.run(longer, "headrace", "backtest").stdout
    assert ran(said) == [f"{FILE}:backtest@8", f"{FILE}:money"]
    found = Played(longer, said)
    assert found.whole["saved"].keys() == {"6", "7", "8", "all"}
    assert found.facts(8)["champion"]["threshold"] == played.facts(6)["champion"]["threshold"]


# What it says


def test_the_table_and_the_place_of_the_picture_are_shown(played: Played) -> None:
    table = played.said.partition("metrics/backtest.json, in dollars\n")[2]
    assert table.split()[:4] == ["champion", "retrained", "naive", "nothing"]
    for month in (*map(str, MONTHS), "all"):
        row = re.search(rf"^  {month} +([\d,.-]+) +([\d,.-]+) ", table, re.M)
        assert row
        assert float(row[1].replace(",", "")) == pytest.approx(
            played.whole["champion"][month], abs=0.06
        )
    assert "The plot is plots/backtest.svg" in played.said


def test_the_picture_is_drawn_from_the_figures(played: Played) -> None:
    picture = (played.root / "plots/backtest.svg").read_text("utf-8")
    last = pd.read_csv(played.root / "plots/backtest.csv").iloc[-1]
    sure = last["summed_low"] > 0 or last["summed_high"] < 0
    word = "saved" if last["summed"] > 0 else "lost"
    amount = f"{round(abs(last['summed']), -3 if abs(last['summed']) >= 1e4 else -2):,.0f}"
    told = f"would have {word} ${amount}" if sure else "no gain or loss beyond chance"
    assert told in picture
    assert "July" in picture


def test_a_retrained_model_is_the_one_that_headrace_retrain_would_have_proposed(
    played: Played,
) -> None:
    for month in MONTHS:
        found = played.facts(month)
        said = _window(played.root, f"2013-{month - 1:02}")
        for name in ("champion", "retrained"):
            one = found[name]
            assert 1 == one["fit_from"] <= one["fit_to"] < one["threshold_month"]
            assert one["threshold_month"] < one["judged_month"] < month
        one = found["retrained"]
        assert [*range(one["fit_from"], one["fit_to"] + 1)] == said["train.fit_months"]
        assert one["threshold_month"] == said["train.threshold_month"]
        assert one["judged_month"] == said["evaluate.evaluate_month"] == month - 1


def _window(root: Path, batch: str) -> dict[str, Any]:
    """Return what `headrace retrain` would train a challenger on that it judges on a batch."""
    asked = "import json, sys; from headrace.core import project, yaml;"
    asked += " one = project.find_project();"
    asked += " block = yaml.read(one.root / 'params.yaml')['retrain'];"
    asked += " print(json.dumps(one.load('window')(sys.argv[1], block)))"
    env = bake.environment(PYTHONPATH=str(root / "src"))
    found: dict[str, Any] = json.loads(bake.run(root, "python", "-c", asked, batch, env=env).stdout)
    return found


def test_truth_that_comes_late_makes_the_models_older(played: Played, tmp_path: Path) -> None:
    later = Path(shutil.copytree(played.root, tmp_path / "later"))
    sandbox.set_parameters(later / "params.yaml", {"backtest.delay": 2})
    said = bake.run(later, "headrace", "backtest").stdout
    assert len(ran(said)) == 1 + len(MONTHS)
    found = Played(later, said)
    for month in MONTHS:
        assert found.facts(month)["retrained"]["judged_month"] == month - 2
    assert "judged 2 months before" in (later / "plots/backtest.svg").read_text("utf-8")


def test_the_window_of_retrain_is_the_window_of_the_backtest(
    played: Played, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(played.root, tmp_path / "other"))
    sandbox.set_parameters(other / "params.yaml", {"retrain.window": "sliding"})
    status = json.loads(dvc(visible(other), "status", FILE, "--json", "--no-updates").stdout)
    assert status.keys() == {f"{FILE}:backtest@{month}" for month in MONTHS}
    assert UP_TO_DATE in dvc(other, "status", "dvc.yaml").stdout


def test_the_champion_of_every_month_is_the_same(played: Played) -> None:
    first, second = (played.facts(month)["champion"] for month in MONTHS)
    learned = ("fit_from", "fit_to", "fit_flights", "threshold_month", "threshold", "judged_month")
    assert [first[name] for name in learned] == [second[name] for name in learned]
    assert played.facts(6)["champion"] == played.facts(6)["retrained"]
    assert played.whole["saved"]["6"] == 0


@pytest.fixture(scope="module")
def features(played: Played) -> pd.DataFrame:
    table = pd.read_parquet(played.root / "data/features.parquet")
    text = table.select_dtypes(["object", "string"]).columns
    return table.astype(dict.fromkeys(text, "category"))


@pytest.mark.parametrize(("name", "fit_to"), [("champion", 3), ("retrained", 4)])
def test_figures_agree_with_scikit_learn(
    played: Played, features: pd.DataFrame, name: str, fit_to: int
) -> None:
    """July, fitted and judged anew, with another way to the cheapest threshold."""
    inputs = [column for column in features if column not in ("late", "month", "time_hour")]
    inputs = _columns(played.root, inputs)
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
    least = played.facts(7)[name]["threshold"]
    assert _dollars(later["late"], before >= least) == costs.min()
    dollars = _dollars(judged["late"], chance >= least)
    assert played.whole[name]["7"] == pytest.approx(dollars)
    found = played.facts(7)[name]
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


def test_the_difference_has_the_interval_of_whole_days(played: Played) -> None:
    """Drawn anew by another hand, which agrees but for the luck of the draw."""
    days = pd.read_csv(played.root / "data/backtest/7.csv")
    saved = (days["champion"] - days["retrained"]).to_numpy()
    drawn = np.random.default_rng(1).choice(saved, (4000, len(saved))).sum(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    found = played.whole
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
def test_what_cannot_be_played_back_is_refused_in_words(
    baked: Path, tmp_path: Path, kind: str
) -> None:
    values, words = REFUSED[kind]
    study = Path(shutil.copytree(baked, tmp_path / "study"))
    sandbox.set_parameters(study / "params.yaml", values)
    said = bake.run(study, "headrace", "check", "params-yaml", check=False).stdout
    assert words in said
    assert "Next: " in said


def test_a_study_without_a_backtest_is_told_so(baked: Path, tmp_path: Path) -> None:
    study = Path(shutil.copytree(baked, tmp_path / "study"))
    shutil.rmtree(study / "backtest")
    result = bake.run(study, "headrace", "backtest", check=False)
    assert result.returncode == 1
    assert f"There is no {FILE}, so no backtest can run. Next: " in result.stdout


def test_a_month_that_did_not_fail_cannot_be_debugged(played: Played) -> None:
    said = bake.run(played.root, "headrace", "debug", "backtest-6", check=False).stdout
    assert "There is no failed run of backtest-6. Next: headrace backtest" in said
