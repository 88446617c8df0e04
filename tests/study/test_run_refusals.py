"""`headrace run` refuses a mistake before anything runs, names the place and the next step."""

import pytest
from mini_study import STARTED, Mini, cell, notebook

import headrace

MISTAKES_IN_PARAMS = {
    "unknown": (
        ("max_iter: 20", "max_itr: 20\n  max_iter: 20"),
        'params.yaml: train.max_itr is not a parameter of stage "train" (notebooks/01_train.ipynb).'
        " Did you mean max_iter?",
    ),
    "misspelt": (("max_iter: 20", "max_itr: 20"), "Did you mean max_iter?"),
    "new": (("seed: 7", "seed: 7\nnosuch: 1"), "is not a parameter. Next: declare it in src/mini/"),
    "missing": (
        ("  rate: 0.5\n", ""),
        'train.rate of stage "train" (notebooks/01_train.ipynb) is missing. Next: add it',
    ),
    "unknown block": (
        ("seed: 7", "seed: 7\ntrian: {}"),
        "trian is not a parameter. Did you mean train?",
    ),
    "text for a number": (("max_iter: 20", 'max_iter: "20"'), "train.max_iter is '20': "),
    "yes for a number": (("max_iter: 20", "max_iter: true"), "train.max_iter is True: "),
    "a fraction for a whole number": (("max_iter: 20", "max_iter: 2.5"), "train.max_iter is 2.5: "),
    "nothing for a number": (("max_iter: 20", "max_iter:"), "train.max_iter is empty: "),
    "out of range": (
        ("max_iter: 20", "max_iter: 0"),
        "train.max_iter is 0: input should be greater",
    ),
    "a list for a block": (("seed: 7", "seed: [7]"), "params.yaml: seed is [7]: "),
    "no YAML": (("rate: 0.5", "rate: [0.5"), "params.yaml, line "),
    "a key that stands twice": (("rate: 0.5", "rate: 0.5\n  rate: 0.6"), "line 7, column 3"),
    "a date": (("name: first", "name: 2013-09-01"), "params.yaml: train.name is a date"),
    "not a number": (("rate: 0.5", "rate: .nan"), "params.yaml: train.rate is nan. Next: write"),
    "bytes": (("name: first", "name: !!binary aGk="), "params.yaml: train.name is a bytes"),
    "pairs": (("name: first", "name: !!pairs [a: 1]"), "params.yaml"),
    "a mapping as a name": (
        ("name: first", "? [{b: 1}]"),
        "params.yaml, line 7, column 5: a name is a list or a",
    ),
    "a Python object": (
        ("name: first", "name: !!python/name:os.system"),
        "params.yaml, line 7, column",
    ),
    "a number for a name": (("  name: first", "  7: first"), "the name 7 in train must be text"),
}


@pytest.mark.parametrize("mistake", MISTAKES_IN_PARAMS)
def test_a_mistake_in_params_yaml_is_refused_before_a_cell_runs(mini: Mini, mistake: str) -> None:
    (old, new), message = MISTAKES_IN_PARAMS[mistake]
    mini.replace("params.yaml", old, new)
    _expect_refusal(mini, message)


MISTAKES_IN_DVC_YAML = {
    "a notebook that is not listed": (
        ("- notebooks/01_train.ipynb", "- src/mini"),
        "must list one notebook",
    ),
    "a block that is not there": (
        ("- train", "- trian"),
        "dvc.yaml lists trian in params, but params.yaml",
    ),
    "a value that is not there": (("- train", "- train.max_itr"), "Did you mean max_iter?"),
    "a file that is not there": (
        ("- seed", "- other.yaml: [seed]"),
        "params of stage 'train' list other.yaml, which is missing. Next: git checkout HEAD",
    ),
    "params that are no names": (("- seed", "- 3"), "must be names in params.yaml, or files"),
    "one name from two places": (
        ("- train", "- train\n      - train.rate"),
        "rate from two places",
    ),
    "no YAML": (("stages:", "stages: ["), "dvc.yaml, line "),
}


@pytest.mark.parametrize("mistake", MISTAKES_IN_DVC_YAML)
def test_a_mistake_in_dvc_yaml_is_refused_before_a_cell_runs(mini: Mini, mistake: str) -> None:
    (old, new), message = MISTAKES_IN_DVC_YAML[mistake]
    mini.replace("dvc.yaml", f"{old}\n", f"{new}\n")
    _expect_refusal(mini, message)


PARAMETERS_CELLS = {
    "a name too few": (
        "seed = 0\nmax_iter = 10\nrate = 0.1",
        "is given name, but the parameters cell",
    ),
    "a name too many": (
        'seed = 0\nmax_iter = 10\nrate = 0.1\nname = ""\ndepth = 3',
        "takes depth, but",
    ),
    "another name": ('seed = 0\nmax_itr = 10\nrate = 0.1\nname = ""', "Did you mean max_itr?"),
    "another type": (
        'seed = 0\nmax_iter = "10"\nrate = 0.1\nname = ""',
        "max_iter is '10' (str), but",
    ),
    "a truth for a number": (
        'seed = 0\nmax_iter = True\nrate = 0.1\nname = ""',
        "max_iter is True (bool)",
    ),
    "a fraction for a number": (
        'seed = 0\nmax_iter = 1.5\nrate = 0.1\nname = ""',
        "max_iter is 1.5 (float)",
    ),
    "a call": ("seed = int(0)", "line 1: `seed = int(0)` is not `name = literal`"),
    "an import": ("seed = 0\nimport os", "line 2: `import os` is not"),
    "two targets": ("seed, rate = 0, 0.1", "is not `name = literal`"),
    "no Python": ("seed = = 0", "parameters cell, line 1: invalid syntax"),
}


@pytest.mark.parametrize("mistake", PARAMETERS_CELLS)
def test_a_parameters_cell_that_disagrees_is_refused(mini: Mini, mistake: str) -> None:
    defaults, message = PARAMETERS_CELLS[mistake]
    mini.cells(defaults=defaults)
    _expect_refusal(mini, message)


NOTEBOOKS = {
    "no parameters cell": (
        notebook(cell(STARTED)),
        'needs one cell with the tag "parameters", it has 0',
    ),
    "two parameters cells": (notebook(cell("", "parameters"), cell("", "parameters")), "it has 2"),
    "no JSON": ("{", "notebooks/01_train.ipynb is not a notebook"),
    "another JSON": ("[]", "notebooks/01_train.ipynb is not a notebook"),
}


@pytest.mark.parametrize("mistake", NOTEBOOKS)
def test_a_notebook_that_is_none_of_ours_is_refused(mini: Mini, mistake: str) -> None:
    text, message = NOTEBOOKS[mistake]
    mini.write("notebooks/01_train.ipynb", text)
    _expect_refusal(mini, message)


@pytest.mark.parametrize("name", ["notebooks/01_train.ipynb", "params.yaml", "src/mini/params.py"])
def test_a_missing_file_is_named(mini: Mini, name: str) -> None:
    (mini.root / name).unlink()
    _expect_refusal(mini, "mini.params" if name.endswith(".py") else name)


def test_a_stage_that_is_not_there_is_refused_with_the_nearest_name(mini: Mini) -> None:
    result = mini.run("run", "trian")
    assert result.returncode == 1
    assert "dvc.yaml has no stage 'trian'. Did you mean train? Stages: train" in result.stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def broken(:\n", "mini.params cannot be imported: SyntaxError"),
        ("x = undefined\n", "params.py, line 1)"),
        ("Params = dict\n", "is not a pydantic model"),
        ("Parameters = 1\n", "mini.params has no Params"),
    ],
)
def test_a_model_that_cannot_be_used_is_named(mini: Mini, text: str, message: str) -> None:
    mini.write("src/mini/params.py", text)
    _expect_refusal(mini, message)


@pytest.mark.parametrize("text", ["a: &a [*a]\n", "[]", "3", "", "\x00"])
def test_a_params_file_of_another_shape_is_named(mini: Mini, text: str) -> None:
    mini.write("params.yaml", text)
    _expect_refusal(mini, "params.yaml")


def test_a_folder_in_the_place_of_params_is_named(mini: Mini) -> None:
    (mini.root / "params.yaml").unlink()
    (mini.root / "params.yaml").mkdir()
    _expect_refusal(mini, "params.yaml cannot be read: Is a directory")


def test_under_dvc_a_refusal_says_how_earlier_outputs_come_back(mini: Mini) -> None:
    mini.replace("params.yaml", "max_iter: 20", "max_iter: 0")
    assert "git checkout . && dvc checkout" in mini.run(DVC_STAGE="train").stdout


def test_check_finds_a_mistake_and_runs_nothing(mini: Mini) -> None:
    assert mini.run("check").returncode == 0
    mini.replace("params.yaml", "max_iter: 20", "max_itr: 20")
    result = mini.run("check")
    assert result.returncode == 1
    assert "Did you mean max_iter?" in result.stdout
    assert "is missing" not in result.stdout  # one mistake, one message
    assert not mini.started


def test_words_that_run_does_not_take_are_refused_with_the_way_back(mini: Mini) -> None:
    refused = mini.run("run", "train", "--lr", "0.1", DVC_STAGE="train")
    assert refused.returncode == 2
    assert "No such option" in refused.stdout
    assert "It comes back\nwith the change undone and dvc repro, or with git" in refused.stdout
    assert "comes back" not in mini.run("run", "train", "--lr", "0.1").stdout


def test_debug_names_the_nearest_stage(mini: Mini) -> None:
    assert "no stage 'trian'. Did you mean train?" in mini.run("debug", "trian").stdout


def test_debug_takes_the_name_of_a_member_or_of_its_run(mini: Mini) -> None:
    mini.replace("dvc.yaml", "    params:", "    matrix:\n      month: [5, 6]\n    params:")
    for name, step in (("train", "dvc repro train"), ("train@5", "dvc repro train@5")):
        assert f"no failed run of {name}. Next: {step}\n" in mini.run("debug", name).stdout
    assert "Next: dvc repro train@5\n" in mini.run("debug", "train-5").stdout
    mini.write("runs/failed/train-6.ipynb", "{}")
    for name in ("train", "dvc.yaml:train"):
        assert "Next: headrace debug train-6\n" in mini.run("debug", name).stdout


def test_a_metrics_file_that_is_misspelt_is_named_with_the_nearest(mini: Mini) -> None:
    mini.write("metrics/train.json", "{}")
    assert "Did you mean metrics/train.json?" in mini.run("metrics", "metrics/trian.json").stdout


def test_a_new_parameter_that_the_notebook_lacks_is_told_where_to_go(mini: Mini) -> None:
    mini.replace("params.yaml", "  rate: 0.5", "  rate: 0.5\n  l2: 0.25")
    mini.replace("src/mini/params.py", "    name: str", "    name: str\n    l2: float")
    _expect_refusal(mini, "has no such name. Next: add a line such as `l2 = 0.25` to it")


def test_a_folder_that_is_no_study_is_named(mini: Mini) -> None:
    (mini.root / "dvc.yaml").unlink()
    _expect_refusal(mini, "a study has a dvc.yaml and a pyproject.toml")


def test_a_pyproject_without_headrace_is_named(mini: Mini) -> None:
    mini.write("pyproject.toml", '[project]\nname = "mini"\n')
    _expect_refusal(mini, "has no [tool.headrace] table")


def test_params_that_are_no_utf8_are_named(mini: Mini) -> None:
    (mini.root / "params.yaml").write_bytes(b"name: \xff")
    _expect_refusal(mini, "params.yaml is not UTF-8")


def test_a_package_from_another_tree_is_refused(mini: Mini) -> None:
    mini.write("elsewhere/mini/__init__.py", "")
    mini.write("elsewhere/mini/params.py", (mini.root / "src/mini/params.py").read_text())
    (mini.root / "src/mini/params.py").unlink()
    (mini.root / "src/mini/__init__.py").unlink()
    (mini.root / "src/mini").rmdir()
    result = mini.run(PYTHONPATH=str(mini.root / "elsewhere"))
    assert result.returncode == 1
    assert "mini.params comes from another tree" in result.stdout
    assert not mini.started


def test_another_headrace_than_the_lock_s_is_refused_in_one_sentence(mini: Mini) -> None:
    mini.write("requirements.lock", "headrace==0.0.1 \\\n    --hash=sha256:00\n")
    result = mini.run()
    assert result.stdout.strip() == (
        f"headrace {headrace.__version__} is installed, but requirements.lock has headrace 0.0.1."
        " Next: make --always-make setup"
    )
    assert result.returncode == 1
    assert not mini.started
    mini.write("requirements.lock", f"headrace=={headrace.__version__} --hash=sha256:00\n")
    assert mini.run().returncode == 0


def _expect_refusal(mini: Mini, message: str) -> None:
    result = mini.run()
    assert message in result.stdout
    assert "Traceback" not in result.stdout
    assert result.returncode == 1
    assert not mini.started
    assert not (mini.root / "runs").exists()
