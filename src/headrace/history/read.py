"""Read the metrics of all commits: two folders' trees at each, and every distinct blob once."""

import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property

from headrace.core import git, yaml
from headrace.core.git import Objects
from headrace.core.pipeline import glob, stages_of
from headrace.core.project import Project
from headrace.errors import ProjectError
from headrace.history import parse
from headrace.history.commits import Commit
from headrace.history.parse import Content, Files
from headrace.history.series import Metric

FOLDER = "metrics"
"""Where metrics lie that only an older commit's dvc.yaml names."""


@dataclass(frozen=True)
class Read:
    """What was read: the metrics files of each commit, and what each version of one holds.

    `patterns` are the stages' metrics files as the newest commit's dvc.yaml names them, the last
    stage's first: what a pipeline ends in is what it is for.
    """

    commits: Sequence[Commit]
    each: Sequence[Files]
    known: Mapping[str, Content]
    patterns: Sequence[str]
    notes: list[str] = field(default_factory=list)

    @cached_property
    def metrics(self) -> list[Metric]:
        """What any commit knows, by file and name."""
        versions = {item for files in self.each for item in files.items() if item[1] in self.known}
        found = {Metric(path, name) for path, blob in versions for name in self.known[blob].values}
        return sorted(found, key=str)

    @cached_property
    def newest(self) -> list[Metric]:
        """The stages' metrics in the newest commit that has any: those that are numbers."""
        for files in reversed(self.each):
            found = [*self._of(files)]
            if found:
                return found
        return []

    def _of(self, files: Files) -> Iterator[Metric]:
        for pattern in self.patterns:
            for path in sorted(files):
                if fnmatchcase(path, glob(pattern)) and files[path] in self.known:
                    held = self.known[files[path]].values.items()
                    yield from (Metric(path, key) for key, one in held if _is_number(one))


def _is_number(value: object) -> bool:
    return parse.number(value) is not None


def read(project: Project, commits: Sequence[Commit], words: Sequence[str]) -> Read:
    """Read what the words may mean of all commits, through one process.

    Errors:
        ProjectError: git cannot read its own objects.
    """
    prefix = git.prefix(project.root)
    with Objects(project.root) as objects:
        patterns, notes = _patterns(objects, f"{commits[-1].hash}:{prefix}dvc.yaml")
        folders = dict.fromkeys([*map(posixpath.dirname, patterns), FOLDER])
        is_wanted = _wanted(words, patterns)
        each = parse.files(objects, commits, prefix, folders, is_wanted)
        known = parse.contents(objects, (blob for files in each for blob in files.values()))
    return Read(commits, each, known, patterns, notes)


def _patterns(objects: Objects, name: str) -> tuple[list[str], list[str]]:
    """Return the stages' metrics files by the newest dvc.yaml, and a note where it is broken."""
    text = objects.read(name)
    try:
        content = yaml.parse(text or b"{}", "dvc.yaml of the newest commit")
    except ProjectError as error:
        return [f"{FOLDER}/*.json"], [f"{error}; so all of {FOLDER}/*.json are looked at"]
    if not isinstance(content.get("stages"), dict):
        return [f"{FOLDER}/*.json"], []
    stages = reversed(stages_of(content).values())
    return [metric.path for stage in stages for metric in stage.metrics], []


def _wanted(words: Sequence[str], patterns: Sequence[str]) -> Callable[[str], bool]:
    """Return whether a file is a metrics file, and may be one that the words mean."""
    named = [word.partition(":")[0] for word in words if ":" in word]
    few = bool(named) and len(named) == len(words)

    def is_wanted(path: str) -> bool:
        if few and not any(fnmatchcase(path, glob(name)) for name in named):
            return False
        listed = any(fnmatchcase(path, glob(pattern)) for pattern in patterns)
        older = posixpath.dirname(path) == FOLDER and path.endswith(".json")
        return listed or (older and bool(words))

    return is_wanted
