"""What a commit holds of a study: outs, metrics, parameters and gates, with their hashes."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, TypeVar, cast

from headrace.compare import metrics
from headrace.core import identity, lockfile, yaml
from headrace.core.git import Object, Objects
from headrace.core.identity import Moment
from headrace.core.pipeline import metric_patterns
from headrace.core.stage import MAIN, PARAMS
from headrace.errors import ProjectError
from headrace.execution import resource_usage
from headrace.gates import model

FILES = (lockfile.NAME, MAIN, PARAMS, model.NAME)
Content = TypeVar("Content")


@dataclass(frozen=True)
class Metrics:
    """A metrics file: the MD5 of its bytes, and its numbers by their dotted names."""

    md5: str
    numbers: Mapping[str, float]


@dataclass(frozen=True)
class Snapshot:
    """A commit: `tree` is the hash of the study's folder in it, `outs` the MD5s of its dvc.lock."""

    commit: str
    tree: str
    author: Moment
    subject: str
    lock: str = ""
    """The sha256 of dvc.lock; nothing where there is none."""
    outs: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Metrics | None] = field(default_factory=dict)
    """By file; None where dvc.yaml names one that the commit does not hold."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    gates: bytes = b""
    problems: tuple[str, ...] = ()
    """What could not be read."""


class SnapshotReader:
    """Reads many commits through one process, and parses each distinct file once."""

    def __init__(self, objects: Objects, prefix: str) -> None:
        self._objects, self._prefix = objects, prefix
        self._parsed: dict[tuple[str, str, str], Any] = {}

    def read(self, commits: Sequence[str]) -> dict[str, Snapshot]:
        """Return what each commit holds; a commit that git has lost is left out."""
        # All objects are asked for at once: one round through the process, not one per commit.
        folder = self._prefix.rstrip("/")
        names = [
            name
            for commit in commits
            for name in (commit + "^{commit}", f"{commit}:{folder}", *self._paths(commit, FILES))
        ]
        objects = self._objects.read_many(names)
        snapshots, files = list[Snapshot](), list[list[str]]()
        for digest in commits:
            commit, tree, *blobs = (next(objects) for _ in range(2 + len(FILES)))
            if commit is not None:
                snapshot, metrics_files = self._snapshot(digest, commit, tree, blobs)
                snapshots.append(snapshot)
                files.append(metrics_files)
        return {snapshot.commit: snapshot for snapshot in self._with_metrics(snapshots, files)}

    def _paths(self, commit: str, files: Iterable[str]) -> list[str]:
        return [f"{commit}:{self._prefix}{file}" for file in files]

    def _snapshot(
        self, digest: str, commit: Object, tree: Object | None, blobs: Sequence[Object | None]
    ) -> tuple[Snapshot, list[str]]:
        """Return a snapshot without metrics, and the metrics files to read."""
        problems: list[str] = []
        lock, pipeline, params, gates = blobs
        outs = self._parse(lock, lockfile.NAME, _outs, problems) or {}
        stages = self._parse(pipeline, "dvc.yaml", _pipeline, problems) or {}
        header, _, message = commit.content.decode("utf-8", "backslashreplace").partition("\n\n")
        snapshot = Snapshot(
            digest,
            tree.hash if tree else "",
            identity.author_of(header),
            message.partition("\n")[0],
            lock=hashlib.sha256(lock.content).hexdigest() if lock and lock.kind == "blob" else "",
            outs=outs,
            parameters=self._parse(params, PARAMS, yaml.parse, problems) or {},
            gates=gates.content if gates else b"",
            problems=tuple(problems),
        )
        return snapshot, [*_metrics_files(stages, outs)]

    def _with_metrics(
        self, snapshots: Sequence[Snapshot], files: Sequence[Sequence[str]]
    ) -> Iterator[Snapshot]:
        # A second round, since only dvc.yaml says which metrics files there are.
        pairs = [*zip(snapshots, files, strict=True)]
        names = [path for snapshot, paths in pairs for path in self._paths(snapshot.commit, paths)]
        objects = self._objects.read_many(names)
        for snapshot, paths in pairs:
            values = {path: self._parse(next(objects), path, _metrics, []) for path in paths}
            yield replace(snapshot, metrics=values)

    def _parse(
        self,
        blob: Object | None,
        name: str,
        parse: Callable[[bytes, str], Content],
        problems: list[str],
    ) -> Content | None:
        """Return a file's content; None where it is missing, or cannot be read: a problem.

        `parse` takes the bytes, and the file's name for messages.
        """
        if blob is None or blob.kind != "blob":
            return None
        # Most commits of a history share their files, and YAML is slow to parse. The name is in
        # the key, because two files may have the same bytes and a problem names its file.
        key = (blob.hash, name, parse.__name__)
        if key not in self._parsed:
            try:
                self._parsed[key] = parse(blob.content, name)
            except ProjectError as error:
                self._parsed[key] = error
        content = self._parsed[key]
        if isinstance(content, ProjectError):
            problems.append(str(content))
            return None
        return cast(Content, content)


def _outs(text: bytes, _: str) -> dict[str, str]:
    records = lockfile.parse(text).values()
    return {out.path: out.md5 for record in records for out in record.outs}


def _pipeline(text: bytes, name: str) -> dict[str, Any]:
    return yaml.parse(text, name, json_only=False)


def _metrics(text: bytes, file: str) -> Metrics:
    # MD5 is the name that DVC gives a file; nothing here relies on its strength.
    md5 = hashlib.md5(text, usedforsecurity=False).hexdigest()
    return Metrics(md5, metrics.parse(text, file).numbers)


def _metrics_files(pipeline: Mapping[str, Any], outs: Iterable[str]) -> Iterator[str]:
    """Yield the metrics files of dvc.yaml, without the cost files; of a matrix stage, its outs."""
    paths: dict[str, None] = {}
    for pattern in metric_patterns(pipeline):
        matches = [out for out in outs if fnmatchcase(out, pattern)]
        paths.update(dict.fromkeys(matches if "*" in pattern else [pattern]))
    return (path for path in paths if not path.startswith(f"{resource_usage.FOLDER}/"))
