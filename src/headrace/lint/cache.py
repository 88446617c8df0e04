"""What earlier checks have learned of files, in the git-ignored `.headrace/hashes.json`.

The MD5 of a large file is remembered by the file's size, time and inode, as DVC does; and of a text
in which no secret was found, its MD5. A memory that is broken or cannot be written is none.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from headrace.core import atomic, lockfile

FILE = ".headrace/hashes.json"
LARGE = 2**20
"""A smaller file is hashed faster than it is looked up."""


class Memory:
    """The hashes of one study's files."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._file = root / FILE
        self._before = _read(self._file)
        self._hashes: dict[str, list[Any]] = {}
        self._clean: dict[str, list[str]] = {}

    def md5(self, path: Path) -> str:
        """Return the MD5 of a file."""
        stat = path.stat()
        if stat.st_size < LARGE:
            return lockfile.md5(path)
        known = self._before["md5"].get(str(path))
        mark = [stat.st_size, stat.st_mtime_ns, stat.st_ino]
        if not (isinstance(known, list) and known[:3] == mark and len(known) == 4):
            known = [*mark, lockfile.md5(path)]
        self._hashes[str(path)] = known
        return str(known[3])

    def is_clean(self, scanner: str, md5: str) -> bool:
        """Tell whether this version of the scanner found no secret in a text with this MD5."""
        clean = md5 in self._before["clean"].get(scanner, [])
        if clean:
            self.keep_clean(scanner, md5)
        return clean

    def keep_clean(self, scanner: str, md5: str) -> None:
        """Remember that it found none."""
        self._clean.setdefault(scanner, []).append(md5)

    def _is_inside(self, name: str) -> bool:
        """Tell whether a file is the study's, and not one laid out for a moment."""
        return Path(name).is_relative_to(self._root)

    def save(self) -> None:
        """Keep what this check has learned or used, and forget the rest."""
        ours = {name: known for name, known in self._hashes.items() if self._is_inside(name)}
        content = {
            "md5": ours or self._before["md5"],
            "clean": {name: sorted(set(known)) for name, known in self._clean.items()}
            or self._before["clean"],
        }
        if content != self._before:
            with suppress(OSError):
                atomic.write_text(self._file, json.dumps(content) + "\n")


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        content = json.loads(path.read_text("utf-8"))
        return {part: dict(content[part]) for part in ("md5", "clean")}
    except (OSError, ValueError, KeyError, TypeError):
        return {"md5": {}, "clean": {}}
