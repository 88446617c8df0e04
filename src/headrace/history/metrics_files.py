"""The metrics files of all commits: two folders' trees at each, and every distinct blob once."""

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property, partial
from pathlib import Path

from headrace.core import git, metrics, pipeline
from headrace.core.entry import glob
from headrace.core.git import Objects
from headrace.core.lockfile import File
from headrace.core.metrics import is_number, leaves
from headrace.core.project import Project
from headrace.core.stage import COSTS
from headrace.core.states import State
from headrace.errors import ProjectError
from headrace.history.commits import Commit

FOLDER = "metrics"
"""The folder of metrics files that are named only in an older commit's dvc.yaml."""

Files = Mapping[str, str]
"""The metrics files of one commit: path below the study to the hash of its blob."""


@dataclass(frozen=True)
class Metric:
    """A number of a metrics file, by its dotted name."""

    file: str
    name: str

    def __str__(self) -> str:
        return f"{self.file}:{self.name}" if self.name else self.file


@dataclass(frozen=True)
class Content:
    """The values of one version of a metrics file by dotted names, or why it has none."""

    values: Mapping[str, object] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True)
class MetricsFiles:
    """The metrics files of each commit, and the content of each blob.

    `patterns` are the stages' metrics files in the newest dvc.yaml, the last stage's first, since
    a pipeline ends in what it is for.
    """

    commits: Sequence[Commit]
    files: Sequence[Files]
    contents: Mapping[str, Content]
    patterns: Sequence[str]
    notes: list[str] = field(default_factory=list)

    @cached_property
    def metrics(self) -> list[Metric]:
        """The metrics of all commits, by file and name."""
        versions = {item for files in self.files for item in files.items()}
        metrics = {
            Metric(path, name)
            for path, blob in versions
            if blob in self.contents
            for name in self.contents[blob].values
        }
        return sorted(metrics, key=str)

    @cached_property
    def newest(self) -> list[Metric]:
        """The stages' metrics in the newest commit that has any: those that are numbers."""
        per_commit = ([*dict.fromkeys(self._numbers(files))] for files in reversed(self.files))
        return next((metrics for metrics in per_commit if metrics), [])

    def _numbers(self, files: Files) -> Iterator[Metric]:
        for pattern in self.patterns:
            for path in sorted(files):
                if fnmatchcase(path, glob(pattern)) and files[path] in self.contents:
                    values = self.contents[files[path]].values
                    yield from (Metric(path, name) for name, v in values.items() if is_number(v))

    def values(self, metric: Metric, absent: object) -> list[object]:
        """Return the value of a metric at each commit, or `absent` where it has none."""
        blobs = [files.get(metric.file, "") for files in self.files]
        value = {
            blob: self.contents[blob].values.get(metric.name, absent)
            for blob in {*blobs} & self.contents.keys()
        }
        return [value.get(blob, absent) for blob in blobs]


def read(project: Project, commits: Sequence[Commit], names: Sequence[str]) -> MetricsFiles:
    """Read the metrics files of all commits that the names may mean, through one git process.

    Errors:
        ProjectError: git cannot read its own objects.
    """
    prefix = git.prefix(project.root)
    with Objects(project.root) as objects:
        newest = State(project.root, "the newest commit", commits[-1].hash, "", objects)
        patterns, notes = _patterns(newest)
        folders = dict.fromkeys([*map(posixpath.dirname, patterns), FOLDER])
        files = read_files(objects, commits, prefix, folders, _filter(names, patterns))
        contents = read_contents(
            objects, {blob: path for paths in files for path, blob in paths.items()}
        )
        if absent := [p for p in patterns if not any(fnmatchcase(f, glob(p)) for f in files[-1])]:
            cached = [*_cached_files(objects, commits, prefix, newest, absent)]
            contents |= {c: _cached_content(p, c) for outs in cached for p, c in outs.items()}
            files = [{**outs, **tracked} for outs, tracked in zip(cached, files, strict=True)]
    return MetricsFiles(commits, files, contents, patterns, notes)


def _cached_files(
    objects: Objects,
    commits: Sequence[Commit],
    prefix: str,
    newest: State,
    absent: Sequence[str],
) -> Iterator[dict[str, str]]:
    """Yield each commit's metrics files that DVC keeps: path to the file in its cache, or ""."""
    from headrace.core import dvc_cache  # most studies keep their metrics in git

    store, is_wanted = dvc_cache.store_of(newest.root), _filter([], absent)
    for commit in commits:
        outs: list[File] = []
        with suppress(ProjectError):  # an older commit's dvc.lock may be broken
            read = partial(_read, objects, f"{commit.hash}:{prefix}")
            records = pipeline.records(newest.pipelines, read).values()
            outs = [out for record in records for out in record.outs]
        wanted = [out for out in outs if is_wanted(out.path) or _holds(out.path, absent)]
        yield {
            file.path: str(store.find(file) or "")
            for file in store.files(wanted)
            if is_wanted(file.path) or is_wanted(posixpath.dirname(file.path))
        }


def _holds(folder: str, paths: Iterable[str]) -> bool:
    return any(path.startswith(f"{folder}/") for path in paths)


def _read(objects: Objects, folder: str, path: str) -> bytes | None:
    return objects.read(f"{folder}{path}")


def _cached_content(path: str, cached: str) -> Content:
    if not cached:
        return Content(problem="is not in DVC's cache (dvc fetch --all-commits)")
    return parse(Path(cached).read_bytes(), path)


def _patterns(newest: State) -> tuple[list[str], list[str]]:
    """Return the stages' metrics files in the newest dvc.yaml, and a note where it is broken.

    After those of its stages come patterns, for the files of members that a matrix has no more.
    """
    try:
        stages = [*newest.stages.values()]
        top_level = [metric.path for p in newest.pipelines for metric in p.metrics]
        patterns = [
            path for p in newest.pipelines for path in pipeline.metric_patterns(p.content, p.file)
        ]
    except ProjectError as error:
        return [f"{FOLDER}/*.json"], [f"All of {FOLDER}/*.json are read. {error}"]
    files = [metric.path for stage in reversed(stages) for metric in stage.metrics] + top_level
    files = [file for path in files for file in newest.files_in(path) or [path]]
    files += [pattern for pattern in patterns if "*" in pattern]
    files = [path for path in dict.fromkeys(files) if not path.startswith(f"{COSTS}/")]
    return files if stages or files else [f"{FOLDER}/*.json"], []


def _filter(names: Sequence[str], patterns: Sequence[str]) -> Callable[[str], bool]:
    """Return whether a path is a metrics file that the names may mean."""
    files = [name.partition(":")[0] for name in names if ":" in name]
    is_limited = bool(files) and len(files) == len(names)

    def is_wanted(path: str) -> bool:
        if is_limited and not any(fnmatchcase(path, glob(file)) for file in files):
            return False
        is_listed = any(fnmatchcase(path, glob(pattern)) for pattern in patterns)
        is_older = posixpath.dirname(path) == FOLDER and path.endswith(".json")
        return is_listed or (is_older and bool(names))

    return is_wanted


def read_files(
    objects: Objects,
    commits: Sequence[Commit],
    prefix: str,
    folders: Iterable[str],
    is_wanted: Callable[[str], bool],
) -> Sequence[Files]:
    """Return each commit's metrics files; `prefix` leads from the repository's top to the study.

    Whole folders are read, so that a file that only older commits have is found too. A tree that
    several commits share is parsed once.
    """
    listed = [*folders]
    names = [
        f"{commit.hash}:{prefix}{folder}".rstrip("/") for commit in commits for folder in listed
    ]
    trees: dict[tuple[str, str], dict[str, str]] = {}
    files: list[dict[str, str]] = [{} for _ in commits]
    for place, tree in enumerate(objects.read_many(names)):
        if tree is None or tree.kind != "tree":
            continue
        folder = listed[place % len(listed)]
        if (folder, tree.hash) not in trees:
            entries = _tree_entries(tree.content, len(tree.hash) // 2, folder)
            trees[folder, tree.hash] = {path: blob for path, blob in entries if is_wanted(path)}
        files[place // len(listed)].update(trees[folder, tree.hash])
    return files


def _tree_entries(content: bytes, hash_size: int, folder: str) -> Iterator[tuple[str, str]]:
    """Yield path and blob of each plain file in a git tree; a hash has `hash_size` bytes.

    Source: the format of `git cat-file tree`, "MODE NAME", a NUL byte, the hash as bytes.
    """
    start = 0
    while start < len(content):
        end = content.index(b"\0", start)
        mode, _, name = content[start:end].partition(b" ")
        start = end + 1 + hash_size
        if mode.startswith(b"100"):  # 40000 is a folder, 120000 a link, 160000 a submodule
            path = posixpath.join(folder, name.decode("utf-8", "surrogateescape"))
            yield path, content[end + 1 : start].hex()


def read_contents(objects: Objects, paths: Mapping[str, str]) -> dict[str, Content]:
    """Return the content of each of the blobs, which have these paths.

    Errors:
        ProjectError: git can read none of them: it has ended, or its folder is broken.
    """
    distinct = [*paths]
    texts = [None if blob is None else blob.content for blob in objects.read_many(distinct)]
    if distinct and not any(text is not None for text in texts):
        raise ProjectError("git cannot read the metrics files it lists. Next: git fsck")
    return {
        blob: Content(problem="is not in this clone") if text is None else parse(text, paths[blob])
        for blob, text in zip(distinct, texts, strict=True)
    }


def parse(text: bytes, path: str) -> Content:
    """Return the values of a metrics file, whatever their types."""
    try:
        return Content(dict(leaves(metrics.named(metrics.parse(text, path)))))
    except RecursionError:
        return Content(problem="is nested too deeply")
    except ValueError as error:
        return Content(problem=str(error))
