"""Messages on what a stage did in its room and does not declare; each names file and next step."""

import json
import re
import shlex
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import headrace
from headrace.core.imports import has_code
from headrace.core.lockfile import Record
from headrace.core.project import Project
from headrace.core.requirements import NAME as LOCK
from headrace.core.requirements import VENDOR
from headrace.core.stage import MAIN, PARAMS
from headrace.verify.clean_room import Room, Snapshot

RUNNER_READS = (MAIN, PARAMS, "pyproject.toml")
"""What the runner reads for every stage; DVC compares their contents itself."""

HEADRACE = Path(headrace.__file__).parent
"""Our own files, which an editable install leaves outside of Python's folder."""

SYSTEM = ("/usr", "/lib", "/bin", "/etc", "/proc", "/sys", "/dev", "/run", "/var", "/opt")
"""The operating system's folders, which hold no study's data."""

PATH = re.compile(r"""['"]([^'"\n]{1,300})['"]|([\w./-]+/[\w.-]+\w)""")
MODULE = re.compile(r"No module named '([\w.]+)'")
NAME = re.compile(r"cannot import name '(\w+)' from '([\w.]+)'")


def missing_inputs(project: Project, stage: str, room: Room) -> Iterator[str]:
    """Name the study's files that a failed stage looked for, and that its room does not have."""
    log = room.log.read_text("utf-8", "replace")
    names = {*_paths(log, room), *_modules(log, project), *_opened(room)}
    for name in sorted(names):
        if (room.study / name).exists() or not (project.root / name).is_file():
            continue
        problem = f"stage {stage} reads {name}, which is not among its deps"
        if not _is_in_dvc(project, name):
            step = f"git add {shlex.quote(name)}, or dvc add it"
            problem += f" and is tracked by neither git nor DVC. Next: {step}"
        yield problem


def _is_in_dvc(project: Project, name: str) -> bool:
    """Tell whether a file or its folder is an out of a stage, or was added by `dvc add`."""
    outs = {out.path for record in project.records.values() for out in record.outs}
    parts = (Path(name), *Path(name).parents)
    return any(
        part.as_posix() in outs or (project.root / f"{part}.dvc").is_file() for part in parts
    )


def _paths(log: str, room: Room) -> Iterator[str]:
    """Yield what may be a path: in quotation marks, as errors show them, or with a slash."""
    for quoted, bare in PATH.findall(log):
        path = Path(quoted or bare)
        relative = path if not path.is_absolute() else _relative(path, room.study)
        if relative is not None and ".." not in relative.parts:
            yield relative.as_posix()


def _modules(log: str, project: Project) -> Iterator[str]:
    """Yield the files of the modules whose import failed."""
    names = [*MODULE.findall(log), *(f"{package}.{name}" for name, package in NAME.findall(log))]
    source = project.source.relative_to(project.root)
    for name in names:
        yield (source / name.replace(".", "/")).with_suffix(".py").as_posix()


def _opened(room: Room) -> Iterator[str]:
    for path in _events(room, "read"):
        if (relative := _relative(Path(path), room.study)) is not None:
            yield relative.as_posix()


def _events(room: Room, kind: str) -> list[str]:
    """Return the paths that the stage opened ("read"), or the hosts that it contacted ("asked")."""
    if not room.events.exists():
        return []
    events = map(json.loads, room.events.read_text("utf-8").splitlines())
    return [subject for event, subject in events if event == kind]


def undeclared_inputs(
    project: Project, stage: str, record: Record, room: Room, changed: Collection[str]
) -> Iterator[str]:
    """Name files that a stage opened and that are neither its deps nor files that it wrote."""
    files = (file.path for file in (*record.deps, *record.outs))
    declared = {*changed, *record.params, *files}
    for name in _events(room, "read"):
        path = Path(name).resolve()
        relative = _relative(path, room.study.resolve())
        if path.suffix == ".pyc" or not path.is_file():  # what was deleted again was no input
            continue
        if relative is None:
            if not _is_of_the_machine(path, project, room):
                yield f"stage {stage} reads {path}, which lies outside the study"
        elif not _covers(declared, relative) and not _is_of_the_runner(relative, path, declared):
            yield (
                f"stage {stage} reads {relative.as_posix()}, which is not among its deps."
                " Next: add it to them in dvc.yaml"
            )


def _covers(declared: Collection[str], relative: Path) -> bool:
    return any(part.as_posix() in declared for part in (relative, *relative.parents))


def _is_of_the_runner(relative: Path, path: Path, declared: Collection[str]) -> bool:
    """Tell whether a file is the runner's own, a wheel of the lock, or an empty __init__.py."""
    return (
        relative.parts[0] in ("runs", ".headrace")
        or relative.as_posix() in RUNNER_READS
        or (relative.parts[0] == VENDOR and LOCK in declared)  # the lock has the wheels' hashes
        or (relative.name == "__init__.py" and not has_code(path))
    )


def _is_of_the_machine(path: Path, project: Project, room: Room) -> bool:
    """Tell whether a file is the room's, Python's or the system's."""
    python = (room.path, Path(sys.prefix), Path(sys.base_prefix), HEADRACE)
    if any(path.is_relative_to(folder.resolve()) for folder in python):
        return True
    is_system = any(path.is_relative_to(Path(folder).resolve()) for folder in SYSTEM)
    return is_system and not path.is_relative_to(project.root)  # a study may lie below /opt


def network(stage: str, room: Room) -> Iterator[str]:
    """Name the hosts that a stage contacted."""
    for host in _events(room, "asked"):
        yield (
            f"stage {stage} accesses the network: {host}. Next: download the data once,"
            " outside the pipeline, and track it: dvc import-url, or dvc add"
        )


def undeclared_outputs(
    stage: str, before: Snapshot, after: Snapshot, declared: Collection[str]
) -> Iterator[str]:
    """Name files that a stage added, changed or removed, and that are not among its outs."""
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) == after.get(name) or _covers(declared, Path(name)):
            continue
        verb = "removes" if name not in after else "changes" if name in before else "writes"
        yield (
            f"stage {stage} {verb} {name}, which is not among its outs."
            " Next: add it to them in dvc.yaml, or write it elsewhere"
        )


def _relative(path: Path, folder: Path) -> Path | None:
    return path.relative_to(folder) if path.is_relative_to(folder) else None
