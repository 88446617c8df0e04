"""A blank study, and what `headrace init` makes of it: a study of another table."""

import ast
import json
import re
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pandas as pd
import pytest
import yaml
from sklearn import datasets

from headrace.core import requirements
from lab import bake, blank, paths

FLIGHTS = re.compile(r"flight|carrier|airport|weather|months?\b|\blate\b|nycflights|backtest", re.I)
FIRST = ":/Begin"
"""The first commit of a study."""
WRITTEN_BY_HAND = ["dvc.yaml", "params.yaml", "params.schema.json", "src", "tests", "notebooks"]
SHARED = [
    "read",
    "write",
    "write_csv",
    "read_metrics",
    "write_metrics",
    "read_model",
    "write_model",
]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A blank study, committed."""
    made = bake.bake(tmp_path, start="blank", project_slug="blank")
    bake.commit(made)
    return made


def test_the_blank_study_is_what_init_writes_for_its_table() -> None:
    assert {
        name for name, text in blank.texts().items() if (blank.FOLDER / name).read_text() != text
    } == set(), "make blank"


def test_a_blank_study_is_small_and_knows_nothing_of_flights(study: Path) -> None:
    names = [path for path in study.rglob("*") if path.is_file() and ".git" not in path.parts]
    assert len(names) <= 45
    texts = [
        path for path in names if path.suffix in (".py", ".ipynb", ".md", ".toml", ".yaml", "")
    ]
    found = {path.name: FLIGHTS.search(path.read_text("utf-8")) for path in texts}
    assert {name: match[0] for name, match in found.items() if match} == {}


def test_what_both_starts_share_is_the_same() -> None:
    def functions(path: Path) -> dict[str, str]:
        tree = ast.parse(path.read_text("utf-8"))
        return {
            node.name: ast.unparse(node) for node in tree.body if isinstance(node, ast.FunctionDef)
        }

    ours, theirs = (functions(root / "src/study/data.py") for root in (blank.FOLDER, paths.study))
    assert {name: ours[name] for name in SHARED[1:]} == {name: theirs[name] for name in SHARED[1:]}
    lines = (paths.study / "Makefile").read_text().splitlines()
    own = [
        line for line in (blank.FOLDER / "Makefile").read_text().splitlines() if line not in lines
    ]
    assert [line.split(":")[0] for line in own] == [
        ".PHONY",
        "diff lab html verify hook ci history sync schema",
    ]
    locks = [root / "requirements.lock" for root in (blank.FOLDER, paths.study)]
    first, second = (
        {(pin.name, pin.version) for pin in requirements.pins(lock.read_text())} for lock in locks
    )
    assert first < second


def _table(folder: Path, task: str) -> list[str]:
    """Write a table for a task, and return the words of `headrace init`."""
    path = folder / f"{task} table.csv"
    if task == "multiclass":
        wine = datasets.load_wine(as_frame=True)
        frame = wine.frame.assign(target=[str(wine.target_names[kind]) for kind in wine.target])
        frame.to_csv(path, index=False)
        return [str(path), "--target", "target"]
    frame = datasets.load_diabetes(as_frame=True, scaled=False).frame
    days = pd.date_range("2026-01-01", periods=len(frame)).strftime("%d.%m.%Y")
    frame.assign(seen=days).to_csv(path, index=False, sep=";", decimal=",")
    more = ["--target", "target", "--time", "seen"] if task == "regression" else ["--task", "none"]
    return [str(path), *more]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression", "none"])
def test_a_study_of_each_task_runs_checks_and_tests_itself(study: Path, task: str) -> None:
    if task != "binary":  # the blank study's own
        printed = bake.run(study, "headrace", "init", *_table(study.parent, task)).stdout
        assert "Next: make repro test check" in printed
        assert (study / f"data/raw/{task} table.csv.dvc").is_file()
    bake.run(study, "headrace", "check", "repro")
    bake.run(study, "dvc", "repro")
    bake.commit(study, "Run the pipeline")
    bake.run(study, "headrace", "check")
    for words in (["ruff", "check", "."], ["ruff", "format", "--check", "."]):
        bake.run(study, *words)
    env = bake.environment(PYTHONPATH=str(study / "src"))
    bake.run(study, "mypy", env=env)
    less = ["--deselect", "tests/test_notebooks.py"]
    bake.run(study, "pytest", "-p", "no:cacheprovider", *less, env=env)
    assert bake.run(study, "git", "status", "--porcelain").stdout == ""
    gates = json.loads(bake.run(study, "headrace", "diff", "HEAD", "--json").stdout)
    assert gates["metrics"] == []


def test_a_second_init_changes_nothing_and_keeps_what_a_person_edited(study: Path) -> None:
    words = ["headrace", "init", *_table(study.parent, "multiclass")]
    bake.run(study, *words)
    bake.commit(study, "Init")
    assert "Nothing to change" in bake.run(study, *words).stdout
    assert bake.run(study, "git", "status", "--porcelain").stdout == ""
    features = study / "src/study/features.py"
    features.write_text(features.read_text() + "\n# mine\n")
    other = ["headrace", "init", *_table(study.parent, "regression")]
    result = bake.run(study, *other, check=False)
    assert result.returncode == 1
    assert "Nothing was written: 1 file that you edited would change:" in result.stdout
    assert features.read_text().endswith("# mine\n")
    assert "seen" in (study / ".headrace/init/src/study/features.py").read_text()
    assert bake.run(study, "git", "status", "--porcelain").stdout == " M src/study/features.py\n"


def test_init_is_for_blank_studies(baked: Path, tmp_path: Path) -> None:
    result = bake.run(baked, "headrace", "init", "x.csv", check=False)
    assert result.returncode == 1
    assert "This study was not started blank" in result.stdout
    assert "Traceback" not in result.stdout


@pytest.mark.parametrize("start", ["flights", "blank"])
def test_a_new_stage_runs_keeps_every_rule_and_can_be_removed_without_a_trace(
    tmp_path: Path, start: str
) -> None:
    study = bake.bake(tmp_path, start=start, project_slug="study")
    bake.run(study, "headrace", "schema")
    bake.commit(study)
    bake.run(study, "headrace", "new", "clean_up", "--after", "prepare")
    bake.run(study, "headrace", "new", "sweep", "--matrix", "size=1,2", "--matrix", "kind=a")
    stages = [*yaml.safe_load((study / "dvc.yaml").read_text("utf-8"))["stages"]]
    assert stages.index("clean_up") == stages.index("prepare") + 1
    assert stages[-1] == "sweep"
    bake.run(study, "headrace", "check")
    for words in (["ruff", "check", "."], ["ruff", "format", "--check", "."]):
        bake.run(study, *words)
    env = bake.environment(PYTHONPATH=str(study / "src"))
    bake.run(study, "mypy", env=env)
    if start == "blank":  # to run the flights takes longer, and says no more
        bake.run(study, "dvc", "repro")
        bake.commit(study, "Run the pipeline")
        bake.run(study, "headrace", "check")
        bake.run(study, "pytest", "-p", "no:cacheprovider", env=env)
    for name in ("sweep", "clean_up"):
        bake.run(study, "headrace", "remove", name)
    bake.run(study, "headrace", "check")
    assert bake.run(study, "git", "diff", "--stat", FIRST, "--", *WRITTEN_BY_HAND).stdout == ""
    left = [path for path in study.rglob("*") if re.search("sweep|clean_up", path.name)]
    assert [path for path in left if not {".git", ".dvc", ".headrace"} & {*path.parts}] == []


def test_a_stage_that_others_read_is_not_removed(study: Path) -> None:
    result = bake.run(study, "headrace", "remove", "prepare", check=False)
    assert result.returncode == 1
    assert "Stage train reads data/table.parquet, which prepare writes. Next: " in result.stdout
    printed = bake.run(study, "headrace", "remove", "evaluate", "--dry-run").stdout
    assert "removed  notebooks/03_evaluate.ipynb" in printed
    assert bake.run(study, "git", "status", "--porcelain").stdout == ""


def test_a_folder_and_an_address_become_inputs_of_dvc(study: Path, tmp_path: Path) -> None:
    wine = datasets.load_wine(as_frame=True).frame
    (tmp_path / "wine").mkdir()
    for part, rows in enumerate((wine.iloc[::2], wine.iloc[1::2])):
        rows.to_csv(tmp_path / f"wine/part {part}.csv", index=False)
    printed = bake.run(study, "headrace", "init", "../wine", "--target", "target").stdout
    assert "wine: 178 rows, 14 columns" in printed
    assert "2 files, one below the other" in printed
    assert (study / "data/raw/wine.dvc").is_file()
    bake.run(study, "dvc", "repro", "prepare")
    assert json.loads((study / "metrics/prepare.json").read_text())["rows"] == 178
    bake.commit(study, "A folder")
    wine.to_csv(tmp_path / "all wine.csv", index=False)
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/all%20wine.csv"
        bake.run(study, "headrace", "init", address, "--target", "target")
        server.shutdown()
    record = yaml.safe_load((study / "data/raw/all wine.csv.dvc").read_text("utf-8"))
    assert record["deps"][0]["path"] == address
    assert not (study / "data/raw/wine").exists()
    bake.run(study, "headrace", "check", "repro")
    bake.run(study, "dvc", "repro", "prepare")
