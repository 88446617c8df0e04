"""What a stage lists: a dep or an out, a parameter, and the patterns that paths are."""

from dataclasses import dataclass, field
from typing import Any

from headrace.core.yaml import Key

OUTS = ("outs", "metrics", "plots")
"""What a stage calls the lists of what it writes."""


@dataclass(frozen=True)
class Entry:
    """A dep or an out: its path from the study on, and its settings."""

    path: str
    settings: dict[str, Any]
    keys: tuple[Key, ...]
    """Its place in the pipeline file."""

    @property
    def is_cached(self) -> bool:
        """Whether DVC keeps it in its cache."""
        return self.settings.get("cache") is not False

    def covers(self, path: str) -> bool:
        """Tell whether a file is this one, or lies in this folder."""
        return path == self.path or path.startswith(f"{self.path}/")

    def meets(self, path: str) -> bool:
        """Tell whether a path is this one, lies in it, or is a folder that it lies in."""
        return self.covers(path) or self.path.startswith(f"{path}/")


@dataclass(frozen=True)
class Param:
    """What a stage's params list: a dotted name in a file, or a whole file, whose name is empty."""

    file: str
    """Its path from the study on."""
    name: str
    keys: tuple[Key, ...] = field(default=(), compare=False)
    """Its place in the pipeline file."""

    def __str__(self) -> str:
        """Return how messages call it."""
        return self.name or self.file


def glob(path: str) -> str:
    """Return a pattern of `fnmatch` in which only the `*` of a path is special."""
    return path.replace("[", "[[]").replace("?", "[?]")
