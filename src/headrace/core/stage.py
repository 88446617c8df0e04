"""One stage of a pipeline file, as DVC runs it: what it reads, writes, takes and runs."""

import posixpath
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from headrace.core import shell, yaml
from headrace.core.entry import OUTS, Entry, Param
from headrace.core.lockfile import located
from headrace.core.yaml import Key
from headrace.errors import ProjectError

MAIN = "dvc.yaml"
BACKTEST = "backtest/dvc.yaml"
PARAMS = "params.yaml"
"""The file of the params that a stage lists by their names alone."""
COSTS = "metrics/cost"
"""The folder of the metrics files into which the runner writes what each stage cost."""
MEMBER = "@"
"""What stands between the name of a `matrix` or `foreach` and that of one of its stages."""


@dataclass(frozen=True)
class Stage:
    """One stage as DVC runs it; of a `matrix` or `foreach`, one member, such as "train@6".

    Deps and outs that are not as DVC wants them are left out: `headrace check` reports those.
    """

    name: str
    body: dict[str, Any]
    """The mapping that holds `cmd`, `deps` and `outs`, without templates."""
    file: str = MAIN
    """The pipeline file that has it."""
    values: dict[str, Any] = field(default_factory=dict)
    """The values of a member: of a matrix by its axes, of a foreach `item` and `key`."""
    definition: dict[str, Any] = field(default_factory=dict)
    """What the pipeline file holds, where that is a template."""

    def __str__(self) -> str:
        """Return its name."""
        return self.name

    @property
    def group(self) -> str:
        """The name under which the pipeline file has it: "train" of "train@6"."""
        return group_of(self.name)

    @property
    def keys(self) -> tuple[Key, ...]:
        """Its place in the pipeline file."""
        return ("stages", self.group)

    def at(self, *keys: Key) -> tuple[Key, ...]:
        """Return the place of a part of it in the pipeline file."""
        return (*self.keys, *(("do",) if "foreach" in self.definition else ()), *keys)

    @property
    def commands(self) -> list[str]:
        """Its commands, which DVC runs one by one."""
        cmd = self.body.get("cmd", "")
        return [str(part) for part in cmd] if isinstance(cmd, list) else str(cmd).splitlines()

    @property
    def cmd(self) -> str:
        """Its command; several as they would stand in a line."""
        return " && ".join(self.commands).strip()

    @cached_property
    def is_run(self) -> bool:
        """Whether headrace runs its notebook, alone or among other commands."""
        return any(self.aliases.intersection(words[:1]) for words in self.runs)

    @property
    def is_frozen(self) -> bool:
        """Whether DVC does not run it, whatever changes."""
        return self.body.get("frozen") is True

    @cached_property
    def runs(self) -> list[list[str]]:
        """The words that its commands give to each `headrace run`, of which one is right."""
        plain = {f"headrace run {name}": name for name in (self.group, self.name)}
        return [
            words
            for line in self.commands
            for words in ([[plain[line]]] if line in plain else shell.runs(line))
        ]

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
    def params(self) -> list[Param]:
        """The parameters that it lists; those of a file that it lists whole are that file.

        Errors:
            ProjectError: it lists anything else.
        """
        listed = self.body.get("params") or []
        if not isinstance(listed, list):
            self._refuse_params()
        return [param for index, item in enumerate(listed) for param in self._params(index, item)]

    def _params(self, index: int, item: object) -> Iterator[Param]:
        at = ("params", index)
        for file, names in item.items() if isinstance(item, dict) else [(PARAMS, [item])]:
            if not isinstance(file, str) or not isinstance(names, list | None):
                self._refuse_params()
            path, keys = self.to_study(file), (file,) if isinstance(item, dict) else ()
            if not names:
                yield Param(path, "", self.at(*at, *keys))
            for place, name in enumerate(names or []):
                if not isinstance(name, str):
                    self._refuse_params()
                yield Param(path, name, self.at(*at, *keys, *((place,) if keys else ())))

    def _refuse_params(self) -> NoReturn:
        raise ProjectError(
            f"{self.file}: params of stage {self.group!r} must be names in {PARAMS}, or files with"
            " lists of names. Next: write one name to a line, such as - train"
        )

    @property
    def matrix(self) -> dict[str, Any]:
        """The axes of its `matrix`; none where it has no such thing."""
        return yaml.or_empty(self.definition.get("matrix"), dict)

    @property
    def takes_members_by_params(self) -> bool:
        """Whether its params depend on the member, as in `models.${item}`."""
        inner = self.definition.get("do", self.definition)
        return "${" in repr(inner.get("params") if isinstance(inner, dict) else "")

    @cached_property
    def notebooks(self) -> list[str]:
        """The source notebooks that it may run; of several deps, those that bear its name."""
        listed = [dep.path for dep in self.deps if is_source(dep.path)]
        inside = [path for path in listed if fnmatchcase(path, "notebooks/*")]
        listed = inside or listed
        stems = {path: Path(path).stem.lstrip("0123456789_") for path in listed}
        matching = [path for path, stem in stems.items() if stem == self.group]
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
                f" it lists {len(self.notebooks)}. Next: list notebooks/01_{self.group}.ipynb"
            )
        return self.notebooks[0]

    @property
    def run(self) -> str:
        """The path of the executed notebook: that among its outs, by default runs/STAGE.ipynb."""
        path = f"runs/{file_name(self.name)}.ipynb"
        return next((out.path for out in self.outs if f"/{out.path}".endswith(f"/{path}")), path)

    def command(self) -> str:
        """Return the command that runs it."""
        return repro_command(self.file, self.name)

    @property
    def target(self) -> str:
        """What DVC calls it: its name, in another pipeline file behind that file's."""
        return target_of(self.file, self.name)

    @property
    def aliases(self) -> set[str]:
        """What a command may call it: its name or its group's, with its file or without."""
        names = {self.name, self.group}
        return names | {f"{self.file}:{name}" for name in names}

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
                yield self.to_study(path), yaml.or_empty(settings, dict)

    @property
    def wdir(self) -> str:
        """The folder in which DVC runs it, from the study on."""
        wdir = self.body.get("wdir")
        folder = posixpath.join(posixpath.dirname(self.file), wdir if isinstance(wdir, str) else "")
        return posixpath.normpath(folder)

    def to_study(self, path: str) -> str:
        """Return a path of the stage's from the study on: its file may have a folder, and it, too.

        A path on another machine stays as it is.
        """
        return located(path, self.wdir)

    def from_study(self, path: str) -> str:
        """Return how the stage itself writes a path from the study on."""
        return posixpath.relpath(path, self.wdir)


def split_name(name: str) -> tuple[str, str]:
    """Return the name of a matrix or foreach and that of its member; of another stage the first."""
    group, _, member = name.rpartition(MEMBER)  # the last one, as DVC has it
    return (group, member) if group else (name, "")


def target_of(file: str, name: str) -> str:
    """Return what DVC calls a stage of a pipeline file."""
    return name if file == MAIN else f"{file}:{name}"


def split_target(target: str) -> tuple[str, str]:
    """Return the pipeline file, or "", and the name in what DVC calls a stage."""
    folder, is_named, name = target.rpartition(f"{MAIN}:")
    return f"{folder}{MAIN}" if is_named else "", name


def group_of(name: str) -> str:
    """Return the name under which a pipeline file has a stage: "train" of "train@6"."""
    return split_name(name)[0]


def file_name(stage: str) -> str:
    """Return what the files of a stage are called by its name in dvc.lock."""
    return stage.replace(MEMBER, "-")


def is_source(path: str) -> bool:
    """Tell whether a path is that of a notebook that is not a run."""
    return path.endswith(".ipynb") and "runs" not in path.split("/")[:-1]


def repro_command(file: str, stage: str = "") -> str:
    """Return the command that runs a stage of a pipeline file, or all that are not up to date."""
    if file == BACKTEST:
        return "headrace backtest"
    if file == MAIN:
        return shlex.join(["dvc", "repro", *([stage] if stage else [])])
    return shlex.join(["dvc", "repro", f"{file}:{stage}" if stage else file])
