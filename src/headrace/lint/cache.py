"""Hashes from earlier checks, in the git-ignored `.headrace/hashes.json`.

A large file's MD5 is looked up by its size, time and inode, as DVC does. Of a text without secrets
the MD5 is kept. A cache file that is broken or cannot be written counts as empty.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from headrace.core import atomic, lockfile

FILE = ".headrace/hashes.json"
LARGE = 2**20
"""Hashing a smaller file is faster than looking it up."""


class HashCache:
    """The hashes of one study's files."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._file = root / FILE
        self._old = _read(self._file)
        self._hashes: dict[str, list[Any]] = {}
        self._clean: dict[str, list[str]] = {}

    def md5(self, path: Path) -> str:
        """Return the MD5 of a file."""
        stat = path.stat()
        if stat.st_size < LARGE:
            return lockfile.md5(path)
        entry = self._old["md5"].get(str(path))
        key = [stat.st_size, stat.st_mtime_ns, stat.st_ino]
        if not (isinstance(entry, list) and entry[:3] == key and len(entry) == 4):
            entry = [*key, lockfile.md5(path)]
        self._hashes[str(path)] = entry
        return str(entry[3])

    def is_clean(self, scanner: str, md5: str) -> bool:
        """Tell whether this version of the scanner found no secret in a text with this MD5."""
        clean = md5 in self._old["clean"].get(scanner, [])
        if clean:
            self.add_clean(scanner, md5)
        return clean

    def add_clean(self, scanner: str, md5: str) -> None:
        """Record that the scanner found no secret."""
        self._clean.setdefault(scanner, []).append(md5)

    def save(self) -> None:
        """Write the entries that this check used or added; drop the others."""
        # A file of another tree is one of a commit, laid out in a temporary folder.
        hashes = {n: e for n, e in self._hashes.items() if Path(n).is_relative_to(self._root)}
        clean = {scanner: sorted(set(md5s)) for scanner, md5s in self._clean.items()}
        # A check of a few rules may hash nothing, and must not forget what others hashed.
        content = {"md5": hashes or self._old["md5"], "clean": clean or self._old["clean"]}
        if content != self._old:
            with suppress(OSError):  # a read-only study is checked all the same
                atomic.write_text(self._file, json.dumps(content) + "\n")


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        content = json.loads(path.read_text("utf-8"))
        return {part: dict(content[part]) for part in ("md5", "clean")}
    except (OSError, ValueError, KeyError, TypeError):
        return {"md5": {}, "clean": {}}
