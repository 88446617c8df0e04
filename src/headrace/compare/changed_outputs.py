"""The outputs that differ between two states, and the bytes of each."""

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
"""What bytes are read from: a file, or the content of a blob."""

Find = Callable[[File], Path | None]
"""Finds the file with a hash's bytes, such as in DVC's cache; None where there is none."""


@dataclass(frozen=True)
class Changed:
    """An output by its path, with its entries in both dvc.lock files; None where one has none."""

    path: str
    old: File | None
    new: File | None


def changed_outputs(old: State, new: State, find: Find, *suffixes: str) -> list[Changed]:
    """Return the outputs of these suffixes whose bytes differ, those in folders among them."""
    before, after = (
        {file.path: file for file in _files(state, find) if file.path.endswith(suffixes)}
        for state in (old, new)
    )
    pairs = [Changed(path, before.get(path), after.get(path)) for path in sorted({*before, *after})]
    return [pair for pair in pairs if _md5(pair.old) != _md5(pair.new)]


def _md5(file: File | None) -> str | None:
    return file.md5 if file is not None else None


def _files(state: State, find: Find) -> Iterator[File]:
    """Yield the outputs of a state's stages; those in a folder where its list can be found."""
    for record in state.lock.values():
        for out in record.outs:
            yield from _folder_files(out, find) if out.is_folder else (out,)


def _folder_files(folder: File, find: Find) -> Iterator[File]:
    path = find(folder)
    if path is None or not path.is_file():
        return
    for entry in json.loads(path.read_text("utf-8")):
        # DVC's list has no sizes: 0 stands for a size that is not known.
        yield File(f"{folder.path}/{entry['relpath']}", str(entry["md5"]), 0)


def locate(state: State, file: File, find: Find) -> Source:
    """Return where the bytes of a state's output are: in DVC's cache, or in git.

    Errors:
        ProjectError: neither has them; the message names what to fetch.
    """
    path = find(file)
    if path is not None:
        return path
    content = state.read(file.path)  # a small output may be in git alone
    if content is not None and hashlib.md5(content, usedforsecurity=False).hexdigest() == file.md5:
        return io.BytesIO(content)
    raise ProjectError(not_cached(state, file.path))


def not_cached(state: State, path: str) -> str:
    """Return the message about an output whose bytes are not on this machine."""
    commits = "--all-commits " if state.commit is not None else ""
    return (
        f"{path} of {state.name} is not in DVC's cache."
        f" Next: dvc fetch {commits}{shlex.quote(path)}"
    )
