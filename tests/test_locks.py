"""The lock files install: with plain pip too, and on every Python that is promised."""

import sys
from pathlib import Path

import pytest

from lab import bake, paths

FOLDERS = [paths.root, paths.study]
pytestmark = pytest.mark.long


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("folder", FOLDERS, ids=["root", "study"])
def test_a_lock_resolves_for_every_python(folder: Path, python: str, tmp_path: Path) -> None:
    words = ["uv", "pip", "install", "--dry-run", "--require-hashes", "--python-version", python]
    target = ["--target", str(tmp_path), "--requirement", str(folder / "requirements.lock")]
    said = bake.run(tmp_path, *words, *target).stdout
    assert "Would install" in said


def test_the_study_s_lock_installs_with_plain_pip(tmp_path: Path) -> None:
    bake.run(tmp_path, sys.executable, "-m", "venv", "plain")
    lock = str(paths.study / "requirements.lock")
    bake.run(
        tmp_path,
        "plain/bin/python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--require-hashes",
        "-r",
        lock,
    )
    assert (
        "No broken requirements"
        in bake.run(tmp_path, "plain/bin/python", "-m", "pip", "check").stdout
    )
