"""Rules on dvc.yaml: what a notebook reads, imports and writes is what its stage lists."""

from collections.abc import Iterator

from headrace.core.imports import Chain
from headrace.core.pipeline import Entry, Stage
from headrace.lint.context import REQUIREMENTS, Study
from headrace.lint.fixes import AddDep, Uncache
from headrace.lint.notebook_ast import Notebook
from headrace.lint.paths_used import Files, Mention, mentions
from headrace.lint.rules import Found, Place, found, rule


@rule(repro=True)
def undeclared_import(study: Study) -> Iterator[Found]:
    """{notebook} imports {chain}, but stage {stage} does not list {file}.

    Next: make fix (it adds {file} to the deps)
    """
    for stage, notebook in study.runs:
        for file, chain in sorted(_imports(study, notebook).items()):
            if not any(dep.covers(file) for dep in stage.deps):
                yield found(
                    study.at_deps(stage),
                    _add(stage, file),
                    notebook=notebook.name,
                    chain=", which imports ".join(chain),
                    stage=stage.name,
                    file=file,
                )


def _imports(study: Study, notebook: Notebook) -> dict[str, Chain]:
    """Return the files of the study's own modules that a notebook needs, and the way to each."""
    reached: dict[str, Chain] = {}
    for cell in notebook.code:
        for file, chain in study.graph.files(cell.tree).items():
            if file not in reached or len(chain) < len(reached[file]):
                reached[file] = chain
    return reached


def _add(stage: Stage, path: str) -> AddDep:
    return AddDep(stage.name, stage.at("deps"), stage.unplaced(path), stage.file)


@rule(repro=True)
def undeclared_read(study: Study) -> Iterator[Found]:
    """Stage {stage} {verb} {path}, which is neither dep nor out, so DVC overlooks its changes.

    Next: {step}
    """
    for stage, notebook in study.runs:
        for path, ways in _mentioned(study, notebook).items():
            first, written = ways[0], any(one.verb == "writes" for one in ways)
            if not written and not _meets([*stage.deps, *stage.outs], path):
                mend = _dep(study, stage, first)
                step = f"make fix (it adds {path} to the deps)"
                yield found(
                    Place(notebook.name, first.cell, first.line),
                    mend,
                    stage=stage.name,
                    verb=first.verb,
                    path=path,
                    step=step if mend else f"list it in {stage.file}: what is read is a dep",
                )


def _dep(study: Study, stage: Stage, first: Mention) -> AddDep | None:
    """Return what lists a file among the deps, where it is an input for sure."""
    others = (other for other in study.stages.values() if other is not stage)
    made = any(out.covers(first.path) for other in others for out in other.outs)
    is_input = first.verb == "reads" or made or first.path in study.tracked
    circle = _runs_before(study, stage.name, first.path)
    return _add(stage, first.path) if is_input and not circle else None


def _runs_before(study: Study, stage: str, path: str) -> bool:
    """Tell whether a file is made from what the stage makes: as a dep it would close a circle."""
    left, seen = [path], {path}
    while left:
        file = left.pop()
        for other in study.stages.values():
            if any(out.covers(file) for out in other.outs):
                if other.name == stage:
                    return True
                left += [dep.path for dep in other.deps if dep.path not in seen]
                seen |= {dep.path for dep in other.deps}
    return False


@rule(repro=True)
def undeclared_write(study: Study) -> Iterator[Found]:
    """Stage {stage} writes {path}, which is no out of it, so DVC neither keeps nor restores it.

    Next: list {path} in the stage's outs, or write to what is listed
    """
    for stage, notebook in study.runs:
        for path, ways in _mentioned(study, notebook).items():
            writes = [one for one in ways if one.verb == "writes"]
            if writes and not _meets(stage.outs, path):
                place = Place(notebook.name, writes[0].cell, writes[0].line)
                yield found(place, stage=stage.name, path=path)


def _mentioned(study: Study, notebook: Notebook) -> dict[str, list[Mention]]:
    """Return where a notebook names which file, in order."""
    stages = study.stages.values()
    declared = {entry.path for stage in stages for entry in (*stage.deps, *stage.outs)}
    named: dict[str, list[Mention]] = {}
    for mention in mentions(notebook, Files(study.root, study.paths, declared)):
        named.setdefault(mention.path, []).append(mention)
    return named


def _meets(entries: list[Entry], path: str) -> bool:
    """Tell whether a path is one of the entries, in one, or a folder around one."""
    return path == "." or any(entry.meets(path) for entry in entries)


@rule(repro=True)
def unlisted_lock(study: Study) -> Iterator[Found]:
    """Stage {stage} does not list {lock} among its deps: another environment, another result.

    Next: make fix (it adds {lock} to the deps)
    """
    for stage in study.stages.values():
        if stage.is_run and not any(dep.covers(REQUIREMENTS) for dep in stage.deps):
            add = _add(stage, REQUIREMENTS)
            yield found(study.at_deps(stage), add, stage=stage.name, lock=REQUIREMENTS)


@rule()
def cached_metrics(study: Study) -> Iterator[Found]:
    """{path} is cached by DVC, so git does not hold it and dvc metrics diff shows nothing.

    Next: make fix (it sets cache: false)
    """
    for stage in study.stages.values():
        for metric in stage.metrics:
            if metric.is_cached:
                mend = Uncache(stage.name, metric.keys, metric.path, stage.file)
                yield found(
                    study.at(stage.file, *metric.keys), mend, stage=stage.name, path=metric.path
                )
