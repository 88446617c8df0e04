"""Read dvc.lock: the inputs, parameters and outputs of each stage's last run."""

import hashlib
import json
import posixpath
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from headrace.core import yaml
from headrace.errors import ProjectError

NAME = "dvc.lock"
FOLDER = ".dir"
"""The end of a folder's hash, which is that of a list of its files."""


@dataclass(frozen=True)
class File:
    """A dep or an out in dvc.lock: its path from dvc.lock on, its MD5, its size in bytes."""

    path: str
    md5: str
    size: int

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, and its hash that of a list of files."""
        return self.md5.endswith(FOLDER)


@dataclass(frozen=True)
class Record:
    """The last run of a stage, or of one member of a matrix ("backtest@6")."""

    commands: tuple[str, ...]
    deps: tuple[File, ...]
    params: dict[str, dict[str, Any]]
    outs: tuple[File, ...]
    wdir: str = "."
    """The folder in which it ran, from where all its paths begin."""

    @property
    def cmd(self) -> str:
        """Its commands as a shell runs them, each by itself, until one fails."""
        if len(self.commands) == 1:
            return self.commands[0]
        return " && ".join(f"(\n{command}\n)" for command in self.commands)

    def at(self, folder: str) -> "Record":
        """Return the record of a stage that runs in this folder: paths begin where it begins."""
        if folder == ".":
            return self
        deps, outs = (
            tuple(replace(file, path=located(file.path, folder)) for file in part)
            for part in (self.deps, self.outs)
        )
        params = {located(path, folder): values for path, values in self.params.items()}
        return Record(self.commands, deps, params, outs, folder)


def read(root: Path) -> dict[str, Record]:
    """Return the records of the dvc.lock in a folder; none where there is no dvc.lock.

    Errors:
        ProjectError: it is not as DVC 3 writes it.
    """
    path = root / NAME
    return parse(path.read_bytes()) if path.exists() else {}


@lru_cache(maxsize=8)  # in a history, most commits have the one of the commit before
def parse(text: bytes) -> dict[str, Record]:
    """Return the records in the text of a dvc.lock, by stage.

    Errors:
        ProjectError: it is not as DVC 3 writes it.
    """
    stages = yaml.parse(text, NAME).get("stages") or {}
    try:
        return {name: _record(stage) for name, stage in stages.items()}
    except (AttributeError, KeyError, TypeError):
        raise ProjectError(f"{NAME} is not as DVC 3 writes it. Next: dvc repro") from None


def _record(stage: dict[str, Any]) -> Record:
    deps, outs = (tuple(map(file_of, stage.get(part) or [])) for part in ("deps", "outs"))
    cmd = stage["cmd"]
    commands = cmd if isinstance(cmd, list) else str(cmd).splitlines()
    params = {located(path): values for path, values in (stage.get("params") or {}).items()}
    return Record((*map(str, commands),), deps, params, outs)


def located(path: str, folder: str = "") -> str:
    """Return a path from a folder on: a plain one, also for `made/` or `./made`, as DVC has them.

    A path on another machine stays as it is.
    """
    return path if "://" in path else posixpath.normpath(posixpath.join(folder, path))


def file_of(entry: dict[str, Any]) -> File:
    """Return what an entry of a dvc.lock or a .dvc file says of a file."""
    # An entry of DVC 2 has no `hash`: its MD5 is of the text with Unix line ends.
    md5 = entry["md5"] if entry.get("hash") == "md5" else ""
    return File(located(str(entry["path"])), str(md5), int(entry.get("size", 0)))


def md5(path: Path) -> str:
    """Return a file's MD5, or the one that DVC gives to a folder: of the list of its files."""
    if path.is_dir():
        return hashlib.md5(_listing(path), usedforsecurity=False).hexdigest() + FOLDER
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _listing(folder: Path) -> bytes:
    """Return the list of a folder's files as DVC writes it: in the order of their paths' parts."""
    files = (path for path in folder.rglob("*") if path.is_file())
    entries = [{"md5": md5(file), "relpath": file.relative_to(folder).as_posix()} for file in files]
    return json.dumps(sorted(entries, key=lambda entry: entry["relpath"].split("/"))).encode()
