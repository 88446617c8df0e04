"""The files that say what DVC runs: dvc.yaml, and those in folders beside it.

Plain `dvc repro` runs the first; another, such as backtest/dvc.yaml, runs when it is named.
"""

import posixpath
from pathlib import Path
from typing import Any

from headrace.core import yaml
from headrace.errors import ProjectError

MAIN = "dvc.yaml"

Stages = dict[str, dict[str, Any]]
"""By name, what a pipeline file says of each stage."""


def names(root: Path) -> list[str]:
    """Return a project's pipeline files from its root on; a folder's own project has its own."""
    folders = sorted(path.parent for path in root.glob(f"[!.]*/{MAIN}"))
    beside = [folder.name for folder in folders if not (folder / "pyproject.toml").exists()]
    return [MAIN, *(f"{folder}/{MAIN}" for folder in beside)]


def read(root: Path, name: str) -> Stages:
    """Return the stages of one pipeline file.

    Errors:
        ProjectError: it cannot be read, or maps no names to stages.
    """
    try:
        content = yaml.parse((root / name).read_bytes(), name)
    except OSError as error:
        raise ProjectError(f"{name} cannot be read: {error.strerror}") from None
    stages = content.get("stages", {})
    if not isinstance(stages, dict) or not all(isinstance(s, dict) for s in stages.values()):
        raise ProjectError(f"{name}: `stages` must map names to stages")
    return stages


def read_all(root: Path) -> dict[str, Stages]:
    """Return the stages of every pipeline file.

    Errors:
        ProjectError: see `read`; or two files have a stage of one name, which would share its run.
    """
    found: dict[str, Stages] = {}
    for name in names(root):
        stages = read(root, name)
        for other, known in found.items():
            if both := sorted(known.keys() & stages.keys()):
                raise ProjectError(
                    f"{name}: stage {both[0]!r} is in {other} as well, and both would write"
                    f" runs/{both[0]}.ipynb. Next: give one of them another name"
                )
        found[name] = stages
    return found


def address(file: str, stage: str) -> str:
    """Return what `dvc repro` calls a stage of a pipeline file."""
    return stage if file == MAIN else f"{file}:{stage}"


def placed(file: str, stage: dict[str, Any], path: str) -> str:
    """Return a path of a stage's from the study on: its file and it may have folders of their own.

    A path on another machine is left as it is.
    """
    folder = stage.get("wdir")
    inside = posixpath.join(posixpath.dirname(file), folder if isinstance(folder, str) else "")
    return path if "://" in path else posixpath.normpath(posixpath.join(inside, path))
