"""Rule on dvc.lock: what it records is what lies here; `dvc status` without dvc."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from headrace.core import pipeline, yaml
from headrace.core.lockfile import NAME, File, Record
from headrace.core.pipeline import Entry, Stage
from headrace.lint.context import Study
from headrace.lint.rules import Found, Place, found, rule

PARAMS = "params.yaml"


@rule()
def lock_behind(study: Study) -> Iterator[Found]:
    """Stage {stage} is behind: {what}.

    Next: {step}, and commit {lock} with what it changed
    """
    for stage in study.stages.values():
        lock = PurePosixPath(stage.file).with_name(NAME).as_posix()
        step = "make repro" if stage.file == pipeline.MAIN else f"dvc repro {stage.file}"
        for place, name, what in _behind(study, stage, lock):
            yield found(place, stage=name, what=what, lock=lock, step=step)


def _behind(study: Study, stage: Stage, lock: str) -> Iterator[tuple[Place, str, str]]:
    """Yield the place, the name and what differs of a stage, or of the members of a matrix."""
    if not study.locks[stage.file]:  # nothing has been run yet
        return
    records = _records(study, stage)
    if not records:
        yield study.at(stage.file, *stage.keys), stage.name, f"{lock} has no record of it"
    for name, record in records.items():
        if what := list(_differences(study, stage, record)):
            yield study.at(lock, "stages", name), name, ", ".join(what)


def _records(study: Study, stage: Stage) -> dict[str, Record]:
    """Return what dvc.lock has of a stage; of a matrix, of all its members."""
    lock = study.locks[stage.file]
    if not stage.is_many:
        return {name: lock[name] for name in [stage.name] if name in lock}
    return {n: record for n, record in lock.items() if n.partition("@")[0] == stage.name}


def _differences(study: Study, stage: Stage, record: Record) -> Iterator[str]:
    """Say what differs between a record and the study as it is."""
    if stage.entry.get("frozen") is True:
        return
    if not stage.is_many and "${" not in stage.cmd and stage.cmd != record.cmd.strip():
        yield "its cmd changed"
    deps, outs = ({stage.placed(f.path): f for f in part} for part in (record.deps, record.outs))
    yield from _listed("dep", stage.deps, deps)
    yield from _listed("out", stage.outs, outs)
    yield from _changed(study, deps | outs)
    yield from _params(study, stage, record)


def _listed(kind: str, entries: list[Entry], recorded: Mapping[str, File]) -> Iterator[str]:
    """Say which files the stage lists and dvc.lock does not; DVC itself overlooks the reverse."""
    for entry in entries:
        if not any(entry.covers(path) for path in recorded):
            yield f"{entry.path} is a new {kind}"


def _changed(study: Study, files: Mapping[str, File]) -> Iterator[str]:
    """Say which files have other bytes; one that is not here, as in a clone, says nothing."""
    for name, file in files.items():
        path = study.root / name
        known = file.md5 and not file.is_folder and path.is_file()
        if known and study.memory.md5(path) != file.md5:
            yield f"{name} changed"


def _params(study: Study, stage: Stage, record: Record) -> Iterator[str]:
    """Say which parameters have other values, or none in dvc.lock."""
    listed = stage.body.get("params")
    names = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    recorded = record.params.get(PARAMS) if isinstance(record.params, dict) else None
    recorded = recorded if isinstance(recorded, dict) else {}
    if study.values is None or any("${" in name for name in names):
        return
    for name in names:
        if name not in recorded:
            yield f"parameter {name} is new"
        elif yaml.lookup(study.values, name) != recorded[name]:
            yield f"parameter {name} changed"
