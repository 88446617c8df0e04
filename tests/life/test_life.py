"""One whole life of a study: what `make demo` shows, and what its user does next."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lab import bake, paths

pytestmark = pytest.mark.life
RUNNING, SKIPPED = "Running stage ", "didn't change, skipping"


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A home in which nobody has set anything up, with the machine's package cache in reach."""
    cache = (
        os.environ.get("UV_CACHE_DIR") or bake.run(paths.root, "uv", "cache", "dir").stdout.strip()
    )
    return {"HOME": str(tmp_path_factory.mktemp("home")), "UV_CACHE_DIR": cache}


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory, home: dict[str, str]) -> tuple[Path, str]:
    """The study that the demonstration made, and all that it printed."""
    into = tmp_path_factory.mktemp("life")
    command = [sys.executable, "-m", "lab.demo", "--into", str(into)]
    result = subprocess.run(
        command,
        cwd=into,
        env=bake.environment(PYTHONPATH=str(paths.root / "notebooks"), **home),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    return into / "demo", result.stdout


@pytest.fixture
def study(demo: tuple[Path, str]) -> Path:
    """The study, committed as it is."""
    bake.commit(demo[0], "Take over the experiment")
    return demo[0]


def own(study: Path, home: dict[str, str], *command: str) -> str:
    """Run a command in the study's own environment, as its user would, and return what it said."""
    return bake.run(study, *command, env=bake.user_environment(study, **home)).stdout


def plain(text: str) -> str:
    """Mask what differs from run to run: seconds, memory, and where the study lies."""
    text = re.sub(r"\d[\d,]*(\.\d+)? (s|MiB)\b", r"… \2", text)
    return re.sub(r"(/\S+/)?build/demo|/\S+/demo|-o \S+ ", "…", text)


@pytest.mark.parametrize("number", [0, 2], ids=["the change", "the scores"])
def test_the_readme_s_transcript_is_what_one_sees(demo: tuple[Path, str], number: int) -> None:
    """Line after line in the same order; only where it says […] may there be more."""
    readme = (paths.root / "README.md").read_text("utf-8")
    shown = re.findall(r"```console\n(.*?)```", readme, re.S)[number].removeprefix("$ make demo\n")
    seen = plain(demo[1])
    place = 0
    for part in plain(shown).split("[…]\n"):
        place = seen.find(part, place)
        assert place >= 0, f"not seen, or not there:\n{part}"
        place += len(part)
    assert len(shown.splitlines()) > 8


def test_the_model_beats_the_naive_one_on_every_score(study: Path) -> None:
    first = bake.run(study, "git", "rev-parse", ":/Run the pipeline").stdout.strip()
    shipped = bake.run(study, "git", "show", f"{first}:metrics/evaluate.json").stdout
    scores = json.loads(shipped)
    assert scores["flights"] == 27_010
    assert scores["model"]["roc_auc"] > scores["naive"]["roc_auc"] + 0.03
    assert scores["model"]["average_precision"] > scores["naive"]["average_precision"]
    assert scores["model"]["brier_score"] < scores["naive"]["brier_score"]
    assert scores["model"]["cost_per_1000"] < scores["naive"]["cost_per_1000"]


def test_all_flights_of_the_year_flow_through_and_those_without_a_label_are_counted(
    study: Path,
) -> None:
    collected = json.loads((study / "metrics/collect.json").read_text())
    prepared = json.loads((study / "metrics/prepare.json").read_text())
    assert collected["flights"] == 336_776
    assert collected["cancelled"] + collected["diverted"] == prepared["without_label"] == 9_430
    assert prepared["flights"] == 336_776 - 9_430


def test_only_the_stages_that_depend_on_a_change_run(demo: tuple[Path, str]) -> None:
    first, second = demo[1].split("$ dvc exp run")
    assert first.count(RUNNING) == 6
    assert second.count(RUNNING) == 4
    assert second.count(SKIPPED) == 2


def test_a_second_repro_runs_no_stage(study: Path, home: dict[str, str]) -> None:
    said = own(study, home, "dvc", "repro")
    assert RUNNING not in said
    assert said.count(SKIPPED) == 6
    assert bake.run(study, "git", "status", "--porcelain").stdout == ""


def test_all_steps_of_ci_pass_at_home_but_for_the_gates_that_the_change_breaks(
    study: Path, home: dict[str, str]
) -> None:
    first = bake.run(study, "git", "rev-parse", ":/Run the pipeline").stdout.strip()
    env = bake.user_environment(study, **home, HEADRACE_BASE=first)
    env = {name: text for name, text in env.items() if not name.startswith("GITHUB_")}
    result = bake.run(study, "make", "ci", check=False, env=env)
    steps = ("check", "test", "data", "repro", "lock", "html", "verify", "diff")
    results = re.findall(rf"^  ({'|'.join(steps)}) +(ok|failed) +[\d.]+$", result.stdout, re.M)
    assert results == [(step, "failed" if step == "diff" else "ok") for step in steps]
    assert result.returncode == 2  # make's own
    assert re.search(r"\d+ passed", result.stdout)
    assert "4 of 6 gates broken." in result.stdout
    comment = (study / "runs/html/comment.md").read_text("utf-8")
    assert comment.startswith(
        "✅ check · ✅ test · ✅ data · ✅ repro · ✅ lock · ✅ html · ✅ verify"
    )
    assert "Must not be merged" in (study / "runs/html/diff.html").read_text("utf-8")
    assert "All 6 stages reproduce: 37 outputs, identical." in result.stdout
    (certificate,) = study.glob(".headrace/certificates/*.json")
    assert json.loads(certificate.read_text("utf-8"))["identical"] is True
    assert bake.run(study, "git", "status", "--porcelain").stdout == ""


def test_formatting_changes_no_file(study: Path, home: dict[str, str]) -> None:
    own(study, home, "make", "fix")
    assert bake.run(study, "git", "status", "--porcelain").stdout == ""
    assert "up to date" in own(study, home, "dvc", "status", "dvc.yaml")


def test_a_fresh_clone_reports_up_to_date(
    study: Path, home: dict[str, str], tmp_path: Path
) -> None:
    bake.run(tmp_path, "git", "clone", "--quiet", str(study), "clone")
    clone = tmp_path / "clone"
    cache = str(study / ".dvc/cache")
    bake.run(clone, "dvc", "cache", "dir", "--local", cache)
    bake.run(clone, "dvc", "checkout")
    assert (
        "Data and pipelines are up to date." in bake.run(clone, "dvc", "status", "dvc.yaml").stdout
    )
    said = bake.run(clone, "dvc", "repro").stdout
    assert RUNNING not in said
    assert bake.run(clone, "git", "status", "--porcelain").stdout == ""


def test_a_change_of_one_parameter_gets_a_verdict_with_its_evidence(
    study: Path, home: dict[str, str], tmp_path: Path
) -> None:
    first = bake.run(study, "git", "rev-parse", ":/Run the pipeline").stdout.strip()
    env = bake.user_environment(study, **home)
    words = ("headrace", "diff", first, "HEAD")
    result = bake.run(study, *words, "--gate", check=False, env=env)
    assert result.returncode == 1
    assert "gate broken: metrics/evaluate.json model.roc_auc" in result.stdout
    assert re.search(
        r"model\.roc_auc +worse +0\.7189 +0\.7131 +-0\.0058 +-0\.01\d+ to ", result.stdout
    )
    assert re.search(r"train\.max_iter +200 +50", result.stdout)
    page = tmp_path / "diff.html"
    bake.run(study, *words, "--html", str(page), env=env)
    assert "Must not be merged" in page.read_text("utf-8")
    assert bake.run(study, "git", "status", "--porcelain").stdout == ""
    looked_back = own(study, home, "headrace", "history", "model.roc_auc")
    assert re.search(r"0\.7131 -0\.0058", looked_back)


@pytest.mark.long  # the steps of CI verify it as well, from the cache
def test_a_clone_without_any_data_proves_that_every_stage_reproduces(
    study: Path, home: dict[str, str], tmp_path: Path
) -> None:
    bake.run(tmp_path, "git", "clone", "--quiet", str(study), "clone")
    clone = tmp_path / "clone"
    env = bake.user_environment(study, **home)
    said = bake.run(clone, "headrace", "verify", env=env).stdout
    assert "All 6 stages reproduce: 37 outputs, identical." in said
    (certificate,) = clone.glob(".headrace/certificates/*.json")
    content = json.loads(certificate.read_text("utf-8"))
    assert content["tree"] == bake.run(study, "git", "rev-parse", "HEAD^{tree}").stdout.strip()
    assert content["environment"] == ""
    assert bake.run(clone, "git", "status", "--porcelain").stdout == ""


@pytest.mark.long
def test_what_the_notebooks_stored_comes_out_again(study: Path, home: dict[str, str]) -> None:
    assert re.search(r"\b51 passed", own(study, home, "make", "replay"))
    assert bake.run(study, "git", "status", "--porcelain").stdout == ""


def test_a_clone_runs_its_own_code_though_the_environment_is_the_original_s(
    study: Path, home: dict[str, str], tmp_path: Path
) -> None:
    bake.run(tmp_path, "git", "clone", "--quiet", str(study), "clone")
    clone = tmp_path / "clone"
    source = clone / "src/study/features.py"
    source.write_text(source.read_text() + '\nraise RuntimeError("the clone was here")\n')
    bake.run(clone, "dvc", "cache", "dir", "--local", str(study / ".dvc/cache"))
    bake.run(clone, "dvc", "checkout")
    env = bake.user_environment(study, **home)
    result = bake.run(clone, "headrace", "run", "prepare", check=False, env=env)
    assert result.returncode == 1
    assert "the clone was here" in result.stdout


def test_plots_show_both_models_with_titles_and_units(study: Path, home: dict[str, str]) -> None:
    drawn = json.loads(own(study, home, "dvc", "plots", "show", "--json"))["data"]
    curves = {name: plots[0].get("content") for name, plots in drawn.items()}
    assert {"ROC", "Precision and recall", "Calibration"} <= curves.keys()
    for name in ("ROC", "Precision and recall", "Calibration"):
        assert {row["filename"] for row in curves[name]["data"]["values"]} == {
            f"{name.lower().replace(' and ', '_')}_{model}.csv" for model in ("model", "naive")
        }
    assert {name for name, plots in drawn.items() if plots[0]["type"] == "image"} == {
        "plots/groups.svg",
        "plots/ranking.svg",
        "plots/trust.svg",
    }


def test_plots_diff_shows_both_commits(study: Path, home: dict[str, str]) -> None:
    first = own(study, home, "git", "rev-parse", ":/Run the pipeline").strip()
    drawn = json.loads(own(study, home, "dvc", "plots", "diff", "--json", first))["data"]
    revisions = {row["rev"] for row in drawn["ROC"][0]["content"]["data"]["values"]}
    assert len(revisions) == 2
    assert len(drawn["plots/ranking.svg"]) == 2


def test_no_run_holds_a_path_or_a_time(study: Path) -> None:
    for run in (study / "runs").glob("*.ipynb"):
        text = run.read_text("utf-8")
        assert str(study) not in text
        assert '"start_time"' not in text
