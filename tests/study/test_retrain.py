"""A challenger is proposed with evidence on rows that nobody has seen, and nothing is promoted."""

import html
import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from sklearn.metrics import brier_score_loss, roc_auc_score

from headrace.bundle import load
from headrace.bundle.load import Bundle
from headrace.core import lockfile
from headrace.core import yaml as yamlfile
from headrace.errors import DataError, HeadraceError, ProjectError
from headrace.gates import reader as gatesfile
from headrace.retrain import branch, compare
from headrace.verify.certificate import FOLDER
from lab import bake, paths
from study import live

BATCH, BRANCH = "2013-11", "retrain/2013-11"
BUNDLE = "models/bundle.tar"
PRICES = {"missed": 100.0, "false_alarm": 25.0}


def copy_study(study: Path, into: Path) -> Path:
    """Return a copy of a study, in which git knows who commits."""
    copy = Path(shutil.copytree(study, into / "study"))
    bake.run(copy, "git", "config", "user.name", "Ada")
    bake.run(copy, "git", "config", "user.email", "ada@example.org")
    return copy


@pytest.fixture(scope="module")
def proposed(watched: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The watched study, with a challenger on a branch."""
    study = copy_study(watched, tmp_path_factory.mktemp("proposed"))
    output = bake.run(study, "headrace", "retrain").stdout
    assert f"The challenger is on branch {BRANCH}. Nothing is promoted: a person decides." in output
    assert f"Next: git merge {BRANCH}, dvc checkout, make verify, headrace register" in output
    return study


@pytest.fixture(scope="module")
def bundles(
    proposed: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Path, Bundle]]:
    """Both bundles, with the files that they lie in."""
    clone = tmp_path_factory.mktemp("clone") / "study"
    bake.run(proposed, "git", "clone", "--quiet", "--branch", BRANCH, str(proposed), str(clone))
    bake.run(clone, "dvc", "cache", "dir", "--local", str(proposed / ".dvc/cache"))
    bake.run(clone, "dvc", "checkout", "--quiet", BUNDLE)
    paths = {"champion": proposed / BUNDLE, "challenger": clone / BUNDLE}
    return {name: (path, load.load(path)) for name, path in paths.items()}


def show_file(study: Path, file: str) -> str:
    """Return a file as it is on the branch."""
    return bake.run(study, "git", "show", f"{BRANCH}:{file}").stdout


def proposal(study: Path) -> dict[str, Any]:
    """Return what the branch holds of the comparison."""
    found: dict[str, Any] = json.loads(show_file(study, f"reports/retrain-{BATCH}.json"))
    return found


def test_retraining_leaves_the_study_unchanged(watched: Path, proposed: Path) -> None:
    heads = [bake.run(one, "git", "rev-parse", "HEAD").stdout for one in (watched, proposed)]
    assert heads[0] == heads[1]
    assert bake.run(proposed, "git", "status", "--porcelain").stdout == ""
    assert bake.run(proposed, "git", "tag").stdout == ""


def test_the_branch_changes_the_window_and_keeps_the_comments(proposed: Path) -> None:
    before = (proposed / "params.yaml").read_text("utf-8")
    after = show_file(proposed, "params.yaml")
    changed = [
        (old.strip(), new.strip())
        for old, new in zip(before.splitlines(), after.splitlines(), strict=True)
        if old != new
    ]
    assert changed == [
        ("fit_months: [1, 2, 3, 4, 5, 6, 7]", "fit_months: [1, 2, 3, 4, 5, 6, 7, 8, 9]"),
        ("threshold_month: 8", "threshold_month: 10"),
        ("evaluate_month: 9", "evaluate_month: 11"),
    ]
    assert "| 95 % interval |" in show_file(proposed, f"reports/retrain-{BATCH}.md")


def test_the_report_names_the_gates_that_were_not_judged_and_the_step(
    proposed: Path,
) -> None:
    report = html.unescape(show_file(proposed, f"reports/retrain-{BATCH}.md"))
    assert "4 of 6 gates judged" in report
    assert "2 gates not judged on this batch (false_negative_rate of each carrier," in report
    assert f"Next: headrace diff HEAD {BRANCH}" in report


def test_the_metrics_agree_with_scikit_learn_on_the_same_rows(
    proposed: Path, bundles: dict[str, tuple[Path, Bundle]]
) -> None:
    table = pd.read_parquet(proposed / f"data/live/{BATCH}.parquet")
    told = {one["name"]: one for one in proposal(proposed)["metrics"]}
    sides = {"old": bundles["champion"][1], "new": bundles["challenger"][1]}
    for side, bundle in sides.items():
        inputs = table[[*bundle.schema["properties"]]]
        chances = bundle.predict(inputs)
        auc, brier = roc_auc_score(table["late"], chances), brier_score_loss(table["late"], chances)
        assert told["model.roc_auc"][side] == pytest.approx(auc)
        assert told["model.brier_score"][side] == pytest.approx(brier)
        warned = chances >= bundle.facts["threshold"]
        late = table["late"].to_numpy("bool")
        cost = 100 * (late & ~warned).mean() + 25 * (~late & warned).mean()
        assert told["model.cost_per_1000"][side] == pytest.approx(1000 * cost)
    assert all(one["low"] <= one["new"] - one["old"] <= one["high"] for one in told.values())


def test_a_proposal_names_both_bundles_by_their_hashes(
    proposed: Path, bundles: dict[str, tuple[Path, Bundle]]
) -> None:
    found = proposal(proposed)
    for name, (path, _) in bundles.items():
        assert found[name] == lockfile.md5(path)


def test_later_comparisons_use_the_same_rows_for_both_models(proposed: Path) -> None:
    report = json.loads(bake.run(proposed, "headrace", "diff", "HEAD", BRANCH, "--json").stdout)
    told = {one["name"]: one for one in proposal(proposed)["metrics"]}
    judged = [one for one in report["metrics"] if one["file"] == "metrics/evaluate.json"]
    found = {one["name"]: one for one in judged if one["name"] in told}
    assert {*found} == {*told}
    for name, one in told.items():
        assert (found[name]["old"], found[name]["new"]) == (one["old"], one["new"])
        assert found[name]["interval"]["low"] == one["low"]
    assert any("that neither has seen" in note for note in report["notes"])
    assert not any("No intervals: " in note for note in report["notes"])
    assert any("No intervals of naive.roc_auc, " in note for note in report["notes"])
    other = json.loads(bake.run(proposed, "headrace", "diff", "HEAD~1", "HEAD", "--json").stdout)
    assert not any("that neither has seen" in note for note in other["notes"])


def test_a_study_that_cannot_be_retrained_is_refused_and_unchanged(
    proposed: Path, tmp_path: Path
) -> None:
    study = copy_study(proposed, tmp_path)
    assert f"The branch {BRANCH} exists already. Next: " in run_refused(study)
    assert "There is no batch 2013-12. Did you mean 2013-1" in run_refused(
        study, "--batch", "2013-12"
    )
    (study / "note.txt").write_text("x")
    assert "something here is not committed. Next: " in run_refused(study, "--batch", "2013-10")
    (study / "note.txt").unlink()
    bake.run(study, "git", "config", "--unset", "user.email")
    bake.run(study, "git", "config", "user.useConfigOnly", "true")
    assert "Next: git config" in run_refused(study, "--batch", "2013-10")
    bake.run(study, "git", "config", "user.email", "ada@example.org")
    assert bake.run(study, "git", "status", "--porcelain").stdout == ""
    bake.run(study, "git", "checkout", "--quiet", BRANCH)
    bake.run(study, "git", "branch", "-D", "main")
    bake.run(study, "git", "checkout", "--quiet", "-b", "main")
    bake.run(study, "git", "branch", "-D", BRANCH)
    assert "has learned all that came before 2013-11 already" in run_refused(study)


def run_refused(study: Path, *words: str) -> str:
    """Return what `headrace retrain` says that trains nothing and changes nothing."""
    before = bake.run(study, "git", "for-each-ref").stdout
    process = bake.run(study, "headrace", "retrain", *words, check=False)
    assert (process.returncode, "Traceback" in process.stdout) == (1, False)
    assert "Running stage" not in process.stdout
    assert "Next: " in process.stdout
    assert bake.run(study, "git", "for-each-ref").stdout == before
    return process.stdout


# Rows that neither has seen


@pytest.mark.parametrize("batch", ["2013-06", "2013-08"])
def test_a_batch_that_the_champion_has_seen_is_refused(
    watched: Path, tmp_path: Path, batch: str
) -> None:
    study = copy_study(watched, tmp_path)
    bake.run(study, "headrace", "ingest", batch)
    bake.commit(study, "Take an old month in")
    output = run_refused(study, "--batch", batch)
    assert f"models/bundle.tar of the last commit, has learned {batch}, or took its" in output
    assert "--batch NAME, with one that came after 2013-08" in output


def test_a_champion_without_the_parameters_of_its_window_is_refused(
    watched: Path, tmp_path: Path
) -> None:
    study = copy_study(watched, tmp_path)
    door = study / "src/study/live.py"
    text = door.read_text("utf-8")
    door.write_text(text.replace('"train.threshold_month": ', '"train.threshold_week": '), "utf-8")
    bake.commit(study, "Ask for what the bundle does not name")
    assert "does not list train.threshold_week, so the batches that it has" in run_refused(study)


def test_the_champion_s_own_parameters_count_not_those_of_the_working_tree(
    proposed: Path, verified: Path, tmp_path: Path
) -> None:
    study = copy_study(proposed, tmp_path)
    shutil.copytree(verified / FOLDER, study / FOLDER)  # of the same commit
    bake.run(study, "headrace", "register")
    for stage in ("dev", "staging", "prod"):
        words = ("v1.0.0", "--to", stage, "--yes", "--reason", "the first")
        bake.run(study, "headrace", "promote", *words)
    bake.run(study, "git", "merge", "--quiet", "--ff-only", BRANCH)  # and promoted is nothing
    bake.run(study, "git", "branch", "-D", BRANCH)
    process = bake.run(study, "headrace", "retrain")
    assert "model@v1.0.0" in process.stdout
    changed = bake.run(study, "git", "diff", "--name-only", "HEAD", BRANCH).stdout.split()
    assert changed == [f"reports/retrain-{BATCH}.md"], "it was trained before"
    bake.run(study, "git", "merge", "--quiet", "--ff-only", BRANCH)
    bake.run(study, "git", "branch", "-D", BRANCH)
    process = bake.run(study, "headrace", "retrain", check=False)
    assert process.returncode == 1
    assert f"holds this challenger and reports/retrain-{BATCH}.md already. Next: " in process.stdout


# Which batch


def test_a_listed_batch_that_is_missing_is_never_skipped(watched: Path, tmp_path: Path) -> None:
    study = copy_study(watched, tmp_path)
    (study / "data/live/2013-11.parquet").unlink()
    assert "data/live/2013-11.parquet is missing. Next: dvc pull" in run_refused(study)
    bake.run(tmp_path, "git", "clone", "--quiet", str(study), "clone")
    clone = tmp_path / "clone"
    bake.run(clone, "git", "config", "user.name", "Ada")
    bake.run(clone, "git", "config", "user.email", "ada@example.org")
    assert "models/bundle.tar of the last commit is not here. Next: dvc pull" in run_refused(clone)
    bake.run(clone, "dvc", "cache", "dir", "--local", str(study / ".dvc/cache"))
    assert "data/live/2013-11.parquet is missing. Next: dvc pull" in run_refused(clone)


def test_a_batch_beyond_the_data_is_skipped_with_a_note(proposed: Path, tmp_path: Path) -> None:
    study = copy_study(proposed, tmp_path)
    later = shutil.copy(study / f"data/live/{BATCH}.parquet", tmp_path / "later.parquet")
    bake.run(study, "headrace", "ingest", str(later), "--batch", "2014-01")
    bake.commit(study, "Take a month of another year in")
    output = run_refused(study)
    assert "2014-01 is skipped: 2014-01 is no month of 2013, and no other" in output
    assert f"The branch {BRANCH} exists already" in output, "the batch before it was taken"
    assert "have 01_collect and src/study/live.py read more" in run_refused(
        study, "--batch", "2014-01"
    )


@pytest.mark.parametrize("name", ["2013-9", "2013-00", "2013-013", "2012-10", "10", "2013-²"])
def test_only_exact_names_of_months_are_accepted(name: str) -> None:
    with pytest.raises(DataError, match=f"{name} is no month of 2013"):
        live.month(name)


# The branch


@pytest.mark.parametrize(
    ("there", "asked", "says"),
    [
        ("retrain", "retrain/2013-10", "The branch retrain exists, and beside it git can have no"),
        ("retrain/2013-10", "retrain/2013-10", "The branch retrain/2013-10 exists already"),
        ("retrain/2013-10/a", "retrain/2013-10", "The branch retrain/2013-10/a exists, and beside"),
        ("other", "retrain/2013..10", "retrain/2013..10 is not a valid branch name for git"),
        ("other", "retrain/10.lock", "retrain/10.lock is not a valid branch name for git"),
        ("retrain/2013-1", "retrain/2013-10", ""),
    ],
)
def test_an_invalid_branch_name_is_refused_before_anything_is_trained(
    tmp_path: Path, there: str, asked: str, says: str
) -> None:
    bake.commit(tmp_path)
    bake.run(tmp_path, "git", "branch", there)
    if says:
        with pytest.raises(ProjectError, match=f"{says}.*Next: "):
            branch.require_free(tmp_path, asked)
    else:
        branch.require_free(tmp_path, asked)
        bake.run(tmp_path, "git", "branch", asked)


def test_a_conflicting_branch_is_refused_before_anything_is_trained(
    watched: Path, tmp_path: Path
) -> None:
    study = copy_study(watched, tmp_path)
    bake.run(study, "git", "branch", "retrain")
    assert "The branch retrain exists, and beside it" in run_refused(study)


def test_a_challenger_that_git_cannot_fetch_is_kept(proposed: Path, tmp_path: Path) -> None:
    study = copy_study(proposed, tmp_path)
    bake.run(study, "git", "branch", "-D", BRANCH)
    hook = study / ".git/hooks/reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text('#!/bin/sh\n! grep -q "refs/heads/retrain/"\n', "utf-8")
    hook.chmod(0o755)
    own = tmp_path / "own"
    own.mkdir()
    env = bake.environment(TMPDIR=str(own))
    process = bake.run(study, "headrace", "retrain", check=False, env=env)
    assert process.returncode == 1
    (kept,) = own.glob("headrace-retrain-*")
    assert f"it is kept in {kept}/study. Next: fix that, then git fetch {kept}" in process.stdout
    hook.unlink()
    bake.run(study, *process.stdout.rpartition("then ")[2].split())
    assert show_file(study, f"reports/retrain-{BATCH}.json") == show_file(
        proposed, f"reports/retrain-{BATCH}.json"
    )


def test_a_pull_request_that_cannot_be_opened_is_a_failure(proposed: Path, tmp_path: Path) -> None:
    study = copy_study(proposed, tmp_path)
    bake.run(study, "git", "branch", "-D", BRANCH)
    process = bake.run(study, "headrace", "retrain", "--pull-request", check=False)
    assert process.returncode == 1
    assert "No pull request: git push: " in process.stdout
    assert f"Next: git push --set-upstream origin {BRANCH}, and open one by hand" in process.stdout
    assert show_file(study, f"reports/retrain-{BATCH}.json"), "the branch is there all the same"


def test_labels_of_no_row_or_of_one_class_are_not_compared(
    bundles: dict[str, tuple[Path, Bundle]], proposed: Path
) -> None:
    table = pd.read_parquet(proposed / f"data/live/{BATCH}.parquet")
    rules = gatesfile.parse((proposed / "gates.yaml").read_bytes())
    sides = bundles["champion"][1], bundles["challenger"][1]
    for wrong, words in (
        (table.drop(columns="late"), "The batch has no late"),
        (table.assign(late=pd.NA), "The known labels are all of one class"),
        (table.assign(late=True), "The known labels are all of one class"),
        (table.assign(temp=1000.0), "The known labels are all of one class"),
    ):
        with pytest.raises(DataError, match=f"{words}.*Next: headrace ingest"):
            compare.compare(*sides, wrong, rules, PRICES)
    half = table.assign(late=table["late"].where(table.index % 2 == 0))
    found = compare.compare(*sides, half, rules, PRICES)
    known = table[table.index % 2 == 0]
    chances = sides[0].predict(known[[*sides[0].schema["properties"]]])
    auc = found["metrics/evaluate.json", "model.roc_auc"].old
    assert auc == pytest.approx(roc_auc_score(known["late"], chances))


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("cat > body; echo https://example.org/pull/7", "https://example.org/pull/7"),
        ("cat > body; echo no right >&2; exit 1", "No pull request: no right. Next: open one"),
    ],
)
def test_a_pull_request_holds_the_report(
    proposed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, says: str
) -> None:
    study = copy_study(proposed, tmp_path)
    bake.run(tmp_path, "git", "init", "--quiet", "--bare", "origin")
    bake.run(study, "git", "remote", "add", "origin", str(tmp_path / "origin"))
    gh = tmp_path / "bin/gh"
    gh.parent.mkdir()
    gh.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > words\n{script}\n')
    gh.chmod(0o755)
    monkeypatch.setenv("PATH", str(gh.parent), prepend=":")
    if says.startswith("https"):
        assert branch.open_pull_request(study, BRANCH) == says
    else:
        with pytest.raises(HeadraceError, match=says):
            branch.open_pull_request(study, BRANCH)
    words = (study / "words").read_text().split("\n")
    assert words[:4] == ["pr", "create", "--head", BRANCH]
    assert (study / "body").read_text() == show_file(study, f"reports/retrain-{BATCH}.md")
    assert BRANCH in bake.run(tmp_path / "origin", "git", "branch").stdout


@pytest.mark.parametrize(
    ("batch", "asked"),
    [
        ("", []),
        ("2013-11", ["--batch=2013-11"]),
        ("$(touch hit) `touch hit`; touch hit", ["--batch=$(touch hit) `touch hit`; touch hit"]),
    ],
)
def test_the_workflow_passes_the_batch_as_one_word_and_asks_for_a_pull_request(
    tmp_path: Path, batch: str, asked: list[str]
) -> None:
    text = (paths.study / ".github/workflows/retrain.yml").read_text("utf-8")
    workflow = yaml.safe_load(text)
    (job,) = workflow["jobs"].values()
    steps = [step for step in job["steps"] if "headrace retrain" in step.get("run", "")]
    (step,) = steps
    assert [*workflow[True]] == ["workflow_dispatch"]  # YAML takes `on` for a truth
    assert step["env"]["BATCH"] == "${{ inputs.batch }}"
    assert not any("inputs" in one.get("run", "") for one in job["steps"])
    asks = [one.get("env", {}) for one in job["steps"] if "github.token" in str(one)]
    assert asks == [step["env"]], "one step alone has the token"
    for name in (".venv/bin/headrace", "bin/gh"):
        stub = tmp_path / name
        stub.parent.mkdir(parents=True)
        stub.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/{stub.name}-words\n')
        stub.chmod(0o755)
    env = {"PATH": f"{tmp_path}/bin:/usr/bin:/bin", "BATCH": batch}
    bake.run(tmp_path, "bash", "-e", "-c", step["run"], env=env)
    words = (tmp_path / "headrace-words").read_text("utf-8").splitlines()
    assert words == ["retrain", "--pull-request", *asked]
    assert (tmp_path / "gh-words").read_text("utf-8").split() == ["auth", "setup-git"]
    assert not (tmp_path / "hit").exists()


def test_prices_and_the_columns_of_predictions_must_be_named(
    bundles: dict[str, tuple[Path, Bundle]], proposed: Path
) -> None:
    text = (proposed / "gates.yaml").read_text("utf-8")
    silent = gatesfile.parse(text.replace("  answers:", "  # answers:").encode())
    table = pd.read_parquet(proposed / f"data/live/{BATCH}.parquet")
    with pytest.raises(DataError, match=r"Next: add to predictions answers:"):
        compare.compare(bundles["champion"][1], bundles["challenger"][1], table, silent, PRICES)


def test_a_window_never_holds_the_month_it_is_compared_on(baked: Path) -> None:
    for kind, judged in itertools.product(("expanding", "sliding"), range(3, 13)):
        values = live.window(live.called(judged), {"window": kind, "window_months": 3})
        assert values["evaluate.evaluate_month"] == judged
        assert max(values["train.fit_months"]) < values["train.threshold_month"] < judged
    assert yamlfile.read(baked / "params.yaml")["retrain"]["window"] == "expanding"
