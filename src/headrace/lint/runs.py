"""Rules on runs: what a stage ran with is what dvc.lock says it ran with."""

import json
import os
import shlex
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from headrace.core import dvc_cache, notebook, parameters, yaml
from headrace.core.lockfile import NAME, File, Record
from headrace.core.metrics import is_same
from headrace.core.parameter_check import Value
from headrace.core.stage import Stage
from headrace.errors import ParameterError, ProjectError, join_names
from headrace.lint.context import Location, Study
from headrace.lint.locks import differences, record_of
from headrace.lint.rules import Violation, rule

MAX_NAMED = 3


@rule()
def run_parameters(study: Study) -> Iterator[Violation]:
    """The stage did not run with what {lock} records: {problem}.

    Next: {step}
    """
    # It was edited while the stage ran; DVC records what it reads at a stage's end.
    for stage, record in _runs(study):
        injected = _injected(study.root / stage.run)
        recorded = _recorded(stage, record, injected)
        if not _is_out(stage, record):  # the outs may be from another one
            continue
        if wrong := _differences(injected, recorded, "and {!r} is recorded"):
            yield Violation(
                Location(stage.run),
                problem=join_names(wrong, MAX_NAMED),
                lock=PurePosixPath(stage.file).with_name(NAME).as_posix(),
                step=_step(study, stage, record),
                stage=stage.name,
            )


@rule(repro=True)
def member_values(study: Study) -> Iterator[Violation]:
    """Stage {stage} ran with other values than {file} has, which DVC does not see: {problem}.

    Next: {step}
    """
    # DVC records a member's name, command and files, and none of the values behind the name.
    for stage, record in _runs(study):
        if not stage.values or stage.is_frozen:
            continue
        injected = _injected(study.root / stage.run)
        recorded = _recorded(stage, record, injected)
        if not _is_out(stage, record) and _differences(injected, recorded, "{!r}"):
            continue  # it is the run of another record
        given = parameters.member_values(stage, injected)
        wrong = _differences(injected, given, f"and {stage.file} has {{!r}}")
        if wrong and not any(differences(study, stage, record)):  # DVC runs it again anyway
            yield Violation(
                study.at(stage.file, *stage.keys),
                problem=join_names(wrong, MAX_NAMED),
                file=stage.file,
                step=_step(study, stage, record),
                stage=stage.name,
            )


def _runs(study: Study) -> Iterator[tuple[Stage, Record]]:
    """Yield the stages whose run is that in dvc.lock, or lies here and is not among the outs.

    `lock_behind` reports another one.
    """
    for stage in study.stages.values():
        record = record_of(study, stage) if stage.is_run else None
        if record and study.is_file(stage.run):
            md5s = [out.md5 for out in record.outs if out.path == stage.run]
            if not md5s or study.cache.md5(study.root / stage.run) in md5s:
                yield stage, record


def _is_out(stage: Stage, record: Record) -> bool:
    return any(out.path == stage.run for out in record.outs)


def _differences(
    injected: Mapping[str, Any], expected: Mapping[str, Value], ending: str
) -> list[str]:
    """Return what a run was given other than expected; the order in a mapping is no difference."""
    return [
        f"{name} was {value!r}, {ending.format(expected[name].value)}"
        for name, value in injected.items()
        if name in expected and not is_same(_sorted(value), _sorted(expected[name].value))
    ]


def _sorted(value: Any) -> Any:
    """Return a value with its mappings in the order of their names, and lists for tuples."""
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value, key=repr)}
    return [*map(_sorted, value)] if isinstance(value, list | tuple) else value


def _recorded(stage: Stage, record: Record, names: Collection[str]) -> dict[str, Value]:
    """Return what a stage would get out of a record, by the rule that gives it what files hold.

    It is nothing where the stage lists by now what was not recorded; `lock_behind` says so.
    """
    files = {path: _nested(yaml.or_empty(part, dict)) for path, part in record.params.items()}
    try:
        contents = {param.file: files.get(param.file, {}) for param in stage.params}
        values = parameters.stage_values(stage, contents, names)
    except (ProjectError, ParameterError):
        return {}
    return {name: value for name, value in values.items() if value.file in contents}


def _nested(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a file of which dvc.lock records single values by dotted names."""
    nested: dict[str, Any] = {}
    for dotted, value in content.items():
        *blocks, name = str(dotted).split(".")
        inner: Any = nested
        for block in blocks:
            inner = inner.setdefault(block, {}) if isinstance(inner, dict) else None
        if isinstance(inner, dict):  # of a list and one of its items, the list is enough
            inner[name] = dict(value) if isinstance(value, dict) else value
    return nested


def _injected(path: Path) -> dict[str, Any]:
    """Return the parameters that a run was given; none where it is no notebook."""
    try:
        cells = json.loads(path.read_text("utf-8"))["cells"]
        tagged = (cell for cell in cells if notebook.INJECTED in cell["metadata"].get("tags", []))
        return {
            name: value
            for cell in tagged
            for name, value in notebook.defaults("".join(cell["source"]), path).items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _step(study: Study, stage: Stage, record: Record) -> str:
    """Return what runs the stage again, and makes DVC forget that it has such a run."""
    command = stage.command().replace("dvc repro", "dvc repro --force")
    runs = [folder / "runs" for folder in dvc_cache.store_of(study.root).folders[:1]]
    kept = [path for folder in runs for path in folder.glob("*/*/*") if _holds(path, record.outs)]
    names = [os.path.relpath(path, study.root) for path in kept]
    return f"{shlex.join(['rm', '-f', *names])} && {command}" if names else command


def _holds(path: Path, outs: Collection[File]) -> bool:
    """Tell whether an entry of DVC's run cache is of the run with these outputs."""
    content = path.read_bytes() if outs and path.is_file() else b""
    return bool(content) and all(out.md5.encode() in content for out in outs)
