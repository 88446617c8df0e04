"""Clean rooms: for each stage a fresh folder with what git tracks and with its declared deps."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from headrace import git, lockfile
from headrace.errors import ProjectError
from headrace.lockfile import File, Record
from headrace.project import Project
from headrace.verify import janitor

CLONE = 0x40049409
"""Linux's request to share a file's blocks until one of both is written to (FICLONE)."""

OWN = {".headrace", ".ipynb_checkpoints", "__pycache__"}
"""Folders that the tools themselves write to; what is in them is no result."""
RUNNERS = ("runs/.partial/", "runs/failed/")


@contextmanager
def folder() -> Iterator[Path]:
    """Make a temporary folder that goes away again, also when this process is killed."""
    made = Path(tempfile.mkdtemp(prefix="headrace-verify-")).resolve()
    keeper = subprocess.Popen(
        [sys.executable, "-I", "-S", janitor.__file__, str(made)],
        stdin=subprocess.PIPE,
        start_new_session=True,  # a Ctrl-C is not for it
    )
    try:
        yield made
    finally:
        keeper.communicate()


@dataclass(frozen=True)
class Store:
    """Where the bytes of a hash are: in DVC's cache, in a file that has them, or in a room.

    `made` names what a stage made in its room just now, for stages that need it where nobody else
    has it: a fresh clone has no data, and another kind of processor may make other bytes.
    """

    cache: Path
    root: Path
    made: dict[str, Path] = field(default_factory=dict)

    def find(self, file: File) -> Path | None:
        """Return a file with these bytes, or None where nobody has them any more."""
        cached = self.cache / "files/md5" / file.md5[:2] / file.md5[2:]
        if file.md5 and cached.is_file():
            return cached
        here = self.root / file.path
        return here if here.is_file() and lockfile.md5(here) == file.md5 else None

    def bring(self, file: File, into: Path) -> None:
        """Copy a file, or all files of a folder, to its path in a room.

        Errors:
            ProjectError: nobody has its bytes any more.
        """
        found = self.find(file) or self.made.get(file.path)
        if found is None:
            raise ProjectError(
                f"{file.path} is not in DVC's cache. Next: dvc pull {file.path}, or dvc repro"
            )
        if found.is_dir():
            shutil.copytree(found, into / file.path)
        elif not file.is_folder:
            _copy(found, into / file.path)
        else:
            for inside in json.loads(found.read_text("utf-8")):
                name = f"{file.path}/{inside['relpath']}"
                self.bring(File(name, inside["md5"], 0), into)


def store(project: Project) -> Store:
    """Return where DVC keeps the project's files, as DVC's own configuration says.

    Errors:
        ProjectError: DVC cannot tell.
    """
    asked = subprocess.run(
        [sys.executable, "-m", "dvc", "cache", "dir"],
        cwd=project.root,
        env=os.environ | {"DVC_NO_ANALYTICS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode:
        raise ProjectError(f"dvc cache dir: {asked.stderr.strip()}")
    return Store(project.root / asked.stdout.strip(), project.root)


def checkout(project: Project, into: Path, *, worktree: bool) -> str:
    """Write the project's files, as committed or as they are, into a folder; return their tree.

    Errors:
        ProjectError: there is no repository, or no commit.
    """
    into.mkdir()
    if not worktree:
        tree = git.head(project.root)
        git.export(project.root, tree, into)
        return tree
    objects = into.with_name("objects")
    objects.mkdir()
    tree = git.worktree(project.root, objects)
    git.export(project.root, tree, into, objects)
    return tree


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


def _copy(source: Path, target: Path) -> None:
    """Copy a file, sharing its blocks where the file system can; never a link to the cache."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as old, target.open("wb") as new:
        try:
            fcntl.ioctl(new.fileno(), CLONE, old.fileno())
        except OSError:
            shutil.copyfileobj(old, new, 1 << 20)
