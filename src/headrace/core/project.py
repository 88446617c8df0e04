"""The project: its folder, the settings in its pyproject.toml, its stages and its own modules."""

import importlib
import os
import posixpath
import shlex
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from headrace.core import pipeline
from headrace.core.lockfile import Record
from headrace.core.metrics import is_numeric
from headrace.core.pipeline import Pipeline
from headrace.core.stage import MAIN, MEMBER, Stage, group_of, split_name, split_target, target_of
from headrace.errors import ProjectError, join_names, nearest

MAX_LISTED = 8
"""Stages that a message lists."""


@dataclass(frozen=True)
class Project:
    """A folder with a dvc.yaml and a pyproject.toml that has a [tool.headrace] table."""

    root: Path
    settings: dict[str, Any]

    @property
    def source(self) -> Path:
        """The folder of the project's own packages."""
        return self.root / str(self.settings.get("source", "src"))

    def read(self, path: str) -> bytes | None:
        """Return the content of a file by its path from the root on, or None."""
        return pipeline.read_file(self.root, path)

    @cached_property
    def stages(self) -> Pipeline:
        """The stages of dvc.yaml, which `dvc repro` runs."""
        return pipeline.read(self.root, MAIN)

    @cached_property
    def pipelines(self) -> dict[str, Pipeline]:
        """The stages of every pipeline file: dvc.yaml, then those that run when they are named."""
        return pipeline.read_all(self.root)

    @property
    def all_stages(self) -> dict[str, Stage]:
        """The stages of all pipeline files, in order; a name that stands twice with its file."""
        return pipeline.stages_of(self.pipelines.values())

    @property
    def records(self) -> dict[str, Record]:
        """What dvc.lock records of the last run of each stage, and those of other files do."""
        return pipeline.records(self.pipelines.values(), self.read)

    def stage(self, target: str, environment: Mapping[str, str] = os.environ) -> Stage:
        """Return a stage by its name; of a `matrix` or `foreach`, the member that DVC runs.

        The name may stand behind its pipeline file, as in "folder/dvc.yaml:train".

        Errors:
            ProjectError: no pipeline file has it; the nearest name is shown. Or it stands for many.
        """
        address, name = split_target(target)
        address = posixpath.normpath(address) if address else ""
        file, key = _run_by_dvc(name, environment)
        wanted = f"{name}{MEMBER}{key}" if key else name
        # A stage of dvc.yaml depends on no other file, where DVC does not say that it is another's.
        files = [] if file in ("", MAIN) else [f for f in self.pipelines if f.endswith(file)]
        group = group_of(wanted)
        if address:
            files = [address] if address in self.pipelines else []
            searched = [self.pipelines[file] for file in files]
        elif not files and group in self.stages.groups:
            searched = [self.stages]
        else:
            searched = [self.pipelines[file] for file in files or self.pipelines]
        for stages in searched:
            if wanted in stages:
                return stages[wanted]
            if group in stages.groups:
                raise ProjectError(_of_many(wanted, group, stages))
        raise ProjectError(self._no_stage(target))

    def _no_stage(self, name: str) -> str:
        files = " and ".join(self.pipelines)
        has = "has" if len(self.pipelines) == 1 else "have"
        groups = {group: None for stages in self.pipelines.values() for group in stages.groups}
        step = "name one of these" if groups else f"add it to {files}"
        return (
            f"{files} {has} no stage {name!r}.{nearest(name, groups)}"
            f" Stages: {join_names(groups, MAX_LISTED) or 'none'}. Next: {step}"
        )

    def notebook_stages(self) -> list[Stage]:
        """Return the stages that `headrace run` runs, in the order of the pipeline files."""
        return [stage for stage in self.all_stages.values() if stage.is_run]

    @property
    def runs(self) -> list[str]:
        """The paths of the executed notebooks that are here: by stage, then those of no stage."""
        folder = self.root / "runs"
        others = sorted(f"runs/{path.name}" for path in folder.glob("*.ipynb"))
        listed = dict.fromkeys([*(stage.run for stage in self.all_stages.values()), *others])
        return [run for run in listed if (self.root / run).is_file()]

    def notebook(self, stage: Stage) -> Path:
        """Return the source notebook of a stage.

        Errors:
            ProjectError: see `Stage.notebook`.
        """
        return self.root / stage.notebook

    def number(self, setting: str) -> float | None:
        """Return a number of [tool.headrace], such as a time-out in seconds; None if not set.

        Errors:
            ProjectError: it is not a number above 0.
        """
        value = self.settings.get(setting)
        if value is None:
            return None
        if not is_numeric(value) or not value > 0:
            raise ProjectError(
                f"pyproject.toml: {setting} is {value!r}, not a number above 0."
                " Next: correct it, or remove the line"
            )
        return float(value)

    def load(self, setting: str) -> Any:
        """Import the object that a setting of [tool.headrace] names as "package.module:name".

        Errors:
            ProjectError: the setting is missing, or names something outside this project.
        """
        target = self.settings.get(setting)
        if not isinstance(target, str) or ":" not in target:
            raise ProjectError(
                f'pyproject.toml: [tool.headrace] needs {setting} = "package.module:Name".'
                " Next: add it"
            )
        module_name, _, name = target.partition(":")
        module = self._import(module_name)
        if not hasattr(module, name):
            raise ProjectError(
                f"pyproject.toml: {setting} names {target}, but {module_name} has no {name}."
                " Next: correct the setting, or define it"
            )
        loaded = getattr(module, name)
        if setting == "params" and not hasattr(loaded, "model_validate"):
            raise ProjectError(
                f"pyproject.toml: params names {target}, which is not a pydantic model."
                " Next: derive it from pydantic.BaseModel"
            )
        return loaded

    def module(self, setting: str) -> ModuleType | None:
        """Import the module that a setting of [tool.headrace] names; None where it is not set.

        Errors:
            ProjectError: it cannot be imported, or does not lie in this project.
        """
        target = self.settings.get(setting)
        if target is None:
            return None
        if not isinstance(target, str):
            raise ProjectError(
                f'pyproject.toml: [tool.headrace] needs {setting} = "package.module".'
                " Next: write it so"
            )
        return self._import(target)

    def _import(self, name: str) -> ModuleType:
        # First, so that an installed package of the same name cannot answer for the study's own.
        if str(self.source) not in sys.path[:1]:
            sys.path.insert(0, str(self.source))
        try:
            module = importlib.import_module(name)
        except Exception as error:  # a user's module can fail in any way
            kind, place = type(error).__name__, _place(error)
            step = "Next: correct it, or make setup where a package is missing"
            raise ProjectError(
                f"{name} cannot be imported: {kind}: {error}{place}. {step}"
            ) from None
        # Another study's module of this name may have been imported earlier in this process.
        origin = Path(str(module.__file__)).resolve()
        if not origin.is_relative_to(self.source.resolve()):
            raise ProjectError(
                f"{name} comes from another tree ({origin}), not from {self.source}."
                " Next: run the command from within the project, in a new process"
            )
        return module


def _run_by_dvc(name: str, environment: Mapping[str, str]) -> tuple[str, str]:
    """Return the pipeline file and the member for which DVC runs a stage of this name.

    Of a file, the end of its path: DVC names it from the folder that it was started in. Both are
    empty where DVC runs no such stage, or names none.
    """
    # DVC writes `train` or `train@6` there, and `folder/dvc.yaml:train` for another pipeline file.
    file, stage = split_target(environment.get("DVC_STAGE", ""))
    group, member = split_name(stage)
    if group != group_of(name):
        return "", ""
    return file.removeprefix("./").replace("../", ""), "" if MEMBER in name else member


def _of_many(wanted: str, group: str, pipeline: Pipeline) -> str:
    """Return the message about a stage that has no such member, or of which none is named."""
    members = [*pipeline.members(group)]
    targets = (target_of(pipeline.file, member) for member in members)
    listed = join_names(map(shlex.quote, targets), MAX_LISTED)
    if members == [group]:
        return f"Stage {group!r} is one stage, without members. Next: name it {group}"
    if not members:
        return f"Stage {group!r} stands for no stage. Next: give its matrix or foreach values"
    if wanted != group:
        near = nearest(wanted, members)
        return f"Stage {group!r} has no {wanted!r}.{near} Next: name one of {listed}"
    return f"Stage {group!r} stands for {len(members)} stages. Next: dvc repro with one of {listed}"


def _place(error: Exception) -> str:
    """Return the file and line in which an import failed, where that is known."""
    if isinstance(error, SyntaxError):
        return ""  # its message has them
    frame = error.__traceback__
    while frame and frame.tb_next:  # the last frame is where it was raised
        frame = frame.tb_next
    file = Path(frame.tb_frame.f_code.co_filename) if frame else None
    inside = file and file.suffix == ".py" and "importlib" not in file.parts
    return f" ({file}, line {frame.tb_lineno})" if inside and frame else ""


def find_project(start: Path | None = None) -> Project:
    """Find the project from a folder upwards (default: the working directory).

    Errors:
        ProjectError: there is none, or its pyproject.toml cannot be read.
    """
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / "dvc.yaml").is_file() and (folder / "pyproject.toml").is_file():
            return Project(folder, _settings(folder / "pyproject.toml"))
    raise ProjectError(
        f"No study in {start} or above it: a study has a dvc.yaml and a pyproject.toml."
        " Next: cd into one"
    )


def _settings(path: Path) -> dict[str, Any]:
    try:
        tools = tomllib.loads(path.read_text("utf-8")).get("tool", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProjectError(f"pyproject.toml cannot be read: {error}. Next: fix {path}") from None
    settings = tools.get("headrace") if isinstance(tools, dict) else None
    if not isinstance(settings, dict):
        raise ProjectError(
            f"{path} has no [tool.headrace] table, so this is no study. Next: cd into one"
        )
    return settings
