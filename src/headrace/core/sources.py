"""The source notebooks of a study: those in notebooks/, and those elsewhere that stages depend on.

DVC hashes their files, so no outputs stand in them. The notebooks in notebooks/scratch are nobody's
source, and keep theirs.
"""

from collections.abc import Iterable
from pathlib import Path

from headrace.core.notebook import CHECKPOINTS, FOLDER
from headrace.core.project import find_project
from headrace.core.stage import Stage, is_source

SCRATCH = f"{FOLDER}/scratch/"
"""The folder in which `headrace check` looks at nothing, with a slash at the end."""


def names(root: Path, stages: Iterable[Stage]) -> list[str]:
    """Return the source notebooks that are there, from the study on; those in notebooks/ first."""
    inside = [name for name in in_folder(root) if not name.startswith(SCRATCH)]
    listed = (name for stage in stages for name in stage.notebooks)
    beside = [name for name in listed if (root / name).is_file() and not _is_inside(name)]
    return [*inside, *dict.fromkeys(beside)]


def in_folder(root: Path) -> list[str]:
    """Return the notebooks in notebooks/, scratch included, from the study on."""
    paths = sorted((root / FOLDER).rglob("*.ipynb"))
    files = [path.relative_to(root) for path in paths if path.is_file()]
    return [path.as_posix() for path in files if CHECKPOINTS not in path.parts]


def has(root: Path, name: str) -> bool:
    """Tell whether a path from the study on is that of a source notebook.

    Errors:
        ProjectError: no pipeline file can tell, since one cannot be read.
    """
    if CHECKPOINTS in name.split("/") or name.startswith(SCRATCH):
        return False
    if _is_inside(name) or not is_source(name):
        return _is_inside(name)
    return any(name in stage.notebooks for stage in find_project(root).all_stages.values())


def _is_inside(name: str) -> bool:
    return name.startswith(f"{FOLDER}/")
