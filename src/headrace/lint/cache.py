"""Texts in which earlier checks found no secret, in the git-ignored `.headrace/clean.json`."""

import json
from contextlib import suppress
from pathlib import Path

from headrace.core import atomic
from headrace.core.hash_cache import HashCache

FILE = ".headrace/clean.json"


class Cache(HashCache):
    """What checks of one study remember; a file that is broken or cannot be written is empty."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._clean_file = root / FILE
        self._old = _read(self._clean_file)
        self._clean: dict[str, list[str]] = {}

    def is_clean(self, scanner: str, md5: str) -> bool:
        """Tell whether this version of the scanner found no secret in a text with this MD5."""
        clean = md5 in self._old.get(scanner, [])
        if clean:
            self.add_clean(scanner, md5)
        return clean

    def add_clean(self, scanner: str, md5: str) -> None:
        """Record that the scanner found no secret."""
        self._clean.setdefault(scanner, []).append(md5)

    def save(self) -> None:
        """Write what this check used or added; a check without texts forgets nothing."""
        super().save()
        clean = {scanner: sorted(set(md5s)) for scanner, md5s in self._clean.items()}
        if clean and clean != self._old:
            with suppress(OSError):  # a read-only study is checked all the same
                atomic.write_text(self._clean_file, json.dumps(clean) + "\n")


def _read(path: Path) -> dict[str, list[str]]:
    try:
        content = json.loads(path.read_text("utf-8"))
        return {scanner: list(md5s) for scanner, md5s in content.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
