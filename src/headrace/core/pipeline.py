"""The files that say what DVC runs: dvc.yaml, and those in folders beside it.

Plain `dvc repro` runs the first alone. The study's .dvcignore hides backtest/dvc.yaml from DVC, so
`dvc status` does not list its stages; `headrace backtest` runs them.
"""

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from headrace.core import yaml
from headrace.core.yaml import Key
from headrace.errors import ProjectError

MAIN = "dvc.yaml"
BACKTEST = "backtest/dvc.yaml"

Stages = dict[str, dict[str, Any]]
"""By name, what a pipeline file says of each stage."""


def names(root: Path) -> list[str]:
    """Return a project's pipeline files from its root on; a folder's own project has its own."""
    folders = sorted(path.parent for path in root.glob(f"[!.]*/{MAIN}"))
    beside = [folder.name for folder in folders if not (folder / "pyproject.toml").exists()]
    return [MAIN, *(f"{folder}/{MAIN}" for folder in beside)]


def read(root: Path, name: str) -> Stages:
    """Return the stages of one pipeline file.

    Errors:
        ProjectError: it cannot be read, or maps no names to stages.
    """
    try:
        content = yaml.parse((root / name).read_bytes(), name)
    except OSError as error:
        raise ProjectError(f"{name} cannot be read: {error.strerror}") from None
    stages = content.get("stages", {})
    if not isinstance(stages, dict) or not all(isinstance(s, dict) for s in stages.values()):
        raise ProjectError(f"{name}: `stages` must map names to stages")
    return stages


def read_all(root: Path) -> dict[str, Stages]:
    """Return the stages of every pipeline file.

    Errors:
        ProjectError: see `read`; or two files have a stage of one name, which would share its run.
    """
    found: dict[str, Stages] = {}
    for name in names(root):
        stages = read(root, name)
        for other, known in found.items():
            if both := sorted(known.keys() & stages.keys()):
                raise ProjectError(
                    f"{name}: stage {both[0]!r} is in {other} as well, and both would write"
                    f" runs/{both[0]}.ipynb. Next: give one of them another name"
                )
        found[name] = stages
    return found


def command(file: str, stage: str = "") -> str:
    """Return the command that runs a stage of a pipeline file, or all that are not up to date."""
    if file == BACKTEST:
        return "headrace backtest"
    if file == MAIN:
        return f"dvc repro {stage}".rstrip()
    return f"dvc repro {file}:{stage}" if stage else f"dvc repro {file}"


def placed(file: str, stage: dict[str, Any], path: str) -> str:
    """Return a path of a stage's from the study on: its file and it may have folders of their own.

    A path on another machine is left as it is.
    """
    folder = stage.get("wdir")
    inside = posixpath.join(posixpath.dirname(file), folder if isinstance(folder, str) else "")
    return path if "://" in path else posixpath.normpath(posixpath.join(inside, path))


def is_source_notebook(dep: str) -> bool:
    """Tell whether a stage's dep is the notebook that it runs."""
    return dep.startswith("notebooks/") and dep.endswith(".ipynb")


def own_notebooks(stage: str, deps: Iterable[str]) -> list[str]:
    """Return what a stage may run: the notebooks among its deps; of several, those of its name."""
    found = [dep for dep in deps if is_source_notebook(dep)]
    named = [dep for dep in found if Path(dep).stem.lstrip("0123456789_") == stage]
    return named if len(found) > 1 and named else found


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
        return any(fnmatchcase(folder, _glob(self.path)) for folder in folders)

    def meets(self, path: str) -> bool:
        """Tell whether a path is this one, lies in it, or is a folder that it lies in."""
        return self.covers(path) or self.path.startswith(f"{path}/")


def _glob(path: str) -> str:
    """Return the pattern of a path in which only `*` is special."""
    return path.replace("[", "[[]").replace("?", "[?]")


@dataclass(frozen=True)
class Stage:
    """One stage; of a `matrix` or `foreach`, all its members together."""

    name: str
    entry: dict[str, Any]
    file: str = MAIN
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
        return placed(self.file, self.body, path)

    def unplaced(self, path: str) -> str:
        """Return how the stage itself writes a path from the study on."""
        return posixpath.relpath(path, self.placed("."))
