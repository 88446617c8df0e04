"""Clean rooms: for each stage a new folder with the files that git tracks and its declared deps."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headrace.core import git, project
from headrace.core.dvc_cache import Store
from headrace.core.lockfile import Record
from headrace.core.project import Project
from headrace.errors import ProjectError
from headrace.verify import cleanup

TOOL_FOLDERS = {".headrace", ".ipynb_checkpoints", "__pycache__"}
RUNNER_FOLDERS = ("runs/.partial/", "runs/failed/")
"""Folders of the tools' own files, which are not outputs."""


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Create a folder that is removed at the end, also when this process is killed."""
    folder = Path(tempfile.mkdtemp(prefix="headrace-verify-")).resolve()
    remover = subprocess.Popen(
        [sys.executable, "-I", "-S", cleanup.__file__, str(folder)],
        stdin=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C must not end it
    )
    try:
        yield folder
    finally:
        remover.communicate()


def checkout(study: Project, folder: Path, *, worktree: bool) -> tuple[str, Project]:
    """Check out the last commit, or the tracked files as they are, into a new folder.

    Returns the hash of the git tree, and the project in the folder.

    Errors:
        ProjectError: there is no repository or no commit, or it contains no study.
    """
    folder.mkdir()
    objects = folder.with_name("objects") if worktree else None
    if objects:
        objects.mkdir()
    tree = git.working_tree(study.root, objects) if objects else git.head_tree(study.root)
    git.export_tree(study.root, tree, folder, objects)
    for name in ("dvc.yaml", "pyproject.toml"):
        if not (folder / name).is_file():  # or find_project would find a study further up
            raise ProjectError(f"git does not track {name}. Next: git add {name}, and commit it")
    return tree, project.find_project(folder)


Snapshot = dict[str, tuple[int, int, int]]


class Room:
    """The folder of one stage: the study, an empty home, and what the stage reports."""

    def __init__(self, path: Path) -> None:
        self.study = path / "study"
        self.home = path / "home"
        self.temporary = path / "tmp"
        self.environment = path / "environment"  # the user's, by another path
        self.programs = path / "bin"  # the command that runs from there
        self.log = path / "log"  # standard output and standard error
        self.events = path / "events"  # files opened and hosts contacted, by execution.isolation
        self.network = path / "network"  # why the stage has a network; empty where it has none
        self.path = path


def create(path: Path, tree: Path, record: Record, store: Store) -> Room:
    """Create a room from a checkout, and the deps that it lacks from the store.

    The stage's outputs that git tracks, such as metrics, are removed: it must write them.

    Errors:
        ProjectError: a dep is neither in git nor in DVC's cache.
    """
    room = Room(path)
    shutil.copytree(tree, room.study, symlinks=True)
    for folder in (room.home, room.temporary, room.programs):
        folder.mkdir()
    _move_environment(room)
    for dep in record.deps:
        if not (room.study / dep.path).exists():
            store.copy(dep, room.study)
    for out in record.outs:
        output = room.study / out.path
        shutil.rmtree(output) if output.is_dir() else output.unlink(missing_ok=True)
    return room


def _move_environment(room: Room) -> None:
    """Let the stage run from the user's environment by another path.

    So a path of a library that a stage writes into its outputs differs. A virtual environment
    takes its place from the path by which its interpreter is started.
    """
    room.environment.symlink_to(sys.prefix, target_is_directory=True)
    command = room.programs / "headrace"
    python = room.environment / "bin/python"
    command.write_text(f'#!/bin/sh\nexec "{python}" -P -m headrace "$@"\n')
    command.chmod(0o755)


def snapshot(study: Path) -> Snapshot:
    """Return every file below a folder, with its size, time and inode."""
    files = {}
    for parent, folders, names in os.walk(study):
        folders[:] = [name for name in folders if name not in TOOL_FOLDERS]
        for path in (Path(parent, name) for name in names):
            status = path.lstat()
            relative = path.relative_to(study).as_posix()
            if not relative.startswith(RUNNER_FOLDERS):
                files[relative] = (status.st_size, status.st_mtime_ns, status.st_ino)
    return files
