"""Clean rooms: for each stage a fresh folder with what git tracks and with its declared deps."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from headrace.core import git, project
from headrace.core.dvc_cache import Store
from headrace.core.lockfile import Record
from headrace.core.project import Project
from headrace.errors import ProjectError
from headrace.verify import cleanup

OWN = {".headrace", ".ipynb_checkpoints", "__pycache__"}
"""Folders that the tools themselves write to; what is in them is no result."""
RUNNERS = ("runs/.partial/", "runs/failed/")


@contextmanager
def folder() -> Iterator[Path]:
    """Make a temporary folder that goes away again, also when this process is killed."""
    made = Path(tempfile.mkdtemp(prefix="headrace-verify-")).resolve()
    keeper = subprocess.Popen(
        [sys.executable, "-I", "-S", cleanup.__file__, str(made)],
        stdin=subprocess.PIPE,
        start_new_session=True,  # a Ctrl-C is not for it
    )
    try:
        yield made
    finally:
        keeper.communicate()


def checkout(found: Project, into: Path, *, worktree: bool) -> tuple[str, Project]:
    """Write the project's files, as committed or as they are, into a folder.

    Returns the hash of their tree, and the project that they are.

    Errors:
        ProjectError: there is no repository or no commit, or it holds no study.
    """
    into.mkdir()
    objects = into.with_name("objects") if worktree else None
    if objects:
        objects.mkdir()
    tree = git.working_tree(found.root, objects) if objects else git.head_tree(found.root)
    git.export_tree(found.root, tree, into, objects)
    for name in ("dvc.yaml", "pyproject.toml"):
        if not (into / name).is_file():  # or another study would be found, further up
            raise ProjectError(f"git does not track {name}. Next: git add {name}, and commit it")
    return tree, project.find_project(into)


@dataclass(frozen=True)
class Room:
    """The folder of one stage: the study, a home, a place for temporary files, and what it said."""

    path: Path

    @property
    def study(self) -> Path:
        """The study's folder."""
        return self.path / "study"

    @property
    def home(self) -> Path:
        """The user's home, empty."""
        return self.path / "home"

    @property
    def temporary(self) -> Path:
        """The folder of temporary files."""
        return self.path / "tmp"

    @property
    def printed(self) -> Path:
        """What the stage printed."""
        return self.path / "printed"

    @property
    def heard(self) -> Path:
        """What it opened and whom it asked; see `inside`."""
        return self.path / "heard"

    @property
    def network(self) -> Path:
        """Why it still has a network; empty where it has none."""
        return self.path / "network"


def make(path: Path, files: Path, record: Record, kept: Store) -> Room:
    """Make a room from a checkout and a stage's deps; what the checkout has is not copied anew.

    What the stage is to make, a metric in git say, is taken out: it must not be found.

    Errors:
        ProjectError: a dep is nowhere to be found.
    """
    room = Room(path)
    shutil.copytree(files, room.study, symlinks=True)
    for folder in (room.home, room.temporary):
        folder.mkdir()
    for dep in record.deps:
        if not (room.study / dep.path).exists():
            kept.bring(dep, room.study)
    for out in record.outs:
        there = room.study / out.path
        shutil.rmtree(there) if there.is_dir() else there.unlink(missing_ok=True)
    return room


def snapshot(study: Path) -> dict[str, tuple[int, int, int]]:
    """Return every file below a folder, with what changes when it is written."""
    found = {}
    for parent, folders, names in os.walk(study):
        folders[:] = [name for name in folders if name not in OWN]
        for path in (Path(parent, name) for name in names):
            status = path.lstat()
            relative = path.relative_to(study).as_posix()
            if not relative.startswith(RUNNERS):
                found[relative] = (status.st_size, status.st_mtime_ns, status.st_ino)
    return found
