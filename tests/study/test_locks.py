"""The lock files install: with uv and plain pip, and on every Python that is promised."""

import shutil
import sys
import tomllib
from pathlib import Path

import pytest

import headrace
from headrace.core import requirements
from lab import bake, paths

FOLDERS = [paths.root, paths.study, paths.study / "blank"]


@pytest.mark.long
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("folder", FOLDERS, ids=["root", "study", "blank"])
def test_a_lock_resolves_for_every_python(folder: Path, python: str, tmp_path: Path) -> None:
    words = ["uv", "pip", "install", "--dry-run", "--require-hashes", "--python-version", python]
    shutil.copytree(paths.study / "vendor", tmp_path / "vendor")  # beside the lock, as in a study
    lock = shutil.copy(folder / "requirements.lock", tmp_path)
    target = ["--target", str(tmp_path / "env"), "--requirement", lock]
    # What pyproject.toml takes out of the lock: uv resolves a list of requirements without it.
    settings = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["tool"]["uv"]
    (tmp_path / "overrides").write_text("\n".join(settings["override-dependencies"]))
    target += ["--overrides", str(tmp_path / "overrides")]
    said = bake.run(tmp_path, *words, *target).stdout
    assert "Would install" in said


def test_uv_installs_a_study_from_another_folder_with_the_wheel_in_it(
    baked: Path, tmp_path: Path
) -> None:
    bake.run(tmp_path, "uv", "venv", "--quiet", "--python", sys.executable, "env")
    sync = ("uv", "pip", "sync", "--quiet", "--require-hashes", "--python", "env/bin/python")
    bake.run(tmp_path, *sync, str(baked / "requirements.lock"))
    assert _installed_version(tmp_path / "env") == headrace.__version__


@pytest.mark.long
def test_pip_installs_a_study_from_another_folder_with_the_wheel_in_it(
    baked: Path, tmp_path: Path
) -> None:
    bake.run(tmp_path, sys.executable, "-m", "venv", "env")
    pip = ("env/bin/python", "-m", "pip")
    lock = str(baked / "requirements.lock")
    bake.run(tmp_path, *pip, "install", "--quiet", "--no-deps", "--require-hashes", "-r", lock)
    assert "No broken requirements" in bake.run(tmp_path, *pip, "check").stdout
    assert _installed_version(tmp_path / "env") == headrace.__version__


def test_make_lock_keeps_the_folder_of_the_wheel_in_the_lock(baked: Path, tmp_path: Path) -> None:
    study = tmp_path / "study"
    shutil.copytree(baked, study, ignore=shutil.ignore_patterns(".git", ".venv"))
    bake.run(study, "make", "--old-file", "setup", "lock")  # uv is this environment's
    lines = (study / "requirements.lock").read_text("utf-8").splitlines()
    assert lines[0] == "--find-links vendor"
    assert any(line.startswith(f"headrace=={headrace.__version__} ") for line in lines)


@pytest.mark.parametrize("folder", FOLDERS, ids=["root", "study", "blank"])
def test_a_lock_has_no_package_that_builds_a_grammar_at_import(folder: Path) -> None:
    names = {pin.name for pin in requirements.pins((folder / "requirements.lock").read_text())}
    assert "jsonschema" in names
    assert "rfc3987-syntax" not in names


def _installed_version(env: Path) -> str:
    """Return the version of headrace that an environment has, and not this process's."""
    code = "import headrace, sys; assert headrace.__file__.startswith(sys.prefix); "
    code += "print(headrace.__version__)"
    return bake.run(env, "bin/python", "-I", "-c", code).stdout.strip()


@pytest.mark.long
def test_uv_keeps_a_study_s_pins(baked: Path, tmp_path: Path) -> None:
    study = Path(shutil.copytree(baked, tmp_path / "study"))
    before = (study / "requirements.lock").read_bytes()
    assert bake.run(study, "headrace", "lock").stdout == "requirements.lock is up to date\n"
    assert (study / "requirements.lock").read_bytes() == before
