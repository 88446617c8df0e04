"""The stages that DVC runs: those of dvc.yaml, and of pipeline files in folders beside it.

Plain `dvc repro` runs dvc.yaml alone. The study's .dvcignore hides backtest/dvc.yaml from DVC, so
`dvc status` does not list its stages; `headrace backtest` runs them.
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from headrace.core import yaml
from headrace.core.yaml import Key
from headrace.errors import ProjectError, unreadable

MAIN = "dvc.yaml"
BACKTEST = "backtest/dvc.yaml"
OUTS = ("outs", "metrics", "plots")


@dataclass(frozen=True)
class Entry:
    """A dep or an out: its path from the study on, with `*` for each `${…}`, and its settings."""

    path: str
    settings: dict[str, Any]
    keys: tuple[Key, ...]
    """Its place in the pipeline file."""

    @property
    def is_cached(self) -> bool:
        """Whether DVC keeps it in its cache."""
        return self.settings.get("cache") is not False

    def paths(self, root: Path) -> list[Path]:
        """Return what it names in a study; where DVC fills in a part, all that may be meant."""
        if "*" not in self.path:
            return [root / self.path]
        pattern = Path(glob(str(root)), glob(self.path))  # which may be absolute
        folder = Path(pattern.anchor)
        return sorted(folder.glob(str(pattern.relative_to(folder))))

    def covers(self, path: str) -> bool:
        """Tell whether a file is this one, or lies in this folder."""
        folders = (path, *(path[:place] for place, letter in enumerate(path) if letter == "/"))
        return any(fnmatchcase(folder, glob(self.path)) for folder in folders)

    def meets(self, path: str) -> bool:
        """Tell whether a path is this one, lies in it, or is a folder that it lies in."""
        return self.covers(path) or self.path.startswith(f"{path}/")


def glob(path: str) -> str:
    """Return a pattern of `fnmatch` in which only the `*` of a path is special."""
    return path.replace("[", "[[]").replace("?", "[?]")


@dataclass(frozen=True)
class Stage:
    """One stage of a pipeline file; a `matrix` or `foreach` is one stage with many members.

    Deps and outs that are not as DVC wants them are left out: `headrace check` reports those.
    """

    name: str
    entry: dict[str, Any]
    file: str = MAIN
    """The pipeline file that has it."""

    def __str__(self) -> str:
        """Return its name."""
        return self.name

    @cached_property
    def body(self) -> dict[str, Any]:
        """The mapping that holds `cmd`, `deps` and `outs`."""
        inner = self.entry.get("do")
        return inner if "foreach" in self.entry and isinstance(inner, dict) else self.entry

    @property
    def keys(self) -> tuple[Key, ...]:
        """Its place in the pipeline file."""
        return ("stages", self.name)

    def at(self, *keys: Key) -> tuple[Key, ...]:
        """Return the place of a part of it in the pipeline file."""
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
        """The files that it reads."""
        return self._entries("deps")

    @cached_property
    def outs(self) -> list[Entry]:
        """The files that it writes: outs, metrics and plots."""
        return [entry for part in OUTS for entry in self._entries(part)]

    @cached_property
    def metrics(self) -> list[Entry]:
        """Its metrics, which are among the outs."""
        return self._entries("metrics")

    @cached_property
    def params(self) -> list[str]:
        """The dotted names of params.yaml that it lists.

        Errors:
            ProjectError: it lists anything else.
        """
        names = self.body.get("params") or []
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ProjectError(
                f"{self.file}: params of stage {self.name!r} must be a list of names in"
                " params.yaml. Next: write one name to a line, such as - train"
            )
        return names

    @cached_property
    def notebooks(self) -> list[str]:
        """The source notebooks that it may run; of several deps, those that bear its name."""
        listed = [dep.path for dep in self.deps if fnmatchcase(dep.path, "notebooks/*.ipynb")]
        stems = {path: Path(path).stem.lstrip("0123456789_") for path in listed}
        matching = [path for path, stem in stems.items() if stem == self.name]
        return matching if len(listed) > 1 and matching else listed

    @property
    def notebook(self) -> str:
        """The source notebook that it runs: the one among its deps.

        A stage that lists several, since it vouches for others, runs the one that bears its name.

        Errors:
            ProjectError: the stage lists none, or several and none of its own name.
        """
        if len(self.notebooks) != 1:
            raise ProjectError(
                f"{self.file}: stage {self.name!r} must list one notebook among its deps;"
                f" it lists {len(self.notebooks)}. Next: list notebooks/01_{self.name}.ipynb"
            )
        return self.notebooks[0]

    def command(self, member: str = "") -> str:
        """Return the command that runs it, or one member of a matrix."""
        return repro_command(self.file, f"{self.name}@{member}" if member else self.name)

    def _entries(self, part: str) -> list[Entry]:
        listed = yaml.or_empty(self.body.get(part), list)
        return [
            Entry(path, settings, self.at(part, index))
            for index, item in enumerate(listed)
            for path, settings in self._paths(item)
        ]

    def _paths(self, item: object) -> Iterator[tuple[str, dict[str, Any]]]:
        # DVC writes an out as a path, or as a mapping of one path to its settings.
        pairs = item.items() if isinstance(item, dict) else [(item, {})]
        for path, settings in pairs:
            if isinstance(path, str) and path:
                pattern = re.sub(r"\$\{[^}]*\}", "*", self.to_study(path))
                yield pattern, yaml.or_empty(settings, dict)

    def to_study(self, path: str) -> str:
        """Return a path of the stage's from the study on: its file may have a folder, and it, too.

        A path on another machine stays as it is.
        """
        wdir = self.body.get("wdir")
        folder = posixpath.join(posixpath.dirname(self.file), wdir if isinstance(wdir, str) else "")
        return path if "://" in path else posixpath.normpath(posixpath.join(folder, path))

    def from_study(self, path: str) -> str:
        """Return how the stage itself writes a path from the study on."""
        return posixpath.relpath(path, self.to_study("."))


Stages = dict[str, Stage]
"""Stages by name, in the order of their pipeline file."""


def names(root: Path) -> list[str]:
    """Return a project's pipeline files from its root on; a folder's own project has its own."""
    folders = sorted(path.parent for path in root.glob(f"[!.]*/{MAIN}"))
    # A folder with a pyproject.toml is another study, such as a baked one, with its own stages.
    beside = [folder.name for folder in folders if not (folder / "pyproject.toml").exists()]
    return [MAIN, *(f"{folder}/{MAIN}" for folder in beside)]


def repro_command(file: str, stage: str = "") -> str:
    """Return the command that runs a stage of a pipeline file, or all that are not up to date."""
    if file == BACKTEST:
        return "headrace backtest"
    if file == MAIN:
        return f"dvc repro {stage}".rstrip()
    return f"dvc repro {file}:{stage}" if stage else f"dvc repro {file}"


def stages_of(content: dict[str, Any], file: str = MAIN) -> Stages:
    """Return the stages in the content of a pipeline file; what is not one is left out."""
    stages = yaml.or_empty(content.get("stages"), dict).items()
    return {name: Stage(name, entry, file) for name, entry in stages if isinstance(entry, dict)}


def metrics_of(content: dict[str, Any]) -> list[Entry]:
    """Return the metrics files in the content of a dvc.yaml: those of no stage, then of each."""
    bodies = (Stage("", content), *stages_of(content).values())
    return [metric for stage in bodies for metric in stage.metrics]


def read(root: Path, name: str) -> Stages:
    """Return the stages of one pipeline file.

    Errors:
        ProjectError: it cannot be read, or maps no names to stages.
    """
    try:
        content = yaml.parse((root / name).read_bytes(), name)
    except OSError as error:
        raise ProjectError(
            f"{unreadable(name, error)}. Next: git checkout HEAD -- {name}"
        ) from None
    stages = content.get("stages", {})
    if not isinstance(stages, dict) or not all(isinstance(s, dict) for s in stages.values()):
        raise ProjectError(
            f"{name}: `stages` must map names to stages. Next: indent each stage below its name"
        )
    return stages_of(content, name)


def read_all(root: Path) -> dict[str, Stages]:
    """Return the stages of every pipeline file, by the file's name.

    Errors:
        ProjectError: see `read`; or two files have a stage of one name, which would share its run.
    """
    pipelines: dict[str, Stages] = {}
    for name in names(root):
        stages = read(root, name)
        for earlier, earlier_stages in pipelines.items():
            if shared := sorted(earlier_stages.keys() & stages.keys()):
                raise ProjectError(
                    f"{name}: stage {shared[0]!r} is in {earlier} as well, and both would write"
                    f" runs/{shared[0]}.ipynb. Next: give one of them another name"
                )
        pipelines[name] = stages
    return pipelines
