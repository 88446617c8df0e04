"""What a stage reads, watched: the promised bytes before its first cell, the same ones at its end.

DVC hashes deps and parameters when a stage has ended, so without this an edit in mid-run would be
recorded as what the stage ran with.
"""

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from headrace.core import hash_cache, param_files, promises
from headrace.core.hash_cache import HashCache, Signature
from headrace.core.metrics import is_same
from headrace.core.project import Project
from headrace.core.stage import Stage, file_name
from headrace.errors import DataError, HeadraceError, StageError
from headrace.execution import isolation

LEFT_OUT = {"__pycache__", ".ipynb_checkpoints"}
"""Folders in a dep that come and go."""
AGAIN = "again"


@dataclass(frozen=True)
class _File:
    """A file as it was before the first cell."""

    signature: Signature
    md5: str


class Inputs:
    """The deps and parameters of a stage as they are now; hashes large files that are new."""

    def __init__(self, project: Project, stage: Stage) -> None:
        self._project, self._stage = project, stage
        self._root = project.root
        self._cache = HashCache(project.root)
        self._parameters = self._read_parameters()
        with _readable(self._root):
            self._files = dict(self._listed())
        self._save()

    def require_promised(self) -> None:
        """Compare what other stages, or people by `dvc add`, made with what was written down.

        Outside of DVC, what `headrace run` itself made last is taken too: nothing is recorded.

        Errors:
            DataError: a file has other bytes; the message says what brings the right ones back.
        """
        if isolation.active():  # in a clean room an earlier stage may have made others
            return
        wrong = {}
        for name, promise in promises.of_stage(self._project, self._stage).items():
            path = self._root / name
            file = self._files.get(path) or (self._file(path) if path.is_file() else None)
            if file and file.md5 != promise.file.md5 and not self._is_made_by_hand(path):
                wrong[self._describe(promise, file.md5)] = promise.restore_command(self._root)
        if wrong:
            problems, steps = "\n".join(wrong), ", then ".join(wrong.values())
            name = file_name(self._stage.name)
            raise DataError(f"{problems}\nStage {name} did not begin. Next: {steps}")

    def _is_made_by_hand(self, path: Path) -> bool:
        return "DVC_STAGE" not in os.environ and self._cache.is_made(path)

    def _describe(self, promise: promises.Promise, md5: str) -> str:
        name = promise.file.path
        broken = promise.broken_objects(self._root)
        own = f" So has DVC's own copy, {', '.join(broken)}." if broken else ""
        return (
            f"{name} has other bytes than {promise.source} promises (MD5 {md5}, not"
            f" {promise.file.md5}).{own}"
        )

    def require_unchanged(self, _: bool = False) -> None:
        """Compare deps and parameters with what they were; record what the stage made.

        Errors:
            StageError: some changed, or were replaced and put back.
        """
        if isolation.active():  # only the stage itself can write there, and verify reports it
            return
        name = file_name(self._stage.name)
        files = self._changed_files()
        again = [file for file, problem in files.items() if problem == AGAIN]
        lines = [*self._changed_parameters(name)]
        lines += [f"{file} changed while {name} ran." for file in files if file not in again]
        step = f"Next: run it again: {self._stage.command()}"
        if again and not lines:
            target = shlex.quote(self._stage.target)
            step += f" (or dvc commit -f {target}, if you know that it read these bytes)"
        lines += [
            f"{file} was written while {name} ran and has the same bytes again: {name} may have"
            " read others."
            for file in again
        ]
        if lines:
            raise StageError("\n".join([*lines, step]))
        if "DVC_STAGE" not in os.environ:
            outs = (self._root / out.path for out in self._stage.outs)
            self._cache.add_made(path for path in outs if path.is_file())
            self._save()

    def _read_parameters(self) -> dict[tuple[str, str], Any]:
        contents = param_files.read([self._stage], self._project.read)
        return param_files.values(self._stage.params, contents)

    def _changed_parameters(self, name: str) -> Iterator[str]:
        try:
            now = self._read_parameters()
        except HeadraceError as error:
            problem = str(error).partition("Next:")[0].rstrip()
            yield f"Parameters changed while {name} ran: {problem}"
            return
        for key in dict.fromkeys([*self._parameters, *now]):
            for what in _differences(key[1], self._parameters.get(key), now.get(key)):
                yield f"{key[0]} changed while {name} ran: {what}."

    def _changed_files(self) -> dict[str, str]:
        """Return the files that were written, with `AGAIN` where the bytes are the same."""
        with _readable(self._root):
            paths = {*self._files, *self._paths()}
        differences = {path: self._difference(path) for path in paths}
        return {
            os.path.relpath(path, self._root): problem
            for path, problem in sorted(differences.items())
            if problem and not self._is_ignored(path)
        }

    def _difference(self, path: Path) -> str:
        before = self._files.get(path)
        try:
            if before is None or hash_cache.signature(path) == before.signature:
                return "new" if before is None else ""
            now = self._file(path)
        except OSError:
            return "gone"
        if now.md5 != before.md5:
            return "changed"
        # A hard link or an attribute changes the time of change alone; the notebook is read once.
        is_touched = now.signature[:3] == before.signature[:3]
        is_notebook = path == self._root / self._stage.notebook
        return "" if is_touched or is_notebook else AGAIN

    def _is_ignored(self, path: Path) -> bool:
        """Tell whether DVC ignores a file in a folder that is a dep."""
        if any(self._root / dep.path == path for dep in self._stage.deps):
            return False
        return bool(self._dvcignore.is_ignored_file(str(path)))

    @cached_property
    def _dvcignore(self) -> Any:
        from dvc.fs import localfs  # slow, and only for a folder that changed
        from dvc.ignore import DvcIgnoreFilter

        return DvcIgnoreFilter(localfs, str(self._root))

    def _listed(self) -> Iterator[tuple[Path, _File]]:
        for path in self._paths():
            with suppress(FileNotFoundError):  # an editor's own, gone since it was listed
                yield path, self._file(path)

    def _paths(self) -> Iterator[Path]:
        """Yield the files of the deps."""
        for path in (self._root / dep.path for dep in self._stage.deps):
            if path.is_file():
                yield path
                continue
            for parent, folders, names in os.walk(path, onerror=_raise_if_refused):
                folders[:] = [name for name in folders if name not in LEFT_OUT]
                yield from (file for name in names if (file := Path(parent, name)).is_file())

    def _file(self, path: Path) -> _File:
        return _File(hash_cache.signature(path), self._cache.md5(path))

    def _save(self) -> None:
        if not isolation.active():
            self._cache.save()


def _raise_if_refused(error: OSError) -> None:
    if isinstance(error, PermissionError):
        raise error


@contextmanager
def _readable(root: Path) -> Iterator[None]:
    """Say which file or folder is one that this user may not read."""
    try:
        yield
    except PermissionError as error:
        path = os.path.relpath(error.filename, root)
        raise DataError(
            f"{path} cannot be read: {error.strerror}. Next: chmod u+rX {shlex.quote(path)}"
        ) from None


def _differences(name: str, before: Any, now: Any) -> Iterator[str]:
    """Yield what changed in a parameter, by the names of the values in a block."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in dict.fromkeys([*before, *now]):
            yield from _differences(f"{name}.{key}", before.get(key), now.get(key))
    elif not is_same(before, now):
        yield f"{name} was {before!r} and is {now!r}"
