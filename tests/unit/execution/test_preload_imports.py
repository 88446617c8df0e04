"""What is imported ahead is what the code of a stage names, as far as it is installed."""

import sys
from pathlib import Path

import pytest
from mini_study import Mini

from headrace.core import project
from headrace.execution import preload_imports


def _named(mini: Mini, *sources: str) -> set[str]:
    mini.cells(*sources)
    study = project.find_project(mini.root)
    return {".".join(names) for names in preload_imports.named(study, study.stage("train"))}


def test_names_come_from_cells_whatever_magics_stand_in_them(mini: Mini) -> None:
    cells = ("%matplotlib inline\nimport numpy as np\n!ls\nnp?", "def f(): from scipy import stats")
    assert _named(mini, *cells) == {"numpy", "scipy.stats"}


def test_names_come_from_the_projects_modules_that_a_cell_imports_too(mini: Mini) -> None:
    mini.write("src/mini/model.py", "import sklearn.ensemble\nfrom mini import table")
    mini.write("src/mini/table.py", "import pandas as pd")
    mini.write("src/mini/unused.py", "import torch")
    named = _named(mini, "from mini import model")
    assert {"sklearn.ensemble", "pandas", "pyarrow.parquet"} <= named
    assert "torch" not in named


def test_a_notebook_that_cannot_be_read_names_nothing(mini: Mini) -> None:
    mini.cells("import numpy")
    study = project.find_project(mini.root)
    mini.write("notebooks/01_train.ipynb", "{")
    assert list(preload_imports.named(study, study.stage("train"))) == []


def test_followers_are_the_stages_that_read_what_a_stage_makes(mini: Mini) -> None:
    stages = {"a": ("", "x"), "b": ("x", "y"), "c": ("", "z"), "d": ("y", "w")}
    lines = [
        f"  {name}: {{cmd: headrace run {name}, deps: [{dep or 'none'}], outs: [{out}]}}"
        for name, (dep, out) in stages.items()
    ]
    mini.write("dvc.yaml", "\n".join(["stages:", *lines]) + "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(mini.root)
        names = [stage.name for _, stage in preload_imports.followers("a", {})]
    assert names == ["a", "b", "d"]


@pytest.mark.parametrize(("package", "expected"), [("yaml", True), ("json", False), ("no", False)])
def test_only_packages_of_the_environment_are_imported_ahead(
    package: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not expected:
        monkeypatch.delitem(sys.modules, package, raising=False)
    assert preload_imports.is_installed(package) is expected


def test_a_name_is_imported_as_far_as_it_is_a_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ahead_of").mkdir()
    for name in ("__init__", "inner"):
        (tmp_path / f"ahead_of/{name}.py").write_text("VALUE = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    preload_imports.import_longest(("ahead_of", "inner", "VALUE", "missing"))
    assert "ahead_of.inner" in sys.modules
