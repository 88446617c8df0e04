"""The outputs that differ between two states, and where the bytes of each are."""

import hashlib
import io
import json
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from headrace.core.lockfile import File
from headrace.core.states import State
from headrace.errors import ProjectError

Source = Path | io.BytesIO
"""Where bytes can be read: a file, or what git has of it."""

Find = Callable[[File], Path | None]
"""Finds a file with the bytes that a hash names, such as in DVC's cache; None where none has."""


@dataclass(frozen=True)
class Changed:
    """An output by its path, and what dvc.lock says of it on both sides; None where it has none."""

    path: str
    old: File | None
    new: File | None


def changed(old: State, new: State, find: Find, *suffixes: str) -> list[Changed]:
    """Return the outputs of these suffixes whose bytes differ, those in folders among them."""
    before, after = (
        {file.path: file for file in _files(state, find) if file.path.endswith(suffixes)}
        for state in (old, new)
    )
    pairs = [Changed(path, before.get(path), after.get(path)) for path in sorted({*before, *after})]
    return [one for one in pairs if _md5(one.old) != _md5(one.new)]


def source(state: State, file: File, find: Find) -> Source:
    """Return where the bytes of an output of a state are: in DVC's cache, or in git.

    Errors:
        ProjectError: neither has them; what to fetch is named.
    """
    found = find(file)
    if found is not None:
        return found
    kept = state.read(file.path)  # a small curve may be in git alone
    if kept is not None and hashlib.md5(kept, usedforsecurity=False).hexdigest() == file.md5:
        return io.BytesIO(kept)
    every = "--all-commits " if state.commit is not None else ""
    raise ProjectError(
        f"{file.path} of {state.name} is not in DVC's cache."
        f" Next: dvc fetch {every}{shlex.quote(file.path)}"
    )


def _md5(file: File | None) -> str | None:
    return file.md5 if file is not None else None


def _files(state: State, find: Find) -> Iterator[File]:
    """Yield the files that a state's stages made; a folder's only where its list is at hand."""
    for record in state.lock.values():
        for out in record.outs:
            yield from _inside(out, find) if out.is_folder else (out,)


def _inside(folder: File, find: Find) -> Iterator[File]:
    listed = find(folder)
    if listed is None or not listed.is_file():
        return
    for entry in json.loads(listed.read_text("utf-8")):
        yield File(f"{folder.path}/{entry['relpath']}", str(entry["md5"]), 0)
