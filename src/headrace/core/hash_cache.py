"""MD5s of files from earlier runs and checks, in the git-ignored `.headrace/hashes.json`.

A file is known by its inode, size, time of modification and time of change. The last cannot be set,
so a file that was changed with its size and times kept is read again: DVC goes by the other three.
"""

import json
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from headrace.core import atomic, lockfile

FILE = ".headrace/hashes.json"
LARGE = 2**16
"""Hashing a smaller file takes less than a tenth of a millisecond, about what a look at it does."""
YOUNG_NS = 1_000_000_000
"""A younger file is not remembered: a second change may fall into the same tick of the clock."""

Signature = list[int]
"""A file's inode, size, time of modification and time of change, in nanoseconds."""


def signature(path: Path) -> Signature:
    """Return what changes whenever a file is written or replaced.

    Errors:
        OSError: there is no such file.
    """
    status = path.stat()
    return [status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


class HashCache:
    """The hashes of one study's files; a memory that is broken or cannot be written is empty."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._file = root / FILE
        self._known = _read(self._file)
        self._new: dict[str, dict[str, Any]] = {"md5": {}, "made": {}}

    def md5(self, path: Path) -> str:
        """Return the MD5 of a file."""
        key = signature(path)
        if key[1] < LARGE:
            return lockfile.md5(path)
        entry = self._known["md5"].get(str(path))
        if not (isinstance(entry, list) and entry[:-1] == key):
            begun = time.time_ns()
            entry = [*key, lockfile.md5(path)]
            if begun - max(key[2:]) > YOUNG_NS and signature(path) == key:
                self._new["md5"][str(path)] = entry
        return str(entry[-1])

    def add_made(self, paths: Iterable[Path]) -> None:
        """Record that these files are as a stage has just made them."""
        for path in paths:
            self._new["made"][str(path)] = signature(path)

    def is_made(self, path: Path) -> bool:
        """Tell whether a file is as a stage made it when it last ran."""
        return bool(self._known["made"].get(str(path)) == signature(path))

    def save(self) -> None:
        """Write what was added, and drop what is gone."""
        if not any(self._new.values()):
            return
        known = _read(self._file)  # another command may have added to it meanwhile
        content = {
            part: {
                name: entry
                for name, entry in (known[part] | self._new[part]).items()
                # A file of another tree is one of a commit, laid out in a temporary folder.
                if Path(name).is_relative_to(self._root) and Path(name).exists()
            }
            for part in self._new
        }
        with suppress(OSError):  # a read-only study is checked all the same
            atomic.write_text(self._file, json.dumps(content) + "\n")


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        content = json.loads(path.read_text("utf-8"))
        return {part: dict(content.get(part, {})) for part in ("md5", "made")}
    except (OSError, ValueError, AttributeError, TypeError):
        return {"md5": {}, "made": {}}
