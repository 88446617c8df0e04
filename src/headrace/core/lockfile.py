"""dvc.lock: what each stage was run with, and what came out of it."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.core import yaml
from headrace.errors import ProjectError

NAME = "dvc.lock"
FOLDER = ".dir"
"""What the hash of a folder ends in: it names a list of the files inside."""


@dataclass(frozen=True)
class File:
    """A dep or an out as dvc.lock has it: its path from dvc.lock on, its MD5, its size in bytes."""

    path: str
    md5: str
    size: int

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, and its hash that of a list of files."""
        return self.md5.endswith(FOLDER)


@dataclass(frozen=True)
class Record:
    """One stage as it was run last; of a matrix, one of its stages ("backtest@6")."""

    cmd: str
    deps: tuple[File, ...]
    params: dict[str, dict[str, Any]]
    outs: tuple[File, ...]


def read(root: Path) -> dict[str, Record]:
    """Return what dvc.lock in a folder records of each stage; nothing where there is no dvc.lock.

    Errors:
        ProjectError: it is not as DVC 3 writes it.
    """
    path = root / NAME
    return parse(path.read_bytes()) if path.exists() else {}


def parse(text: bytes) -> dict[str, Record]:
    """Return what a dvc.lock records of each stage.

    Errors:
        ProjectError: it is not as DVC 3 writes it.
    """
    stages = yaml.parse(text, NAME).get("stages") or {}
    try:
        return {name: _record(stage) for name, stage in stages.items()}
    except (AttributeError, KeyError, TypeError):
        raise ProjectError(f"{NAME} is not as DVC 3 writes it. Next: dvc repro") from None


def _record(stage: dict[str, Any]) -> Record:
    deps, outs = (tuple(map(_file, stage.get(part) or [])) for part in ("deps", "outs"))
    cmd = stage["cmd"]
    words = " && ".join(cmd) if isinstance(cmd, list) else str(cmd)
    return Record(words, deps, stage.get("params") or {}, outs)


def _file(entry: dict[str, Any]) -> File:
    # What DVC 2 wrote has no `hash`, and is an MD5 of other bytes: with Unix line ends.
    known = entry["md5"] if entry.get("hash") == "md5" else ""
    return File(str(entry["path"]), str(known), int(entry.get("size", 0)))


def md5(path: Path) -> str:
    """Return the MD5 of a file's bytes, or of the list of a folder's files, as DVC names them."""
    if path.is_dir():
        return _md5(_listed(path)) + FOLDER
    with path.open("rb") as file:
        return hashlib.file_digest(file, _new).hexdigest()


def _listed(folder: Path) -> bytes:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    entries = [{"md5": md5(file), "relpath": file.relative_to(folder).as_posix()} for file in files]
    return json.dumps(sorted(entries, key=lambda one: one["relpath"].split("/"))).encode()


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _new() -> "hashlib._Hash":
    return hashlib.md5(usedforsecurity=False)
