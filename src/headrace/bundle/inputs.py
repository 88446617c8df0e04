"""The inputs of the pipeline: files that stages read and that no stage makes, and parameters."""

import ast
from collections.abc import Iterable
from typing import Any

from headrace.bundle.archive import sha256, sha256_of_file
from headrace.core.imports import Graph
from headrace.core.param_files import read, values
from headrace.core.project import Project
from headrace.core.stage import PARAMS, Stage
from headrace.errors import ProjectError


def input_hashes(project: Project, stage: str) -> dict[str, str]:
    """Return the SHA-256 of every input of the pipeline, by its path from the study on.

    Errors:
        ProjectError: the stage that makes the bundle does not list one of them among its deps, and
            so would not run again when that one changes; or one is missing.
    """
    listed = {dep.path for dep in project.stage(stage).deps}
    hashes = {}
    for path, reader in _readers(upstream(project, stage)).items():
        if path not in listed:
            raise ProjectError(
                f"dvc.yaml: stage {reader} reads {path}, which stage {stage} must list too."
                f" Next: add {path} to the deps of {stage}"
            )
        hashes[path] = sha256_of_file(project.root / path)
    return dict(sorted(hashes.items()))


def _readers(stages: dict[str, Stage]) -> dict[str, str]:
    """Return each dep that no stage makes, with the first stage that reads it."""
    outputs = {out.path for stage in stages.values() for out in stage.outs}
    readers: dict[str, str] = {}
    for name, stage in stages.items():
        for dep in stage.deps:
            if dep.path not in outputs:
                readers.setdefault(dep.path, name)
    return readers


def parameters(project: Project, stage: str) -> dict[str, Any]:
    """Return the parameters of the pipeline up to a stage, by their dotted names.

    Errors:
        ProjectError: the stage does not list among its deps the run of another one, which holds
            its parameters, and so would not run again when one of these changes.
    """
    parameters: dict[str, Any] = {}
    listed = {dep.path for dep in project.stage(stage).deps}
    for name, maker in upstream(project, stage).items():
        # A stage whose cmd runs no notebook leaves no run that could hold its parameters.
        is_made = any(out.path == maker.run for out in maker.outs)
        if name != stage and maker.params and is_made and maker.run not in listed:
            raise ProjectError(
                f"dvc.yaml: stage {name} has the parameter {maker.params[0]}, which stage {stage}"
                f" must depend on too. Next: add {maker.run} to the deps of {stage}"
            )
        given = values(maker.params, read([maker], project.read))
        for (file, dotted), value in given.items():
            parameters[dotted if file == PARAMS else f"{file}:{dotted}"] = value
    return parameters


def upstream(project: Project, stage: str) -> dict[str, Stage]:
    """Return a stage and all that it builds on, in the order of dvc.yaml.

    Errors:
        ProjectError: dvc.yaml has no such stage.
    """
    makers = {out.path: name for name, maker in project.stages.items() for out in maker.outs}
    pending, reached = [stage], {stage}
    while pending:
        deps = {dep.path for dep in project.stage(pending.pop()).deps}
        new = {makers[path] for path in deps & makers.keys()} - reached
        reached |= new
        pending += new
    return {name: maker for name, maker in project.stages.items() if name in reached}


def code_hashes(project: Project, doors: Iterable[str]) -> dict[str, str]:
    """Return the SHA-256 of the modules that entry points of [tool.headrace] name or import.

    Errors:
        ProjectError: pyproject.toml does not name one of them.
    """
    graph = Graph(project.root, project.source)
    tree = ast.parse("".join(f"import {_module(project, door)}\n" for door in doors))
    return {path: sha256_of_file(project.root / path) for path in sorted(graph.files(tree))}


def _module(project: Project, door: str) -> str:
    target = project.settings.get(door)
    module = target.partition(":")[0] if isinstance(target, str) else ""
    if not module.replace(".", "").isidentifier():
        raise ProjectError(
            f'pyproject.toml: [tool.headrace] needs {door} = "package.module:name". Next: add it'
        )
    return module


def combined_hash(hashes: dict[str, str]) -> str:
    """Return one SHA-256 over names and hashes."""
    return sha256("".join(f"{name} {digest}\n" for name, digest in sorted(hashes.items())).encode())
