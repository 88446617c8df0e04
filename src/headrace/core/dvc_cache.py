"""Find files by their hash: in DVC's cache, in its remotes, or in the study itself.

DVC's configuration is read here, since starting dvc takes longer than copying the files.
"""

import fcntl
import json
import logging
import os
import shlex
import shutil
from collections.abc import Iterable, Iterator
from configparser import ConfigParser, Error
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from headrace.core import lockfile
from headrace.core.lockfile import File
from headrace.errors import DataError, ProjectError

CLONE = 0x40049409
"""Linux's request to share a file's blocks until one of the two is written to (FICLONE)."""

DVC = ("dvc", "iterative")
"""Name and author of DVC, which its folders for configuration are named after."""


@dataclass(frozen=True)
class Store:
    """The files of a study by their hashes; `folders` are laid out as DVC's cache.

    `new_outputs` are those that stages wrote in clean rooms just now, for stages that depend on
    them: a fresh clone has no data, and another processor may make other bytes.
    """

    folders: tuple[Path, ...]
    root: Path
    new_outputs: dict[str, Path] = field(default_factory=dict)

    def find(self, file: File) -> Path | None:
        """Return a local file under this hash, or None."""
        for path in self.objects(file):
            return path
        # An out with `cache: false`, such as a metric, is in the study alone.
        path = self.root / file.path
        return path if path.is_file() and lockfile.md5(path) == file.md5 else None

    def find_output(self, outs: Iterable[File], path: str) -> Path | None:
        """Return the local file of an output by its path: it is one of these, or in a folder."""
        near = (out for out in outs if out.path == path or path.startswith(f"{out.path}/"))
        return next((self.find(file) for file in self.files(near) if file.path == path), None)

    def files(self, outs: Iterable[File]) -> Iterator[File]:
        """Yield outputs that are files, and the files in those that are folders."""
        for out in outs:
            listing = self.find(out) if out.is_folder else None
            for member in json.loads(listing.read_text("utf-8")) if listing else ():
                yield File(f"{out.path}/{member['relpath']}", member["md5"], 0)
            if not out.is_folder:
                yield out

    def objects(self, file: File) -> Iterator[Path]:
        """Yield the local objects under a file's hash, the cache's own first."""
        for folder in self.folders:
            path = folder / "files/md5" / file.md5[:2] / file.md5[2:]  # DVC 3's layout
            if file.md5 and path.is_file():
                yield path

    def copy(self, file: File, into: Path) -> None:
        """Copy a file, or all files of a folder, to its path in another folder.

        Errors:
            ProjectError: its bytes are not on this machine.
        """
        source = self.find(file) or self.new_outputs.get(file.path)
        if source is None:
            raise ProjectError(
                f"{file.path} is not in DVC's cache."
                f" Next: dvc pull {shlex.quote(file.path)}, or dvc repro"
            )
        if source.is_dir():
            shutil.copytree(source, into / file.path)
        elif not file.is_folder:
            _copy(source, into / file.path)
        else:
            for member in json.loads(source.read_text("utf-8")):
                name = f"{file.path}/{member['relpath']}"
                self.copy(File(name, member["md5"], 0), into)


def _copy(source: Path, target: Path) -> None:
    """Copy a file, sharing its blocks where the file system can; never a link to the cache."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as old, target.open("wb") as new:
        # Not a hard link: a stage that writes in place would change the cache for everybody.
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
    local = [dvc / url for url in remotes(root) if "://" not in url]
    return Store((dvc / cache, *local), root)


def remotes(root: Path) -> list[str]:
    """Return the addresses of the remotes that the study in a folder has, folders among them."""
    dvc = _folder(root)
    settings = _settings(dvc) if dvc else {}
    urls = (values.get("url", "") for name, values in settings.items() if "remote " in name)
    return [url for url in urls if url]


def _folder(root: Path) -> Path | None:
    return next((at / ".dvc" for at in (root, *root.parents) if (at / ".dvc").is_dir()), None)


def _settings(dvc: Path) -> dict[str, dict[str, str]]:
    """Return DVC's settings: the machine's, the user's, the study's, then this clone's own."""
    machine = os.environ.get("DVC_SYSTEM_CONFIG_DIR") or platformdirs.site_config_dir(*DVC)
    user = os.environ.get("DVC_GLOBAL_CONFIG_DIR") or platformdirs.user_config_dir(*DVC)
    parser = ConfigParser(interpolation=None, strict=False)  # a URL may hold a %
    shared = (Path(folder, "config") for folder in (machine, user))
    for path in (*shared, dvc / "config", dvc / "config.local"):  # the later ones win, as in DVC
        try:
            parser.read(path, "utf-8")
        except (Error, UnicodeDecodeError, OSError):
            continue  # DVC itself reports it
    # DVC writes its sections as ['remote "name"'], quotes and all.
    return {
        name.strip("'"): {key: value.strip("\"'") for key, value in parser[name].items()}
        for name in parser.sections()
    }


def fetch(root: Path, file: File) -> Path | None:
    """Fetch a file by its hash from a remote; return its path in the cache, or None.

    Errors:
        DataError: the remote cannot be read; DVC's message is shown.
    """
    if not file.md5 or all("://" not in url for url in remotes(root)):
        return None
    from dvc_data.hashfile.hash_info import HashInfo

    try:
        with _repository(root) as repo:
            repo.cloud.pull([HashInfo("md5", file.md5)])
    except Exception as error:  # each kind of remote fails in its own way
        step = "Next: dvc remote list, and see that it answers and lets you in"
        raise DataError(f"DVC's remote cannot be read: {error}. {step}") from None
    return store_of(root).find(file)


def fetch_all(root: Path, revision: str) -> None:
    """Fetch all outputs of a revision from the remotes.

    Errors:
        DataError: they cannot be read, or lack some of it; DVC's message is shown.
    """
    try:
        with _repository(root) as repo:
            repo.fetch(revs=[revision], workspace=False)
    except Exception as error:  # each kind of remote fails in its own way
        raise DataError(
            f"Not all that {revision} made is in DVC's remote: {error}."
            " Next: dvc push, where it was made"
        ) from None


def _repository(root: Path) -> Any:
    """Return the study as DVC's own object, with its logging off: the caller reports."""
    from dvc.repo import Repo

    # DVC logs each failure with a traceback; the exception is turned into one sentence instead.
    logging.getLogger("dvc").setLevel(logging.CRITICAL)
    return Repo(str(root))
