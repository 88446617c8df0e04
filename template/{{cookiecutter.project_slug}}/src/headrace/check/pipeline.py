"""Rules on dvc.yaml: what a notebook reads, imports and writes is what its stage lists."""

from collections.abc import Iterator

from headrace.check.imports import Chain
from headrace.check.mends import AddDep, Uncache
from headrace.check.mentions import Files, Mention, mentions
from headrace.check.rules import Found, Place, found, rule
from headrace.check.source import Notebook
from headrace.check.stages import Entry, Stage
from headrace.check.study import DVC, REQUIREMENTS, Study


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
    return AddDep(stage.name, stage.at("deps"), path)


@rule(repro=True)
def undeclared_read(study: Study) -> Iterator[Found]:
    """Stage {stage} {verb} {path}, which is neither dep nor out of it: {why}.

    Next: {step}
    """
    for stage, notebook in study.runs:
        for mention in _once(study, notebook):
            if mention.verb != "writes" and not _meets([*stage.deps, *stage.outs], mention.path):
                mends = _is_input(study, stage, mention) and not _runs_before(
                    study, stage.name, mention.path
                )
                step = f"make fix (it adds {mention.path} to the deps)"
                yield found(
                    Place(notebook.name, mention.cell, mention.line),
                    _add(stage, mention.path) if mends else None,
                    stage=stage.name,
                    verb=mention.verb,
                    path=mention.path,
                    why="DVC does not see when it changes",
                    step=step if mends else f"list it in {DVC}, as a dep if it is read",
                )


def _is_input(study: Study, stage: Stage, mention: Mention) -> bool:
    """Tell whether a file can only be read: the code says so, or it is made elsewhere."""
    others = (other for other in study.stages.values() if other is not stage)
    made = any(out.covers(mention.path) for other in others for out in other.outs)
    return mention.verb == "reads" or made or study.is_file(mention.path)


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
        for mention in _once(study, notebook):
            if mention.verb == "writes" and not _meets(stage.outs, mention.path):
                place = Place(notebook.name, mention.cell, mention.line)
                yield found(place, stage=stage.name, path=mention.path)


def _once(study: Study, notebook: Notebook) -> list[Mention]:
    """Return where a notebook names each file first, for each thing that it does with it."""
    stages = study.stages.values()
    declared = {entry.path for stage in stages for entry in (*stage.deps, *stage.outs)}
    firsts: dict[tuple[str, str], Mention] = {}
    for mention in mentions(notebook, Files(study.root, study.paths, declared)):
        firsts.setdefault((mention.path, mention.verb), mention)
    told = {path for path, verb in firsts if verb != "names"}
    return [one for (path, verb), one in firsts.items() if verb != "names" or path not in told]


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
                mend = Uncache(stage.name, metric.keys, metric.path)
                yield found(study.at(DVC, *metric.keys), mend, stage=stage.name, path=metric.path)
