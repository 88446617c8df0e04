"""The stages that DVC runs: those of dvc.yaml, and of pipeline files in folders beside it.

Plain `dvc repro` runs dvc.yaml alone. The study's .dvcignore hides backtest/dvc.yaml from DVC, so
`dvc status` does not list its stages; `headrace backtest` runs them.

A stage without templates is read by headrace's own reader; what has any, by DVC's (`templates`).
"""

import os
import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from headrace.core import lockfile, yaml
from headrace.core.entry import Entry
from headrace.core.lockfile import Record
from headrace.core.stage import BACKTEST, COSTS, MAIN, MEMBER, Stage, file_name, group_of
from headrace.errors import ProjectError, unreadable

if TYPE_CHECKING:
    from headrace.core.templates import Read, Resolver

MANY = {"matrix", "foreach", "do"}
"""The keys of a definition that stands for several stages."""
IGNORE = ".dvcignore"
TEMPLATE = re.compile(r"\$\{[^}]*\}")


class Pipeline(Mapping[str, Stage]):
    """The stages of a pipeline file by the names that dvc.lock has, each read when asked for.

    `read` gives the files from which templates are filled.

    Errors:
        ProjectError: on a look at what is a template, where DVC cannot resolve it.
    """

    def __init__(self, content: Mapping[str, Any], file: str, read: "Read") -> None:
        self.content, self.file = content, file
        stages = yaml.or_empty(content.get("stages"), dict).items()
        self.groups = {name: entry for name, entry in stages if isinstance(entry, dict)}
        self._read = read
        self._stages: dict[str, Stage] = {}
        self._members: dict[str, dict[str, None]] = {}

    @cached_property
    def _resolver(self) -> "Resolver":
        from headrace.core.templates import Resolver

        return Resolver(self.content, self.file, self._read)

    def members(self, group: str) -> Mapping[str, None]:
        """Return the names of the stages that a definition stands for, in their order.

        Errors:
            ProjectError: DVC would not find one by its name.
        """
        if group not in self._members:
            is_many = MANY & self.groups[group].keys()
            names = self._resolver.names(group) if is_many else [group]
            if wrong := next((name for name in names if group_of(name) != group), None):
                raise ProjectError(
                    f"{self.file}: DVC finds no stage {wrong!r}, since {MEMBER} stands before the"
                    f" name of a member. Next: write another character for {MEMBER} in stage"
                    f" {group!r}"
                )
            self._members[group] = dict.fromkeys(names)
        return self._members[group]

    def __iter__(self) -> Iterator[str]:
        for group in self.groups:
            yield from self.members(group)

    def __len__(self) -> int:
        return sum(len(self.members(group)) for group in self.groups)

    def __getitem__(self, name: str) -> Stage:
        if name not in self._stages:
            group = group_of(name)
            if group not in self.groups or name not in self.members(group):
                raise KeyError(name)
            self._stages[name] = self._stage(name, self.groups[group])
        return self._stages[name]

    def _stage(self, name: str, definition: dict[str, Any]) -> Stage:
        if not {*MANY, "vars"} & definition.keys() and "${" not in repr(definition):
            return Stage(name, definition, self.file)
        body, values = self._resolver.stage(name)
        return Stage(name, body, self.file, values, definition)

    @cached_property
    def metrics(self) -> list[Entry]:
        """The metrics files of no stage."""
        return Stage("", {"metrics": self.top_level("metrics")}, self.file).metrics

    @property
    def params(self) -> list[str]:
        """The parameter files of no stage, from the study on."""
        located = Stage("", {"deps": self.top_level("params")}, self.file)
        return [entry.path for entry in located.deps]

    @property
    def all_metrics(self) -> list[Entry]:
        """The metrics files: those of no stage, then of each."""
        return [*self.metrics, *(metric for stage in self.values() for metric in stage.metrics)]

    def top_level(self, part: str) -> Any:
        """Return its `metrics`, `params` or `artifacts` outside of the stages, without templates.

        Errors:
            ProjectError: DVC cannot resolve them.
        """
        written = self.content.get(part)
        return self._resolver.top_level(part) if "${" in repr(written) else written

    @property
    def vars_files(self) -> list[str]:
        """The files that its `vars` name, from the study on."""
        bodies = [definition.get("do", definition) for definition in self.groups.values()]
        listed = (body.get("vars") for body in (self.content, *bodies) if isinstance(body, dict))
        paths = [item for items in listed for item in yaml.or_empty(items, list)]
        folder = posixpath.dirname(self.file)
        files = (path.partition(":")[0] for path in paths if isinstance(path, str))
        return [posixpath.normpath(posixpath.join(folder, file)) for file in files]

    def located(self, records: Mapping[str, Record]) -> dict[str, Record]:
        """Return records of the dvc.lock beside it with paths from the study on."""
        return {name: record.at(self._wdir(name)) for name, record in records.items()}

    def _wdir(self, name: str) -> str:
        definition = self.groups.get(group_of(name), {})
        inner = yaml.or_empty(definition.get("do", definition), dict)
        if "${" in repr(inner.get("wdir")) and name in self:
            return self[name].wdir
        return Stage(name, {"wdir": inner.get("wdir")}, self.file).wdir


def metric_patterns(content: Mapping[str, Any], file: str = MAIN) -> list[str]:
    """Return the metrics files in the content of a pipeline file with `*` for each `${…}`.

    Those of no stage come first. So the files of members are found that a matrix has no more.
    """
    definitions = yaml.or_empty(content.get("stages"), dict).values()
    bodies = [d.get("do", d) for d in definitions if isinstance(d, dict)]
    stages = (Stage("", body, file) for body in (content, *bodies) if isinstance(body, dict))
    return [TEMPLATE.sub("*", metric.path) for stage in stages for metric in stage.metrics]


def names(root: Path) -> list[str]:
    """Return a project's pipeline files from its root on; a folder's own project has its own."""
    beside = [(folder / MAIN).as_posix() for folder, files in folders(root) if MAIN in files]
    return [MAIN, *(name for name in beside if name != MAIN)]


def folders(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Yield the folders of a project, from its root on, each with the names of its files.

    Those of another project and of data are left out, and, as by DVC, what a plain line of
    .dvcignore names.
    """
    ignored = _ignored(read_file(root, IGNORE))
    for path, inside, files in os.walk(root):
        folder = Path(path).relative_to(root)
        # A folder with a pyproject.toml is another study, such as a baked one, with its own stages.
        if folder.parts and {"pyproject.toml", "pyvenv.cfg"} & {*files}:
            inside.clear()
            continue
        yield folder, sorted(files)
        # What `dvc add` made is nothing but data.
        hidden = {name.removesuffix(".dvc") for name in files} | ignored
        above = PurePosixPath("/", folder.as_posix())
        inside[:] = sorted(
            name
            for name in inside
            if not name.startswith((".", "__")) and not {name, str(above / name)} & hidden
        )


def _ignored(dvcignore: bytes | None) -> set[str]:
    """Return the folders that .dvcignore names: `build` anywhere, `/data/raw` from the root on.

    Lines with wildcards are left to DVC, and so is a file that takes back what it ignores.
    """
    lines = (dvcignore or b"").decode("utf-8", "replace").splitlines()
    if any(line.startswith("!") for line in lines):
        return set()
    plain = [line.rstrip().rstrip("/") for line in lines if not {*line} & {*"#*?[\\"}]
    return {f"/{line.lstrip('/')}" if "/" in line else line for line in plain}


def names_in(files: Iterable[str], dvcignore: bytes | None = None) -> list[str]:
    """Return the pipeline files among the files of a project, of which one is its .dvcignore."""
    listed, ignored = {*files}, _ignored(dvcignore)
    found = sorted(path for path in listed if path.endswith(f"/{MAIN}"))

    def is_own(path: str) -> bool:
        parts = path.split("/")[:-1]
        above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
        hidden = any(part.startswith((".", "__")) for part in parts)
        if hidden or ignored & {*parts, *(f"/{folder}" for folder in above)}:
            return False
        return not any(f"{folder}/pyproject.toml" in listed for folder in above)

    return [MAIN, *filter(is_own, found)]


def parse(text: bytes, file: str, read: "Read") -> Pipeline:
    """Return the pipeline in the text of a file.

    Errors:
        ProjectError: it is not YAML, or maps no names to stages.
    """
    content = yaml.parse(text, file, json_only=False)
    stages = content.get("stages", {})
    is_mapping = isinstance(stages, dict) and all(isinstance(s, dict) for s in stages.values())
    if not is_mapping or not all(isinstance(name, str) for name in stages):
        raise ProjectError(
            f"{file}: `stages` must map names to stages. Next: indent each stage below its name"
        )
    return Pipeline(content, file, read)


def read_file(root: Path, path: str) -> bytes | None:
    """Return the content of a file by its path from a folder on; None where there is none.

    Errors:
        ProjectError: it cannot be read.
    """
    try:
        return (root / path).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ProjectError(f"{unreadable(path, error)}. Next: make it a readable file") from None


def read(root: Path, name: str) -> Pipeline:
    """Return one pipeline file.

    Errors:
        ProjectError: it cannot be read, or maps no names to stages.
    """
    text = read_file(root, name)
    if text is None:
        raise ProjectError(f"{name} is missing. Next: git checkout HEAD -- {shlex.quote(name)}")
    return parse(text, name, partial(read_file, root))


def read_all(root: Path) -> dict[str, Pipeline]:
    """Return every pipeline file by its name.

    Errors:
        ProjectError: see `read`; or two stages that run notebooks have one name.
    """
    pipelines = {name: read(root, name) for name in names(root)}
    earlier: dict[str, tuple[Pipeline, str]] = {}
    for pipeline in pipelines.values():
        for name in pipeline:
            others, other = earlier.setdefault(file_name(name), (pipeline, name))
            if others is not pipeline or other != name:
                _refuse_shared_name(others[other], pipeline[name])
    return pipelines


def _refuse_shared_name(one: Stage, other: Stage) -> None:
    if one.is_run and other.is_run:
        name = file_name(one.name)
        raise ProjectError(
            f"{other.file}: stage {other.name!r} is in {one.file} as well, and both would write"
            f" runs/failed/{name}.ipynb and metrics/cost/{name}.json. Next: give one of them"
            " another name"
        )


def stages_of(pipelines: Iterable[Pipeline]) -> dict[str, Stage]:
    """Return the stages of several files; where one has another's name, by its file as well."""
    stages: dict[str, Stage] = {}
    for pipeline in pipelines:
        for name, stage in pipeline.items():
            stages[f"{pipeline.file}:{name}" if name in stages else name] = stage
    return stages


def metrics_files(pipelines: Iterable[Pipeline]) -> list[str]:
    """Return the metrics files of pipeline files, without those of costs."""
    paths = (metric.path for pipeline in pipelines for metric in pipeline.all_metrics)
    return [path for path in dict.fromkeys(paths) if not path.startswith(f"{COSTS}/")]


def records(pipelines: Iterable[Pipeline], read: "Read") -> dict[str, Record]:
    """Return what the dvc.lock beside each file records, with paths from the study on.

    The backtest's is left out, which is no part of what `dvc repro` makes.

    Errors:
        ProjectError: a dvc.lock is not as DVC 3 writes it.
    """
    records: dict[str, Record] = {}
    for pipeline in pipelines:
        text = read(posixpath.join(posixpath.dirname(pipeline.file), lockfile.NAME))
        if text is not None and pipeline.file != BACKTEST:
            for name, record in pipeline.located(lockfile.parse(text)).items():
                records[f"{pipeline.file}:{name}" if name in records else name] = record
    return records
