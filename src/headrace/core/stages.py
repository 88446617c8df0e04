"""The stages of a study as the rules see them; what is not as DVC wants it is left out."""

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from headrace.core import pipeline
from headrace.core.project import own_notebooks
from headrace.core.yaml_nodes import Key

OUTS = ("outs", "metrics", "plots")


@dataclass(frozen=True)
class Entry:
    """A dep or an out: its path from the study on, with `*` for each `${…}`, and its settings."""

    path: str
    settings: dict[str, Any]
    keys: tuple[Key, ...]
    """Where it stands in its pipeline file."""

    @property
    def is_cached(self) -> bool:
        """Whether DVC keeps it."""
        return self.settings.get("cache") is not False

    def covers(self, path: str) -> bool:
        """Tell whether a file is this one, or lies in this folder."""
        folders = (path, *(path[:place] for place, letter in enumerate(path) if letter == "/"))
        return any(fnmatchcase(folder, _plain(self.path)) for folder in folders)

    def meets(self, path: str) -> bool:
        """Tell whether a path is this one, lies in it, or is a folder that it lies in."""
        return self.covers(path) or self.path.startswith(f"{path}/")


def _plain(path: str) -> str:
    """Return the pattern of a path in which only `*` is special."""
    return path.replace("[", "[[]").replace("?", "[?]")


@dataclass(frozen=True)
class Stage:
    """One stage; of a `matrix` or `foreach`, all its members together."""

    name: str
    entry: dict[str, Any]
    file: str = pipeline.MAIN
    """The pipeline file that it stands in."""

    @cached_property
    def body(self) -> dict[str, Any]:
        """What `cmd`, `deps` and `outs` stand in."""
        inner = self.entry.get("do")
        return inner if "foreach" in self.entry and isinstance(inner, dict) else self.entry

    @property
    def keys(self) -> tuple[Key, ...]:
        """Where it stands in its pipeline file."""
        return ("stages", self.name)

    def at(self, *keys: Key) -> tuple[Key, ...]:
        """Return where a part of it stands in its pipeline file."""
        return (*self.keys, *(("do",) if self.body is not self.entry else ()), *keys)

    @property
    def is_many(self) -> bool:
        """Whether it is a `matrix` or a `foreach`."""
        return "matrix" in self.entry or "foreach" in self.entry

    @property
    def cmd(self) -> str:
        """Its command."""
        cmd = self.body.get("cmd", "")
        return " && ".join(map(str, cmd)) if isinstance(cmd, list) else str(cmd).strip()

    @property
    def is_run(self) -> bool:
        """Whether headrace runs its notebook."""
        return self.cmd == f"headrace run {self.name}"

    @cached_property
    def deps(self) -> list[Entry]:
        """What it reads."""
        return self._entries("deps")

    @cached_property
    def outs(self) -> list[Entry]:
        """What it writes: outs, metrics and plots."""
        return [entry for part in OUTS for entry in self._entries(part)]

    @cached_property
    def metrics(self) -> list[Entry]:
        """Its metrics, which are among the outs."""
        return self._entries("metrics")

    @cached_property
    def notebooks(self) -> list[str]:
        """The source notebooks that it may run."""
        return own_notebooks(self.name, [dep.path for dep in self.deps])

    def _entries(self, part: str) -> list[Entry]:
        listed = self.body.get(part)
        return [
            Entry(path, settings, self.at(part, index))
            for index, item in enumerate(listed if isinstance(listed, list) else [])
            for path, settings in self._named(item)
        ]

    def _named(self, item: object) -> Iterable[tuple[str, dict[str, Any]]]:
        pairs = item.items() if isinstance(item, dict) else [(item, {})]
        for path, settings in pairs:
            if isinstance(path, str) and path:
                pattern = re.sub(r"\$\{[^}]*\}", "*", self.placed(path))
                yield pattern, settings if isinstance(settings, dict) else {}

    def placed(self, path: str) -> str:
        """Return a path of the stage's from the study on."""
        return pipeline.placed(self.file, self.body, path)

    def unplaced(self, path: str) -> str:
        """Return how the stage itself writes a path from the study on."""
        return posixpath.relpath(path, self.placed("."))
