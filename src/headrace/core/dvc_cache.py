"""Where the bytes of a hash are: in DVC's cache, in a remote on this disk, or in the study itself.

DVC's configuration is read here, since a start of dvc takes longer than what is done with it.
"""

import fcntl
import json
import logging
import os
import shutil
from configparser import ConfigParser, Error
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from headrace.core import lockfile
from headrace.core.lockfile import File
from headrace.errors import DataError, ProjectError

CLONE = 0x40049409
"""Linux's request to share a file's blocks until one of both is written to (FICLONE)."""

DVC = ("dvc", "iterative")
"""Name and author of DVC, as its folders for configuration go by them."""


@dataclass(frozen=True)
class Store:
    """The files of a study by their hashes; `folders` hold them as DVC does.

    `made` names what a stage made in a clean room just now, for stages that need it where nobody
    else has it: a fresh clone has no data, and another kind of processor may make other bytes.
    """

    folders: tuple[Path, ...]
    root: Path
    made: dict[str, Path] = field(default_factory=dict)

    def find(self, file: File) -> Path | None:
        """Return a file with these bytes, or None where nobody has them at hand."""
        for folder in self.folders:
            kept = folder / "files/md5" / file.md5[:2] / file.md5[2:]
            if file.md5 and kept.is_file():
                return kept
        here = self.root / file.path
        return here if here.is_file() and lockfile.md5(here) == file.md5 else None

    def bring(self, file: File, into: Path) -> None:
        """Copy a file, or all files of a folder, to its path in another folder.

        Errors:
            ProjectError: nobody has its bytes at hand.
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


def _copy(source: Path, target: Path) -> None:
    """Copy a file, sharing its blocks where the file system can; never a link to the cache."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as old, target.open("wb") as new:
        try:
            fcntl.ioctl(new.fileno(), CLONE, old.fileno())
        except OSError:
            shutil.copyfileobj(old, new, 1 << 20)


def store_of(root: Path) -> Store:
    """Return the store of the study in a folder: its cache first, then remotes on this disk."""
    dvc = _folder(root)
    if dvc is None:
        return Store((), root)
    cache = _settings(dvc).get("cache", {}).get("dir", "cache")
    near = [dvc / url for url in remotes(root) if "://" not in url]
    return Store((dvc / cache, *near), root)


def remotes(root: Path) -> list[str]:
    """Return the addresses of the remotes that the study in a folder has, folders among them."""
    dvc = _folder(root)
    settings = _settings(dvc) if dvc else {}
    found = (values.get("url", "") for name, values in settings.items() if "remote " in name)
    return [url for url in found if url]


def _folder(root: Path) -> Path | None:
    return next((at / ".dvc" for at in (root, *root.parents) if (at / ".dvc").is_dir()), None)


def _settings(dvc: Path) -> dict[str, dict[str, str]]:
    """Return DVC's settings: the machine's, the user's, the study's, then this clone's own."""
    machine = os.environ.get("DVC_SYSTEM_CONFIG_DIR") or platformdirs.site_config_dir(*DVC)
    user = os.environ.get("DVC_GLOBAL_CONFIG_DIR") or platformdirs.user_config_dir(*DVC)
    parser = ConfigParser(interpolation=None, strict=False)
    shared = (Path(folder, "config") for folder in (machine, user))
    for path in (*shared, dvc / "config", dvc / "config.local"):
        try:
            parser.read(path, "utf-8")
        except (Error, UnicodeDecodeError, OSError):
            continue  # then DVC itself complains
    return {
        name.strip("'"): {key: value.strip("\"'") for key, value in parser[name].items()}
        for name in parser.sections()
    }


def fetch(root: Path, file: File) -> Path | None:
    """Fetch a file by its hash; return it as the cache has it, or None where no remote has it.

    Errors:
        DataError: the remote cannot be asked; DVC's own words are shown.
    """
    if not file.md5 or all("://" not in url for url in remotes(root)):
        return None
    from dvc_data.hashfile.hash_info import HashInfo

    try:
        with _repository(root) as repo:
            repo.cloud.pull([HashInfo("md5", file.md5)])
    except Exception as error:  # each kind of remote fails in its own way
        raise DataError(f"DVC's remote cannot be asked: {error}") from None
    return store_of(root).find(file)


def fetch_all(root: Path, revision: str) -> None:
    """Fetch whatever the remote has of a revision.

    Errors:
        DataError: it cannot be asked, or lacks some of it; DVC's own words are shown.
    """
    try:
        with _repository(root) as repo:
            repo.fetch(revs=[revision], workspace=False)
    except Exception as error:  # each kind of remote fails in its own way
        raise DataError(f"Not all that {revision} made is in DVC's remote: {error}") from None


def _repository(root: Path) -> Any:
    """Return the study as DVC knows it, which says nothing of its own: what lacks is told by us."""
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.CRITICAL)
    return Repo(str(root))
