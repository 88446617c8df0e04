"""DVC's remote, wherever it is: what it has comes into DVC's cache, and the study stays untouched.

A remote that is a folder on this disk is read as it lies there, by `headrace.core.dvc_cache`.
"""

import logging
from pathlib import Path
from typing import Any

from headrace.core import dvc_cache
from headrace.core.lockfile import File
from headrace.errors import DataError


def fetch(root: Path, file: File) -> Path | None:
    """Fetch a file by its hash; return it as the cache has it, or None where no remote has it.

    Errors:
        DataError: the remote cannot be asked; DVC's own words are shown.
    """
    if not file.md5 or all("://" not in url for url in dvc_cache.remotes(root)):
        return None
    from dvc_data.hashfile.hash_info import HashInfo

    try:
        with _repository(root) as repo:
            repo.cloud.pull([HashInfo("md5", file.md5)])
    except Exception as error:  # each kind of remote fails in its own way
        raise DataError(f"DVC's remote cannot be asked: {error}") from None
    return dvc_cache.store_of(root).find(file)


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
