"""What dvc.lock and .dvc files promise of the files that a stage reads, and what brings them back.

DVC itself trusts what it remembers of a file by inode, size and time of modification, and an object
of its cache by the write protection, so wrong bytes may lie under a right hash.
"""

import json
import os
import posixpath
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from headrace.core import dvc_cache, lockfile, pipeline, yaml
from headrace.core.dvc_cache import Store
from headrace.core.entry import Entry
from headrace.core.lockfile import File, Record
from headrace.core.pipeline import Pipeline
from headrace.core.project import Project
from headrace.core.stage import MAIN, Stage
from headrace.errors import DataError, ProjectError

Hash = Callable[[Path], str]
"""Returns a file's MD5."""


@dataclass(frozen=True)
class Promise:
    """A file that another stage or a person made, with its hash and where that is written down."""

    file: File
    """Its path is from the study on."""
    source: str
    """The dvc.lock or .dvc file."""
    target: str
    """What DVC calls it: the file, or the folder that it lies in."""
    command: str = ""
    """What makes it again, where a stage does or it was imported."""
    is_cached: bool = True

    def broken_objects(self, root: Path, md5: Hash = lockfile.md5) -> list[str]:
        """Return the objects under its hash, in DVC's cache and remotes here, with other bytes."""
        objects = dvc_cache.store_of(root).objects(self.file)
        return [os.path.relpath(path, root) for path in objects if md5(path) != self.file.md5]

    def restore_command(self, root: Path, md5: Hash = lockfile.md5) -> str:
        """Return what brings its bytes back, into DVC's cache too where that has others."""
        store, broken = dvc_cache.store_of(root), self.broken_objects(root, md5)
        cached = next(dvc_cache.Store(store.folders[:1], root).objects(self.file), None)
        removal = shlex.join(["rm", "-f", self.file.path, *broken])
        target = shlex.quote(self.target)
        if self.is_cached and cached and os.path.relpath(cached, root) not in broken:
            step = f"{removal} && dvc checkout {target}"
        elif self.is_cached and dvc_cache.remotes(root):
            step = f"{removal} && dvc pull {target}"
            step += f" (or, if the remote has no better one, {self.command})" * bool(self.command)
        elif self.command:
            return f"{removal} && {self.command}"
        else:
            step = f"{removal}, copy the file from where you had it, and dvc add {target}"
        return step if self.command else f"dvc add {target} if you meant to change it, or {step}"


def of_stage(project: Project, stage: Stage) -> dict[str, Promise]:
    """Return the promises of the files among a stage's deps, or below one, by their paths.

    Errors:
        ProjectError: the pipeline's dvc.lock cannot be read.
        DataError: the list of a folder's files, in DVC's cache, is not what its name says.
    """
    files = dict.fromkeys([MAIN, stage.file, *_pipelines_near(project.root, stage.deps)])
    promises = [*_of_outs(project, files, stage), *_of_dvc_files(project.root, stage.deps)]
    return {
        path: promise
        for path, promise in _by_file(project, promises, stage.deps).items()
        if any(dep.covers(path) for dep in stage.deps)
    }


def of_all(project: Project) -> dict[str, Promise]:
    """Return the promises of all files that a stage makes or reads, by their paths.

    Errors:
        See `of_stage`.
    """
    deps = [dep for stage in project.all_stages.values() for dep in stage.deps]
    files = pipeline.names(project.root)
    promises = [*_of_outs(project, files), *_of_dvc_files(project.root, deps)]
    return _by_file(project, promises)


def _by_file(
    project: Project, promises: Iterable[Promise], deps: Sequence[Entry] | None = None
) -> dict[str, Promise]:
    """Return the promises of single files; of folders, only those that some deps meet."""
    store = dvc_cache.store_of(project.root)
    return {
        file.path: replace(promise, file=file)
        for promise in promises
        if deps is None or any(dep.meets(promise.file.path) for dep in deps)
        for file in _files(promise.file, store)
    }


def _of_outs(
    project: Project, files: Iterable[str], reader: Stage | None = None
) -> Iterator[Promise]:
    """Yield the promises of the outs of pipeline files, but for those of the reader itself."""
    own = (reader.name, reader.file) if reader else ("", "")
    for name in files:
        with _tolerated(name not in (MAIN, own[1])):
            stages = project.stages if name == MAIN else pipeline.read(project.root, name)
            records = stages.located(lockfile.read((project.root / name).parent))
            for record_name, record in records.items():
                if (record_name, name) != own:
                    yield from _of_record(stages, record_name, record, reader)


def _of_record(
    stages: Pipeline, name: str, record: Record, reader: Stage | None
) -> Iterator[Promise]:
    """Yield what a stage's record says of its outs, of those that a reader reads."""
    for out in record.outs:
        is_read = reader is None or any(dep.meets(out.path) for dep in reader.deps)
        stage = stages.get(name)
        # A record is older than dvc.yaml where an out has moved to another stage since.
        if is_read and stage and any(entry.covers(out.path) for entry in stage.outs):
            yield _of_out(stage, out)


def _tolerated(another: bool) -> suppress:
    """Let a mistake in another pipeline file be: a stage does not depend on it."""
    return suppress(*([ProjectError] if another else []))


def _of_out(stage: Stage, out: File) -> Promise:
    lock = posixpath.join(posixpath.dirname(stage.file), lockfile.NAME)
    is_cached = all(entry.is_cached for entry in stage.outs if entry.covers(out.path))
    return Promise(out, lock, out.path, stage.command(), is_cached)


def _of_dvc_files(root: Path, deps: list[Entry]) -> Iterator[Promise]:
    """Yield the promises of the .dvc files in the folders of the deps, above, and below them."""
    paths = _paths(root, deps)
    found = [path for folder in _folders(root, paths) for path in folder.glob("*.dvc")]
    found += [path for folder in paths if folder.is_dir() for path in folder.rglob("*.dvc")]
    for path in dict.fromkeys(path for path in found if path.is_file()):
        name = Path(os.path.relpath(path, root)).as_posix()
        with suppress(ProjectError, OSError):  # DVC itself says what is wrong with it
            content = yaml.parse(path.read_bytes(), name)
            update = f"dvc update {shlex.quote(name)}" if content.get("deps") else ""
            folder = posixpath.join(posixpath.dirname(name), str(content.get("wdir", "")))
            for entry in yaml.or_empty(content.get("outs"), list):
                if isinstance(entry, dict) and "md5" in entry and "path" in entry:
                    file = lockfile.file_of(entry)
                    where = posixpath.normpath(posixpath.join(folder, file.path))
                    yield Promise(replace(file, path=where), name, where, update)


def _pipelines_near(root: Path, deps: list[Entry]) -> Iterator[str]:
    """Yield the pipeline files in the deps and in the folders above: a stage walks no study."""
    paths = _paths(root, deps)
    for folder in sorted({*paths, *_folders(root, paths)}):
        is_inside = folder.is_relative_to(root) and ".." not in folder.parts
        if is_inside and (folder / MAIN).is_file():
            yield (folder / MAIN).relative_to(root).as_posix()


def _paths(root: Path, deps: list[Entry]) -> list[Path]:
    """Return the paths of deps; none for those on other machines."""
    return [root / dep.path for dep in deps if "://" not in dep.path]


def _folders(root: Path, paths: Iterable[Path]) -> list[Path]:
    """Return the folders above some paths, up to the study's."""
    parents = {parent for path in paths for parent in path.parents}
    return sorted(parent for parent in parents if parent.is_relative_to(root))


def _files(file: File, store: Store) -> Iterator[File]:
    """Yield a file that has a hash; of a folder, the files in its list, where DVC's cache has it.

    A file that is not in the list is one that DVC ignores, or a change that DVC sees itself.
    """
    if not file.is_folder:
        if file.md5:
            yield file
        return
    for path in store.objects(file):
        if lockfile.md5(path) + lockfile.FOLDER != file.md5:
            raise DataError(
                f"{path}, DVC's list of the files in {file.path}, has other bytes than its name"
                f" says. Next: rm -f {shlex.quote(str(path))}, then dvc pull or dvc repro"
            )
        for member in json.loads(path.read_text("utf-8")):
            yield File(f"{file.path}/{member['relpath']}", str(member["md5"]), 0)
        return
