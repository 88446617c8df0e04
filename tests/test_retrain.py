"""A challenger is proposed with evidence on rows that nobody has seen, and nothing is promoted."""

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from headrace import lockfile, yamlfile
from headrace.bundle import read
from headrace.bundle.read import Bundle
from headrace.diff import gatesfile
from headrace.errors import DataError, HeadraceError
from headrace.retrain import compare, pull
from lab import bake

BATCH, BRANCH = "2013-11", "retrain/2013-11"
BUNDLE = "models/bundle.tar"
PRICES = {"missed": 100.0, "false_alarm": 25.0}


@pytest.fixture(scope="module")
def proposed(watched: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The watched study, with a challenger on a branch."""
    study = Path(shutil.copytree(watched, tmp_path_factory.mktemp("proposed") / "study"))
    bake.run(study, "git", "config", "user.name", "Ada")
    bake.run(study, "git", "config", "user.email", "ada@example.org")
    said = bake.run(study, "headrace", "retrain").stdout
    assert f"The challenger is on branch {BRANCH}. Nothing is promoted: a person decides." in said
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
    return {name: (path, read.load(path)) for name, path in paths.items()}


def shown(study: Path, file: str) -> str:
    """Return a file as it is on the branch."""
    return bake.run(study, "git", "show", f"{BRANCH}:{file}").stdout


def proposal(study: Path) -> dict[str, Any]:
    """Return what the branch holds of the comparison."""
    found: dict[str, Any] = json.loads(shown(study, f"reports/retrain-{BATCH}.json"))
    return found


def test_the_study_itself_stays_as_it_is(watched: Path, proposed: Path) -> None:
    heads = [bake.run(one, "git", "rev-parse", "HEAD").stdout for one in (watched, proposed)]
    assert heads[0] == heads[1]
    assert bake.run(proposed, "git", "status", "--porcelain").stdout == ""
    assert bake.run(proposed, "git", "tag").stdout == ""


def test_the_branch_changes_the_window_and_keeps_the_comments(proposed: Path) -> None:
    before = (proposed / "params.yaml").read_text("utf-8")
    after = shown(proposed, "params.yaml")
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
    assert "| 95 % interval |" in shown(proposed, f"reports/retrain-{BATCH}.md")


def test_the_figures_agree_with_scikit_learn_on_the_same_rows(
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


def test_a_proposal_is_about_just_these_two_bundles(
    proposed: Path, bundles: dict[str, tuple[Path, Bundle]]
) -> None:
    found = proposal(proposed)
    for name, (path, _) in bundles.items():
        assert found[name] == lockfile.md5(path)


def test_later_comparisons_judge_both_on_the_same_rows(proposed: Path) -> None:
    said = json.loads(bake.run(proposed, "headrace", "diff", "HEAD", BRANCH, "--json").stdout)
    told = {one["name"]: one for one in proposal(proposed)["metrics"]}
    judged = [one for one in said["metrics"] if one["file"] == "metrics/evaluate.json"]
    found = {one["name"]: one for one in judged if one["name"] in told}
    assert {*found} == {*told}
    for name, one in told.items():
        assert (found[name]["old"], found[name]["new"]) == (one["old"], one["new"])
        assert found[name]["interval"]["low"] == one["low"]
    assert any("that neither has seen" in note for note in said["notes"])
    other = json.loads(bake.run(proposed, "headrace", "diff", "HEAD~1", "HEAD", "--json").stdout)
    assert not any("that neither has seen" in note for note in other["notes"])


def test_what_cannot_be_retrained_is_said_and_nothing_changes(
    proposed: Path, tmp_path: Path
) -> None:
    study = Path(shutil.copytree(proposed, tmp_path / "study"))

    def refused(*words: str) -> str:
        done = bake.run(study, "headrace", "retrain", *words, check=False)
        assert (done.returncode, "Traceback" in done.stdout) == (1, False)
        return done.stdout

    assert f"There is a branch {BRANCH} already. Next: " in refused()
    assert "data/live/2013-12.parquet is missing. Next: " in refused("--batch", "2013-12")
    (study / "note.txt").write_text("x")
    assert "something here is not committed. Next: " in refused("--batch", "2013-10")
    (study / "note.txt").unlink()
    bake.run(study, "git", "config", "--unset", "user.email")
    bake.run(study, "git", "config", "user.useConfigOnly", "true")
    assert "Next: git config" in refused("--batch", "2013-10")  # before anything is trained
    bake.run(study, "git", "config", "user.email", "ada@example.org")
    assert bake.run(study, "git", "status", "--porcelain").stdout == ""
    bake.run(study, "git", "checkout", "--quiet", BRANCH)
    bake.run(study, "git", "branch", "-D", "main")
    bake.run(study, "git", "checkout", "--quiet", "-b", "main")
    bake.run(study, "git", "branch", "-D", BRANCH)
    assert "has learned all that came before 2013-11 already" in refused()


def test_truth_for_none_or_for_one_class_is_not_compared(
    bundles: dict[str, tuple[Path, Bundle]], proposed: Path
) -> None:
    table = pd.read_parquet(proposed / f"data/live/{BATCH}.parquet")
    rules = gatesfile.parse((proposed / "gates.yaml").read_bytes())
    sides = bundles["champion"][1], bundles["challenger"][1]
    for wrong, words in (
        (table.drop(columns="late"), "The batch has no late"),
        (table.assign(late=pd.NA), "Of one class only, or of none"),
        (table.assign(late=True), "Of one class only, or of none"),
        (table.assign(temp=1000.0), "Of one class only, or of none"),
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
    study = Path(shutil.copytree(proposed, tmp_path / "study"))
    bake.run(tmp_path, "git", "init", "--quiet", "--bare", "origin")
    bake.run(study, "git", "remote", "add", "origin", str(tmp_path / "origin"))
    gh = tmp_path / "bin/gh"
    gh.parent.mkdir()
    gh.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > words\n{script}\n')
    gh.chmod(0o755)
    monkeypatch.setenv("PATH", str(gh.parent), prepend=":")
    if says.startswith("https"):
        assert pull.open(study, BRANCH) == says
    else:
        with pytest.raises(HeadraceError, match=says):
            pull.open(study, BRANCH)
    words = (study / "words").read_text().split("\n")
    assert words[:4] == ["pr", "create", "--head", BRANCH]
    assert (study / "body").read_text() == shown(study, f"reports/retrain-{BATCH}.md")
    assert BRANCH in bake.run(tmp_path / "origin", "git", "branch").stdout


def test_prices_and_answers_must_be_named(
    bundles: dict[str, tuple[Path, Bundle]], proposed: Path
) -> None:
    text = (proposed / "gates.yaml").read_text("utf-8")
    silent = gatesfile.parse(text.replace("  answers:", "  # answers:").encode())
    table = pd.read_parquet(proposed / f"data/live/{BATCH}.parquet")
    with pytest.raises(DataError, match=r"Next: add to predictions answers:"):
        compare.compare(bundles["champion"][1], bundles["challenger"][1], table, silent, PRICES)


def test_a_window_never_holds_the_month_it_is_judged_on(baked: Path) -> None:
    code = (
        "import json; from study import live\n"
        "for kind in ('expanding', 'sliding'):\n"
        "    for n in range(3 if kind == 'expanding' else 5, 13):\n"
        "        print(json.dumps([n, live.window(f'2013-{n:02}', {'window': kind,"
        " 'window_months': 3})]))\n"
    )
    env = bake.environment(PYTHONPATH=str(baked / "src"))
    for line in bake.run(baked, "python", "-c", code, env=env).stdout.splitlines():
        judged, values = json.loads(line)
        assert values["evaluate.evaluate_month"] == judged
        assert max(values["train.fit_months"]) < values["train.threshold_month"] < judged
    assert yamlfile.read(baked / "params.yaml")["retrain"]["window"] == "expanding"
