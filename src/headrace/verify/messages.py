"""What was found in a room once its stage has ended, in sentences that name file and next step."""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import headrace
from headrace.core import lockfile
from headrace.core.imports import says_something
from headrace.core.lockfile import Record
from headrace.core.project import Project
from headrace.core.requirements import NAME as LOCK
from headrace.verify.clean_room import Room

RUNNERS_READS = ("dvc.yaml", "params.yaml", "pyproject.toml")
"""What the runner reads for every stage; DVC looks at their contents itself."""

VENDOR = "vendor"
"""Wheels that no index has; a stage depends on them by their hashes in requirements.lock."""

HEADRACE = Path(headrace.__file__).parent
"""Our own files, which an editable install leaves outside of Python's folder."""

SYSTEM = ("/usr", "/lib", "/bin", "/etc", "/proc", "/sys", "/dev", "/run", "/var", "/opt")
"""Where an operating system's files are; they are no study's data."""

PATH = re.compile(r"""['"]([^'"\n]{1,300})['"]|([\w./-]+/[\w.-]+\w)""")
MODULE = re.compile(r"No module named '([\w.]+)'")
NAME = re.compile(r"cannot import name '(\w+)' from '([\w.]+)'")


def missing_inputs(project: Project, stage: str, room: Room) -> Iterator[str]:
    """Name files of the study that a stage which failed wanted, and which its room did not hold."""
    said = room.printed.read_text("utf-8", "replace")
    wanted = {*_named(said, room), *_modules(said, project), *_files(room)}
    for name in sorted(wanted):
        if (room.study / name).exists() or not (project.root / name).is_file():
            continue
        if _is_dvcs(project, name):
            yield f"stage {stage} reads {name}, which is not among its deps"
        else:
            yield (
                f"stage {stage} reads {name}, which is not among its deps, and which neither git"
                f" nor DVC tracks. Next: git add {name}, or dvc add {name}"
            )


def _is_dvcs(project: Project, name: str) -> bool:
    """Tell whether a stage makes a file, or DVC tracks it, or a folder that it lies in."""
    outs = {out.path for record in lockfile.read(project.root).values() for out in record.outs}
    parts = (Path(name), *Path(name).parents)
    return any(
        part.as_posix() in outs or (project.root / f"{part}.dvc").is_file() for part in parts
    )


def _named(said: str, room: Room) -> Iterator[str]:
    """Find what may be a path: in quotation marks, as errors show them, or with a slash in it."""
    for quoted, bare in PATH.findall(said):
        path = Path(quoted or bare)
        inside = path if not path.is_absolute() else _inside(path, room.study)
        if inside is not None and ".." not in inside.parts:
            yield inside.as_posix()


def _modules(said: str, project: Project) -> Iterator[str]:
    names = [*MODULE.findall(said), *(f"{package}.{name}" for name, package in NAME.findall(said))]
    source = project.source.relative_to(project.root)
    for name in names:
        yield (source / name.replace(".", "/")).with_suffix(".py").as_posix()


def _files(room: Room) -> Iterator[str]:
    for kind, what in heard(room):
        inside = _inside(Path(what), room.study) if kind == "read" else None
        if inside is not None:
            yield inside.as_posix()


def heard(room: Room) -> list[tuple[str, str]]:
    """Return what the stage opened ("read", path) and whom it asked ("asked", host)."""
    if not room.heard.exists():
        return []
    return [tuple(json.loads(line)) for line in room.heard.read_text("utf-8").splitlines()]


def undeclared_inputs(
    project: Project, stage: str, record: Record, room: Room, written: Iterable[str]
) -> Iterator[str]:
    """Name files that a stage opened, and that are neither its deps nor what it made itself."""
    known = {file.path for file in (*record.deps, *record.outs)} | set(written)
    for kind, what in heard(room):
        path = Path(what).resolve()
        inside = _inside(path, room.study.resolve())
        if kind != "read" or path.suffix == ".pyc" or not path.is_file():
            continue
        if inside is None:
            if not _belongs_to_the_machine(path, project, room):
                yield f"stage {stage} reads {path}, which lies outside the study"
        elif not _declared(inside, known) and not _is_the_runners(inside, path, known):
            yield (
                f"stage {stage} reads {inside.as_posix()}, which is not among its deps."
                " Next: add it to them in dvc.yaml"
            )


def _declared(inside: Path, known: set[str]) -> bool:
    return any(part.as_posix() in known for part in (inside, *inside.parents))


def _is_the_runners(inside: Path, path: Path, known: set[str]) -> bool:
    """Tell whether a file is the runner's own, a wheel in the lock, or an empty __init__.py."""
    runs = inside.parts[0] in ("runs", ".headrace")
    return (
        runs
        or inside.as_posix() in RUNNERS_READS
        or (inside.parts[0] == VENDOR and LOCK in known)
        or (inside.name == "__init__.py" and not says_something(path))
    )


def _belongs_to_the_machine(path: Path, project: Project, room: Room) -> bool:
    """Tell whether a file is the room's, Python's or the system's; the study may lie there too."""
    python = (room.path, Path(sys.prefix), Path(sys.base_prefix), HEADRACE)
    if any(path.is_relative_to(folder.resolve()) for folder in python):
        return True
    system = any(path.is_relative_to(Path(folder).resolve()) for folder in SYSTEM)
    return system and not path.is_relative_to(project.root)


def network(stage: str, room: Room) -> Iterator[str]:
    """Name the hosts that a stage asked for."""
    for kind, what in heard(room):
        if kind == "asked":
            yield (
                f"stage {stage} asks the network for {what}. Next: fetch it once, outside the"
                " pipeline, and keep it: dvc import-url, or dvc add"
            )


def undeclared_outputs(
    stage: str,
    before: dict[str, tuple[int, int, int]],
    after: dict[str, tuple[int, int, int]],
    declared: set[str],
) -> Iterator[str]:
    """Name files that appeared, changed or went in a room and that are no output of the stage."""
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) == after.get(name) or _declared(Path(name), declared):
            continue
        verb = "removes" if name not in after else "changes" if name in before else "writes"
        yield (
            f"stage {stage} {verb} {name}, which is not among its outs."
            " Next: add it to them in dvc.yaml, or write it elsewhere"
        )


def _inside(path: Path, folder: Path) -> Path | None:
    return path.relative_to(folder) if path.is_relative_to(folder) else None
