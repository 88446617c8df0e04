"""What a commit holds of a study, as far as the registry vouches for it."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from headrace.compare import metrics
from headrace.core import identity, lockfile, yaml
from headrace.core.git import Object, Objects
from headrace.core.identity import Moment
from headrace.core.pipeline import metrics_of
from headrace.errors import ProjectError
from headrace.execution import resource_usage
from headrace.gates import model

FILES = (lockfile.NAME, "dvc.yaml", "params.yaml", model.NAME)
Found = TypeVar("Found")


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


class Reader:
    """Reads many commits through one process, and each distinct file once."""

    def __init__(self, objects: Objects, prefix: str) -> None:
        self._objects, self._prefix = objects, prefix
        self._known: dict[tuple[str, str], Any] = {}

    def read(self, commits: Sequence[str]) -> dict[str, Snapshot]:
        """Return what each of the commits holds; git may have lost some of them."""
        folder = self._prefix.rstrip("/")
        names = [
            name
            for commit in commits
            for name in (commit + "^{commit}", f"{commit}:{folder}", *self._paths(commit, FILES))
        ]
        size = 2 + len(FILES)
        found = self._objects.read_many(names)
        rows = ((commit, [next(found) for _ in range(size)]) for commit in commits)
        made = [
            self._snapshot(commit, content, tree, files)
            for commit, (content, tree, *files) in rows
            if content is not None
        ]
        return {one.commit: one for one in self._with_metrics(made)}

    def _paths(self, commit: str, files: Iterable[str]) -> list[str]:
        return [f"{commit}:{self._prefix}{file}" for file in files]

    def _snapshot(
        self, name: str, commit: Object, tree: Object | None, files: Sequence[Object | None]
    ) -> tuple[Snapshot, list[str]]:
        problems: list[str] = []
        lock, pipeline, params, gates = files
        outs = self._parsed(lock, _outs, problems) or {}
        said = self._parsed(pipeline, _yaml("dvc.yaml"), problems) or {}
        head, _, message = commit.content.decode("utf-8", "backslashreplace").partition("\n\n")
        made = Snapshot(
            name,
            tree.hash if tree else "",
            identity.author_of(head),
            message.partition("\n")[0],
            self._parsed(lock, _sha256, problems) or "",
            outs,
            {},
            self._parsed(params, _yaml("params.yaml"), problems) or {},
            gates.content if gates else b"",
            tuple(problems),
        )
        return made, [*_metrics_files(said, outs)]

    def _with_metrics(self, made: Iterable[tuple[Snapshot, list[str]]]) -> Iterator[Snapshot]:
        listed = [*made]
        names = [path for one, files in listed for path in self._paths(one.commit, files)]
        found = self._objects.read_many(names)
        for one, files in listed:
            each = {file: self._parsed(next(found), _metrics(file), []) for file in files}
            yield replace(one, metrics=each)

    def _parsed(
        self, found: Object | None, parse: Callable[[bytes], Found], problems: list[str]
    ) -> Found | None:
        """Return what a file holds, None where it is missing or broken; each blob is read once."""
        if found is None or found.kind != "blob":
            return None
        key = (found.hash, parse.__qualname__)
        if key not in self._known:
            try:
                self._known[key] = parse(found.content)
            except ProjectError as error:
                self._known[key] = error
        if isinstance(known := self._known[key], ProjectError):
            problems.append(str(known))
            return None
        return known  # type: ignore[no-any-return]  # it is what this very function returned before


def _sha256(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def _outs(text: bytes) -> dict[str, str]:
    records = lockfile.parse(text).values()
    return {out.path: out.md5 for record in records for out in record.outs}


def _yaml(name: str) -> Callable[[bytes], dict[str, Any]]:
    def read(text: bytes) -> dict[str, Any]:
        return yaml.parse(text, name)

    return read


def _metrics(file: str) -> Callable[[bytes], Metrics]:
    def read_metrics(text: bytes) -> Metrics:
        md5 = hashlib.md5(text, usedforsecurity=False).hexdigest()
        return Metrics(md5, metrics.parse(text, file).numbers)

    return read_metrics


def _metrics_files(pipeline: Mapping[str, Any], outs: Iterable[str]) -> Iterator[str]:
    """Walk the metrics files that dvc.yaml names, but for those of costs; of a matrix, its outs."""
    found: dict[str, None] = {}
    for metric in metrics_of(dict(pipeline)):
        fitting = [out for out in outs if fnmatchcase(out, metric.path)]
        found.update(dict.fromkeys(fitting if "*" in metric.path else [metric.path]))
    return (path for path in found if not path.startswith(f"{resource_usage.FOLDER}/"))
