"""What answers: the bundle in charge, which another may replace while requests are under way."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.bundle import golden
from headrace.bundle import load as read
from headrace.bundle.archive import MANIFEST, sha256
from headrace.bundle.load import Bundle
from headrace.errors import HeadraceError
from headrace.schema import row_reader

MOST_ROWS = 10_000
"""Rows of one request."""


@dataclass(frozen=True)
class Champion:
    """A bundle in charge, with what reads its requests; never changed, only replaced."""

    bundle: Bundle
    label: str
    reader: row_reader.Reader
    schema: dict[str, Any]
    threshold: float | None
    written: str
    """What it is called where answers are written down; a file's name alone tells no two apart."""

    @classmethod
    def of(cls, bundle: Bundle, label: str) -> "Champion":
        """Return a loaded bundle, ready to answer."""
        reader = row_reader.Reader(bundle.schema, MOST_ROWS, bundle.example)
        threshold = bundle.facts.get("threshold")
        named = f"{bundle.name} {sha256(bundle.files[MANIFEST])[:8]}"
        written = named if label == bundle.name else label
        return cls(bundle, label, reader, bundle.schema, threshold, written)

    def answer(self, asked: Sequence[row_reader.Values]) -> list[dict[str, Any]]:
        """Return for each row its prediction, and whether it reaches the threshold."""
        inputs = golden.columns(zip(*asked, strict=True), self.schema)
        predicted = self.bundle.predict(inputs).tolist()
        if self.threshold is None:
            return [{"prediction": one} for one in predicted]
        return [{"prediction": one, "positive": one >= self.threshold} for one in predicted]


def load_champion(path: Path, label: str = "") -> Champion:
    """Load a bundle's file, with the code that lies in it; see `headrace.bundle.load.load`."""
    return Champion.of(read.load(path), label or path.name)


class Service:
    """Holds the champion; `load` returns a new one, or the same again."""

    def __init__(self, load: Callable[[], Champion], count: Callable[[str], None]) -> None:
        """Load the first; `count` is told of each time it is loaded again: why not, or nothing."""
        self._load, self._count = load, count
        self._loading = threading.Lock()
        self.champion = load()
        self.problem = ""
        """Why the last try to take over another bundle failed; nothing where it did not."""

    def reload(self) -> str:
        """Load the bundle again and put it in charge; return why not, or nothing.

        The one in charge goes on answering meanwhile, and afterwards where the new one is refused.
        """
        with self._loading:
            try:
                self.champion = self._load()
                self.problem = ""
            except HeadraceError as error:
                self.problem = str(error)
            self._count(self.problem)
            return self.problem
