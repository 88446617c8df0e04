"""Under real DVC no wrong result is recorded, and what a message says heals what is wrong."""

import json
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from mini_study import DEFAULTS, Mini, cell, notebook

from lab import bake

TABLE = "data/table.csv"
MAKE = """\
stages:
  make:
    cmd: headrace run make
    deps:
      - notebooks/00_make.ipynb
    params:
      - seed
    outs:
      - data/table.csv
      - runs/make.ipynb
"""
WRITE = "import os\nos.makedirs('data', exist_ok=True)\n_ = open('data/table.csv', 'w').write('1')"
READ = "import pathlib\nprint(pathlib.Path('data/table.csv').read_text())"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two stages under git and DVC, run once; not to be changed."""
    mini = Mini(tmp_path_factory.mktemp("made") / "study")
    mini.replace("dvc.yaml", "stages:\n", MAKE)
    mini.replace("dvc.yaml", "      - requirements.lock\n", f"      - {TABLE}\n")
    mini.write("notebooks/00_make.ipynb", notebook(cell("seed = 0", "parameters"), cell(WRITE)))
    mini.cells(READ)
    mini.write(".gitignore", "/started\n/.headrace\n/metrics\n")
    bake.run(mini.root, "git", "init", "--quiet")
    bake.run(mini.root, "dvc", "init", "--quiet")
    assert _repro(mini)[0] == 0
    return mini.root


@pytest.fixture
def study(made: Path, tmp_path: Path) -> Mini:
    """A copy of that study, of which DVC knows the files."""
    study = Mini.__new__(Mini)
    study.root = Path(shutil.copytree(made, tmp_path / "study"))
    bake.run(study.root, "dvc", "status")
    return study


def _repro(study: Mini, *words: str) -> tuple[int, str]:
    result = bake.run(study.root, "dvc", "repro", *words, check=False, env=bake.environment())
    return result.returncode, result.stdout


def _overwrite(path: Path) -> None:
    """Write other bytes in place, with the size, the times and the write protection kept."""
    status = path.stat()
    path.chmod(0o644)
    path.write_text("2")
    path.chmod(stat.S_IMODE(status.st_mode))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _object(study: Mini) -> Path:
    (path,) = (path for path in study.root.glob(".dvc/cache/files/md5/*/*") if _is_one(path))
    return path


def _is_one(path: Path) -> bool:
    return path.stat().st_size == 1


def _exchange_object(study: Mini) -> None:
    _overwrite(_object(study))
    (study.root / TABLE).unlink()
    bake.run(study.root, "dvc", "checkout", TABLE)


def _exchange_object_of_a_remote(study: Mini) -> None:
    bake.run(study.root, "dvc", "remote", "add", "--default", "there", "../there")
    bake.run(study.root, "dvc", "push")
    _exchange_object(study)


def _keep_size_and_times(study: Mini) -> None:
    _overwrite(study.root / TABLE)


def _write_through_a_hard_link(study: Mini) -> None:
    bake.run(study.root, "dvc", "config", "cache.type", "hardlink")
    bake.run(study.root, "dvc", "checkout", "--relink")
    assert (study.root / TABLE).stat().st_nlink > 1
    _overwrite(study.root / TABLE)


WRONG = [
    _exchange_object,
    _exchange_object_of_a_remote,
    _keep_size_and_times,
    _write_through_a_hard_link,
]


@pytest.mark.parametrize("spoil", WRONG)
def test_a_stage_refuses_wrong_bytes_under_a_right_hash_and_says_what_heals(
    study: Mini, spoil: Callable[[Mini], None]
) -> None:
    spoil(study)
    assert (study.root / TABLE).read_text() == "2"
    study.replace("params.yaml", "max_iter: 20", "max_iter: 30")
    code, printed = _repro(study)
    assert code != 0
    assert f"{TABLE} has other bytes than dvc.lock promises" in printed
    step = re.search(r"Stage train did not begin\. Next: ([^(\n]*)", printed)
    assert step is not None, printed
    heal = bake.environment() | {"PATH": os.environ["PATH"]}
    subprocess.run(step[1], shell=True, cwd=study.root, check=True, env=heal)
    assert (study.root / TABLE).read_text() == "1"
    code, printed = _repro(study)
    assert code == 0, printed
    assert study.printed() == "1\n"
    assert _object(study).read_text() == "1"
    assert bake.run(study.root, "headrace", "check", "lock-behind").stdout.endswith("passed.\n")


EDIT = """\
import pathlib
path = pathlib.Path('params.yaml')
if pathlib.Path('edit').exists():
    _ = path.write_text(path.read_text().replace('max_iter: 600', 'max_iter: 30'))
"""


@pytest.mark.parametrize("leave", ["", "import atexit, os\n_ = atexit.register(os._exit, 0)\n"])
def test_a_stage_whose_parameter_changes_meanwhile_fails_and_leaves_no_record(
    study: Mini, leave: str
) -> None:
    study.cells(EDIT + leave)
    study.write("edit", "")
    study.replace("params.yaml", "max_iter: 20", "max_iter: 600")
    before = (study.root / "dvc.lock").read_bytes()
    code, printed = _repro(study, "train")
    assert code != 0
    changed = "params.yaml changed while train ran: train.max_iter was 600 and is 30."
    assert ("its result was not checked" if leave else changed) in printed
    assert f"Next: {'' if leave else 'run it again: '}dvc repro train" in printed
    assert (study.root / "dvc.lock").read_bytes() == before
    (study.root / "edit").unlink()
    study.cells(EDIT)
    assert _repro(study, "train")[0] == 0
    assert "max_iter = 30" in json.dumps(study.result())


def test_a_run_that_was_recorded_with_other_parameters_is_found_and_run_again(
    study: Mini,
) -> None:
    run = study.root / "runs/train.ipynb"
    run.write_text(run.read_text().replace("max_iter = 20", "max_iter = 600"))
    assert DEFAULTS not in run.read_text()
    bake.run(study.root, "dvc", "commit", "--force", "train")
    found = bake.run(study.root, "headrace", "check", "run-parameters", check=False).stdout
    assert "max_iter was 600, and 20 is recorded. [run-parameters]" in found
    step = re.search(r"Next: (.*)", found)
    assert step is not None
    heal = bake.environment() | {"PATH": os.environ["PATH"]}
    subprocess.run(step[1], shell=True, cwd=study.root, check=True, env=heal)
    assert "max_iter = 20" in json.dumps(study.result())
    run.unlink()
    (study.root / "dvc.lock").unlink()
    assert _repro(study)[0] == 0  # now from DVC's run cache
    assert "max_iter = 20" in json.dumps(study.result())
