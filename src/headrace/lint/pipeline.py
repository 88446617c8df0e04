"""Rules on dvc.yaml: a stage lists what its notebook reads, imports and writes."""

import posixpath
from collections.abc import Iterator
from fnmatch import fnmatchcase

from headrace.core.entry import Entry, glob
from headrace.core.imports import Chain
from headrace.core.requirements import NAME as REQUIREMENTS
from headrace.core.stage import Stage, file_name
from headrace.execution.resource_usage import FOLDER as COST_FOLDER
from headrace.lint.context import Location, Study
from headrace.lint.fixes import AddDep, AddMetric, Uncache
from headrace.lint.notebook_ast import Notebook
from headrace.lint.paths_used import Files, Use, uses
from headrace.lint.rules import Violation, rule


@rule(repro=True)
def undeclared_import(study: Study) -> Iterator[Violation]:
    """{notebook} imports {chain}, but stage {stage} does not list {file}.

    Next: make fix (it adds {file} to the deps)
    """
    for stage, notebook in study.runs:
        for file, chain in sorted(_imports(study, notebook).items()):
            if not any(dep.covers(file) for dep in stage.deps):
                yield Violation(
                    study.at_deps(stage),
                    _add_dep(stage, file),
                    notebook=notebook.name,
                    chain=", which imports ".join(chain),
                    stage=stage.group,
                    file=file,
                )


def _imports(study: Study, notebook: Notebook) -> dict[str, Chain]:
    """Return the files of the study's modules that a notebook needs, each with its import chain."""
    if notebook.name not in study.imports:
        shortest = study.imports.setdefault(notebook.name, {})
        for cell in notebook.code:
            for file, chain in study.graph.files(cell.tree).items():
                if file not in shortest or len(chain) < len(shortest[file]):
                    shortest[file] = chain
    return study.imports[notebook.name]


def _add_dep(stage: Stage, path: str) -> AddDep:
    return AddDep(stage.group, stage.at("deps"), stage.from_study(path), stage.file)


@rule(repro=True)
def undeclared_read(study: Study) -> Iterator[Violation]:
    """Stage {stage} {verb} {path}, which is neither a dep nor an out, so DVC misses its changes.

    Next: {step}
    """
    for stage, notebook in study.runs:
        for path, path_uses in _uses(study, stage, notebook).items():
            is_written = any(use.verb == "writes" for use in path_uses)
            if not is_written and not _is_listed([*stage.deps, *stage.outs], path):
                fix = _fix(study, stage, path_uses[0])
                step = f"make fix (it adds {path} to the deps)"
                yield Violation(
                    Location(notebook.name, path_uses[0].cell, path_uses[0].line),
                    fix,
                    stage=stage.group,
                    verb=path_uses[0].verb,
                    path=path,
                    step=step if fix else f"add it to the stage's deps in {stage.file}",
                )


def _fix(study: Study, stage: Stage, use: Use) -> AddDep | None:
    """Return the fix that adds a file to the deps, where it is certainly an input."""
    outs = (out for name in study.stages if name != stage.name for out in study.stages[name].outs)
    is_out = any(out.covers(use.path) for out in outs)
    is_input = use.verb == "reads" or is_out or use.path in study.tracked
    is_safe = is_input and not _depends_on(study, use.path, stage.name)
    return _add_dep(stage, use.path) if is_safe else None


def _depends_on(study: Study, path: str, stage: str) -> bool:
    """Tell whether a file is made from a stage's outputs: as its dep it would close a cycle."""
    stack, visited = [path], {path}
    while stack:
        file = stack.pop()
        for producer in study.stages.values():
            if any(out.covers(file) for out in producer.outs):
                if producer.name == stage:
                    return True
                inputs = {dep.path for dep in producer.deps}
                stack += inputs - visited
                visited |= inputs
    return False


@rule(repro=True)
def undeclared_write(study: Study) -> Iterator[Violation]:
    """Stage {stage} writes {path}, which is not among its outs: DVC neither keeps nor restores it.

    Next: list {path} in the stage's outs, or write to a listed file
    """
    for stage, notebook in study.runs:
        for path, path_uses in _uses(study, stage, notebook).items():
            writes = [use for use in path_uses if use.verb == "writes"]
            if writes and not _is_listed(stage.outs, path):
                location = Location(notebook.name, writes[0].cell, writes[0].line)
                yield Violation(location, stage=stage.group, path=path)


def _uses(study: Study, stage: Stage, notebook: Notebook) -> dict[str, list[Use]]:
    """Return where a stage's notebook uses which file, in order."""
    if (notebook.name, stage.wdir) not in study.uses:
        stages = study.stages.values()
        declared = {entry.path for each in stages for entry in (*each.deps, *each.outs)}
        by_path = study.uses.setdefault((notebook.name, stage.wdir), {})
        for use in uses(notebook, Files(study.root, study.paths, declared, stage.wdir)):
            by_path.setdefault(use.path, []).append(use)
    return study.uses[notebook.name, stage.wdir]


def _is_listed(entries: list[Entry], path: str) -> bool:
    """Tell whether a path is one of the entries, inside one, or a folder around one."""
    return path == "." or any(entry.meets(path) for entry in entries)


@rule(repro=True)
def unlisted_lock(study: Study) -> Iterator[Violation]:
    """Stage {stage} does not list {lock} among its deps, so a new package does not run it again.

    Next: make fix (it adds {lock} to the deps)
    """
    for stage in study.stages.values():
        if stage.is_run and not any(dep.covers(REQUIREMENTS) for dep in stage.deps):
            fix = _add_dep(stage, REQUIREMENTS)
            yield Violation(study.at_deps(stage), fix, stage=stage.group, lock=REQUIREMENTS)


@rule()
def unregistered_cost(study: Study) -> Iterator[Violation]:
    """{path} is not among the metrics of {pipeline}, as what other stages cost is.

    Next: make fix (it adds {path} to the metrics)
    """
    for name, pipeline in study.pipelines.items():
        listed = {metric.path for metric in pipeline.metrics}
        folder = f"{COST_FOLDER}/"
        if not any(path.startswith(folder) for path in listed):
            continue  # a study may do without
        for stage in pipeline.values():
            path = f"{folder}{file_name(stage.name)}.json"
            if stage.is_run and not any(fnmatchcase(path, glob(metric)) for metric in listed):
                beside = posixpath.relpath(path, posixpath.dirname(name) or ".")
                fix = AddMetric(stage.group, ("metrics",), beside, name)
                yield Violation(study.at(name, "metrics"), fix, path=path, pipeline=name)


@rule()
def cached_metrics(study: Study) -> Iterator[Violation]:
    """{path} is in DVC's cache and not in git, so a clone compares it only after dvc fetch.

    Next: make fix (it sets cache: false)
    """
    for stage in study.stages.values():
        for metric in stage.metrics:
            if metric.is_cached:
                location = study.at(stage.file, *metric.keys)
                fix = Uncache(stage.group, metric.keys, metric.path, stage.file)
                yield Violation(location, fix, stage=stage.group, path=metric.path)
