"""Rules on the locks: requirements.lock is what is installed, dvc.lock is what lies here."""

import re
import shlex
import sys
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from headrace.core import param_files, requirements, yaml
from headrace.core.entry import Entry, Param
from headrace.core.lockfile import NAME, File, Record
from headrace.core.metrics import is_number
from headrace.core.project import Project
from headrace.core.requirements import MAX_LISTED
from headrace.core.requirements import NAME as REQUIREMENTS
from headrace.core.stage import MAIN, PARAMS, Stage, file_name, repro_command
from headrace.errors import ProjectError, join_names
from headrace.execution import resource_usage
from headrace.lint.cache import Cache
from headrace.lint.context import Location, Study
from headrace.lint.rules import Violation, rule

UNLOCKED = {"pip", "setuptools", "wheel"}
"""Packages that `python -m venv` may install."""
PYPROJECT = "pyproject.toml"
FROM_ADDRESS = re.compile(r"(?m)^([A-Za-z0-9][\w.-]*)(?:\[.*?\])? @ ")
MINORS = (11, 12, 13)
"""The Pythons that a lock is for."""
CHANGED = "{} changed"
"""What is said of a file with other bytes than dvc.lock records."""
LATER_NS = 1_000_000_000
"""A file whose times were set has changed (ctime) so much later than it says (mtime)."""


@rule(repro=True)
def environment(study: Study) -> Iterator[Violation]:
    """The environment does not match {lock}: {problem}.

    Next: {step}
    """
    if study.staged:  # a commit has no environment
        return
    if not study.is_file(REQUIREMENTS):
        problem = f"{REQUIREMENTS} is missing"
        location = Location(REQUIREMENTS)
        yield Violation(location, problem=problem, lock=REQUIREMENTS, step="make lock")
    elif wrong := requirements.differences(study.root):
        location = Location(REQUIREMENTS, line=min(wrong.values()))
        step = "make --always-make setup"  # plain make compares times only
        yield Violation(
            location, problem=join_names(wrong, MAX_LISTED), lock=REQUIREMENTS, step=step
        )


@rule()
def unlocked_dependency(study: Study) -> Iterator[Violation]:
    """{package} is in pyproject.toml, but {lock} does not have it, so it will not be installed.

    Next: make lock setup
    """
    path = study.root / PYPROJECT
    if not study.is_file(REQUIREMENTS) or not path.is_file():
        return
    text = (study.root / REQUIREMENTS).read_text("utf-8", "replace")
    locked = {pin.name for pin in requirements.pins(text)} | {_study_name(study.root)}
    locked |= {requirements.normalize_name(name) for name in FROM_ADDRESS.findall(text)}
    for item, (name, line) in _declared(path.read_text("utf-8")).items():
        if requirements.normalize_name(name) not in locked and _is_wanted(item):
            yield Violation(Location(PYPROJECT, line=line), package=name, lock=REQUIREMENTS)


def _is_wanted(item: str) -> bool:
    """Tell whether any Python that the template supports wants a package, by its marker."""
    _, _, marker = item.partition(";")
    if not marker.strip():
        return True
    from packaging.markers import InvalidMarker, Marker

    try:
        wanted = Marker(marker)
    except InvalidMarker:
        return True
    pythons = ({"python_version": f"3.{n}", "python_full_version": f"3.{n}.9"} for n in MINORS)
    return any(wanted.evaluate(python) for python in pythons)


def _declared(text: str) -> dict[str, tuple[str, int]]:
    """Return the requirements of a pyproject.toml for setup, each with its name and line."""
    content = tomllib.loads(text)
    listed = yaml.or_empty(yaml.or_empty(content.get("project"), dict).get("dependencies"), list)
    groups = yaml.or_empty(content.get("dependency-groups"), dict)
    items = [*listed, *yaml.or_empty(groups.get("dev"), list)]
    names = {}
    for item in filter(lambda item: isinstance(item, str), items):
        if match := re.match(r"\s*([A-Za-z0-9][\w.-]*)", item):
            place = text.find(item)
            names[item] = match[1], text.count("\n", 0, place) + 1 if place >= 0 else 1
    return names


@rule()
def environment_extra(study: Study) -> Iterator[Violation]:
    """The environment contains {problem}, which {lock} does not list, so nobody else will have it.

    Next: add it to pyproject.toml and make lock, or remove it with make --always-make setup
    """
    # A headrace of another environment sees that one's packages, which say nothing of the study.
    is_own = Path(sys.prefix).resolve() == (study.root / ".venv").resolve()
    if study.staged or not is_own or not study.is_file(REQUIREMENTS):
        return
    locked = {pin.name for pin in requirements.locked_pins(study.root)}
    extra = set(requirements.installed_versions()) - locked - UNLOCKED - {_study_name(study.root)}
    if extra:
        problem = join_names(sorted(extra), MAX_LISTED)
        yield Violation(Location(REQUIREMENTS), problem=problem, lock=REQUIREMENTS)


def _study_name(root: Path) -> str:
    """Return the name under which the study itself is installed."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8")).get("project")
    name = project.get("name", "") if isinstance(project, dict) else ""
    return requirements.normalize_name(str(name))


@rule()
def lock_behind(study: Study) -> Iterator[Violation]:
    """Stage {stage} is behind: {problem}.

    Next: {step}
    """
    # This is `dvc status`, without the start of dvc, and without its trust in a file's times.
    for (file, _, problem), stages in _behind(study).items():
        lock = PurePosixPath(file).with_name(NAME).as_posix()
        repro = "make repro" if file == MAIN else repro_command(file)
        step = f"{repro}, and commit {lock} with what it changed"
        if restored := list(_restorations(study, problem)):
            step = ", then ".join([*restored, step])
        elif file == MAIN and _is_old_output(study, problem):
            step = f"dvc checkout, which brings what {lock} records; or {step}"
        # Of a matrix with a thousand stages one finding is enough.
        named = [*stages] if len(stages) <= MAX_LISTED else [join_names(stages, 1)]
        for name, first in zip(named, stages, strict=False):
            is_recorded = first in study.locks[file]
            keys = ("stages", first) if is_recorded else stages[first].keys
            location = study.at(lock if is_recorded else file, *keys)
            yield Violation(location, stage=name, problem=", ".join(problem), lock=lock, step=step)


def _behind(study: Study) -> dict[tuple[str, str, tuple[str, ...]], dict[str, Stage]]:
    """Return the stages that are behind, by their file, their group and what differs."""
    behind: dict[tuple[str, str, tuple[str, ...]], dict[str, Stage]] = {}
    for stage in study.stages.values():
        records = study.locks[stage.file]
        if not records:  # nothing has been run yet
            continue
        if record := records.get(stage.name):
            found = (*differences(study, stage, record),)
        else:
            found = (f"{PurePosixPath(stage.file).with_name(NAME)} has no record of it",)
        if found:
            key = stage.file, stage.group, found
            behind.setdefault(key, {})[stage.name] = stage
    return behind


def cost_of_edit(project: Project, notebooks: Collection[str]) -> str:
    """Say which up-to-date stages an edit of parameters cells makes stale, and what they cost.

    It is said behind the step `dvc repro`; nothing where a dvc.lock cannot be read. Stages after
    them stay up to date: with the same parameters the outputs are the same.
    """
    study = Study(project, Cache(project.root))
    try:
        names = [
            stage.name
            for stage in study.stages.values()
            if any(dep.covers(notebook) for dep in stage.deps for notebook in notebooks)
            and (record := record_of(study, stage))
            and not any(differences(study, stage, record))
        ]
    except ProjectError:  # such as marks of a merge; `dvc repro` says so
        return ""
    if not names:
        return ". No stage that is up to date has to run again for it"
    costs = [resource_usage.recorded(project.root, file_name(name)) for name in names]
    seconds = sum(cost["wall_s"] for cost in costs if is_number(cost.get("wall_s")))
    cost = f" ({seconds:,.1f} s when they ran last)" if seconds else ""
    return f", which runs stages again that are up to date: {', '.join(names)}{cost}"


def _is_old_output(study: Study, found: Sequence[str]) -> bool:
    """Tell whether only outputs differ, as after `git merge` or `git checkout` of a dvc.lock."""
    outs = {out.path for stage in study.stages.values() for out in stage.outs}
    return {*found} <= {CHANGED.format(path) for path in outs}


def _restorations(study: Study, found: Sequence[str]) -> Iterator[str]:
    """Yield commands for files that DVC takes for the recorded ones, or cannot bring back."""
    for name in (difference.removesuffix(CHANGED.format("")) for difference in found):
        if not study.is_file(name):
            continue
        status, promise = (study.root / name).stat(), study.promises.get(name)
        is_disguised = status.st_ctime_ns - status.st_mtime_ns > LATER_NS
        if promise is None:
            if is_disguised:
                yield f"touch {shlex.quote(name)}"
        elif is_disguised or promise.broken_objects(study.root, study.cache.md5):
            yield promise.restore_command(study.root, study.cache.md5)


def record_of(study: Study, stage: Stage) -> Record | None:
    """Return a stage's record in dvc.lock; None where it has not been run."""
    return study.locks[stage.file].get(stage.name)


def differences(study: Study, stage: Stage, record: Record) -> Iterator[str]:
    """Yield the differences between a record and the study as it is."""
    if stage.is_frozen:
        return
    if [*map(str.strip, stage.commands)] != [*map(str.strip, record.commands)]:
        yield "its cmd changed"
    deps, outs = ({file.path: file for file in part} for part in (record.deps, record.outs))
    yield from _unrecorded("dep", stage.deps, deps)
    yield from _unrecorded("out", stage.outs, outs)
    yield from _changed_files(study, deps | outs)
    yield from _changed_params(study, stage, record)


def _unrecorded(kind: str, entries: list[Entry], recorded: Mapping[str, File]) -> Iterator[str]:
    """Yield files that the stage lists and dvc.lock does not; DVC itself ignores the reverse."""
    for entry in entries:
        if not any(entry.covers(path) for path in recorded):
            yield f"{entry.path} is a new {kind}"


def _changed_files(study: Study, files: Mapping[str, File]) -> Iterator[str]:
    """Yield files with other bytes than recorded; a missing file, as in a clone, is no change."""
    for name, file in files.items():
        path = study.root / name
        is_comparable = file.md5 and not file.is_folder and path.is_file()
        if is_comparable and study.cache.md5(path) != file.md5:
            yield CHANGED.format(name)


def _changed_params(study: Study, stage: Stage, record: Record) -> Iterator[str]:
    """Yield parameters with other values than in dvc.lock, or without one there."""
    try:
        params = stage.params
        contents = {PARAMS: study.values or {}} | study.other_parameters(stage)
    except ProjectError:  # the rules on parameters report it
        return
    values = param_files.values(params, contents)
    for (file, name), value in values.items():
        recorded = yaml.or_empty(yaml.or_empty(record.params, dict).get(file), dict)
        label = name if file == PARAMS else f"{file}:{name}"
        if file == PARAMS and study.values is None:
            continue
        if name not in recorded:
            yield f"parameter {label} is new"
        elif value != recorded[name] and not (
            isinstance(value, tuple) and [*value] == recorded[name]
        ):
            yield f"parameter {label} changed"
    yield from _removed_params(params, record, values)


def _removed_params(
    params: Collection[Param], record: Record, values: Collection[tuple[str, str]]
) -> Iterator[str]:
    """Yield what a file that is listed whole has no more."""
    for param in params:
        if not param.name:
            recorded = yaml.or_empty(record.params.get(param.file), dict)
            names = (name for name in recorded if (param.file, name) not in values)
            yield from (f"parameter {param.file}:{name} is gone" for name in names)
