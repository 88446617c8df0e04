"""The study as the rules read it: each file once, and only when a rule asks for it."""

from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any

from headrace.core import git, lockfile, param_files, parameters, sources, yaml
from headrace.core.imports import Chain, Graph
from headrace.core.pipeline import Pipeline
from headrace.core.project import Project
from headrace.core.stage import PARAMS, Stage
from headrace.core.yaml import Key
from headrace.errors import ProjectError
from headrace.lint import notebook_ast
from headrace.lint.cache import Cache
from headrace.lint.notebook_ast import Notebook
from headrace.lint.paths_used import Use

if TYPE_CHECKING:
    from headrace.core.promises import Promise


@dataclass(frozen=True, order=True)
class Location:
    """A file of the study (relative to its root) and a line; in a notebook, a line of a cell."""

    file: str
    cell: int = 0
    line: int = 0

    def __str__(self) -> str:
        """Write it as ruff does: `dvc.yaml:63`, or `notebooks/03_train.ipynb:cell 5:2`."""
        cell = f":cell {self.cell}" if self.cell else ""
        return f"{self.file}{cell}{f':{self.line}' if self.line else ''}"


class Study:
    """A lazy view of a project, of which any file may be broken.

    `staged`: the project is the next commit, in a temporary folder; git tracks all its files.
    """

    def __init__(self, study: Project, cache: Cache, *, staged: bool = False) -> None:
        self.project = study
        self.root = study.root
        self.cache = cache
        self.staged = staged
        self._trees: dict[str, Any] = {}
        self._other_parameters: dict[str, Any] = {}
        self.imports: dict[str, dict[str, Chain]] = {}
        """What each notebook imports: a matrix has many stages of one notebook."""
        self.uses: dict[tuple[str, str], dict[str, list[Use]]] = {}
        """The files that each notebook uses, in each folder in which it runs."""

    @cached_property
    def dvc_error(self) -> str:
        """Why a pipeline file cannot be used; empty where all can."""
        try:
            _ = self.project.all_stages  # each of which may have templates that name nothing
        except ProjectError as error:
            return str(error)
        return ""

    @cached_property
    def stages(self) -> dict[str, Stage]:
        """The stages of the pipeline files; none where one is broken."""
        return {} if self.dvc_error else self.project.all_stages

    @property
    def pipelines(self) -> dict[str, Pipeline]:
        """The pipeline files; none where one is broken."""
        return {} if self.dvc_error else self.project.pipelines

    @property
    def groups(self) -> list[Stage]:
        """The stages that pipeline files list: of a `matrix` or `foreach` the first member."""
        stages = reversed(self.stages.values())
        return [*{(stage.file, stage.group): stage for stage in stages}.values()][::-1]

    @property
    def runs(self) -> list[tuple[Stage, Notebook]]:
        """The stages that headrace runs, each with its notebook, where that can be read."""
        pairs = [(stage, stage.notebooks) for stage in self.stages.values() if stage.is_run]
        return [
            (stage, self.notebooks[names[0]])
            for stage, names in pairs
            if len(names) == 1 and names[0] in self.notebooks
        ]

    @cached_property
    def notebooks(self) -> dict[str, Notebook]:
        """The source notebooks by name, without those in notebooks/scratch."""
        names = sources.names(self.root, self.stages.values())
        return {name: notebook_ast.read(self.root / name, name) for name in names}

    @cached_property
    def scratch_names(self) -> list[str]:
        """The notebooks in notebooks/scratch."""
        return [name for name in sources.in_folder(self.root) if name.startswith(sources.SCRATCH)]

    @cached_property
    def parameters(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The content of params.yaml, as it is written and as the study's pydantic model has it.

        Both are empty where there is no such file, and no stage that lists parameters.

        Errors:
            HeadraceError: params.yaml cannot be read, or does not match the model.
        """
        bodies = (stage.body for stage in self.stages.values())
        if not self.is_file(PARAMS) and not any(body.get("params") for body in bodies):
            return {}, {}
        raw, model = parameters.load(self.project)
        return raw, model.model_dump()

    def other_parameters(self, stage: Stage) -> dict[str, Any]:
        """Return the content of the other files that hold parameters of a stage, by their paths.

        Errors:
            ProjectError: one is missing, or cannot be read.
        """
        known = {PARAMS, *self._other_parameters}
        self._other_parameters |= param_files.read([stage], self.project.read, known)
        return self._other_parameters

    @cached_property
    def values(self) -> dict[str, Any] | None:
        """The content of params.yaml; None where it cannot be read."""
        try:
            return yaml.read(self.root / PARAMS)
        except ProjectError:
            return None

    @cached_property
    def locks(self) -> dict[str, dict[str, lockfile.Record]]:
        """The records in the dvc.lock beside each pipeline file, with paths from the study on."""
        return {
            name: pipeline.located(lockfile.read((self.root / name).parent))
            for name, pipeline in self.project.pipelines.items()
        }

    @cached_property
    def promises(self) -> "dict[str, Promise]":
        """The hashes of the files that stages made, or people added to DVC, by their paths."""
        from headrace.core import promises  # for violations only

        return promises.of_all(self.project)

    @cached_property
    def tracked(self) -> list[str]:
        """The existing files that git tracks; none outside of a repository."""
        if self.staged:
            files = (path for path in self.root.rglob("*") if path.is_file())
            return sorted(path.relative_to(self.root).as_posix() for path in files)
        if not git.is_repository(self.root):  # the rules on git then report nothing
            return []
        return [name for name in git.tracked(self.root) if (self.root / name).is_file()]

    @cached_property
    def graph(self) -> Graph:
        """The import graph of the study's own modules."""
        return Graph(self.root, self.project.source)

    @cached_property
    def paths(self) -> ModuleType | None:
        """The study's paths module; None where pyproject.toml declares none."""
        return self.project.module("paths")

    def is_file(self, name: str) -> bool:
        """Tell whether the study has such a file."""
        return (self.root / name).is_file()

    def at(self, file: str, *keys: Key) -> Location:
        """Return the location of a key in a YAML file; line 1 where there is no such key.

        This parses the file with all positions, which is slow: call it for violations only.
        """
        if file not in self._trees:
            try:
                text = (self.root / file).read_text("utf-8")
            except (OSError, UnicodeDecodeError):
                text = ""  # the rule that needs its content reports that
            self._trees[file] = yaml.compose(text)
        return Location(file, line=yaml.line_of(self._trees[file], keys))

    def at_deps(self, stage: Stage) -> Location:
        """Return the location of a stage's deps; of the stage where it has none."""
        return self.at(stage.file, *stage.at("deps"))
