"""What the pipeline starts from: the files that its stages read and that no stage makes."""

import ast
from collections.abc import Iterable, Iterator
from typing import Any

from headrace.bundle.archive import sha256, sha256_of_file
from headrace.core import yaml
from headrace.core.imports import Graph
from headrace.core.project import Project
from headrace.errors import ProjectError


def input_hashes(project: Project, stage: str) -> dict[str, str]:
    """Return the SHA-256 of every input of the pipeline, by its path from the study on.

    Errors:
        ProjectError: the stage that makes the bundle does not list one of them among its deps, so
            that it would not run again when that one changes; or one is missing.
    """
    listed = set(_names(project.stage(stage).get("deps")))
    found = {}
    for name, reader in _read(project, stage):
        if name not in listed:
            raise ProjectError(
                f"dvc.yaml: stage {reader} reads {name}, and stage {stage} vouches for it."
                f" Next: add {name} to the deps of {stage}"
            )
        found[name] = sha256_of_file(project.root / name)
    return dict(sorted(found.items()))


def parameters(project: Project, stage: str) -> dict[str, Any]:
    """Return the parameters of the pipeline up to a stage, by their dotted names.

    Errors:
        ProjectError: the stage does not list another's run among its deps, which holds what it was
            run with, so that it would not run again when a parameter of that one changes.
    """
    content = yaml.read(project.root / "params.yaml")
    found: dict[str, Any] = {}
    listed = set(_names(project.stage(stage).get("deps")))
    for name, one in upstream(project, stage).items():
        run = f"runs/{name}.ipynb"
        names = [dotted for dotted in one.get("params") or [] if isinstance(dotted, str)]
        if name != stage and names and run in _names(one.get("outs")) and run not in listed:
            raise ProjectError(
                f"dvc.yaml: stage {name} takes {names[0]}, and stage {stage} vouches for it."
                f" Next: add {run} to the deps of {stage}"
            )
        found |= {dotted: yaml.lookup(content, dotted) for dotted in names}
    return found


def upstream(project: Project, stage: str) -> dict[str, dict[str, Any]]:
    """Return a stage and all that it builds on, in the order of dvc.yaml."""
    makers = {name: one for one, content in project.stages.items() for name in _made(content)}
    left, found = [stage], {stage}
    while left:
        deps = _names(project.stage(left.pop()).get("deps"))
        more = {makers[name] for name in deps if name in makers} - found
        found |= more
        left += more
    return {name: content for name, content in project.stages.items() if name in found}


def _read(project: Project, stage: str) -> Iterator[tuple[str, str]]:
    """Yield each dep up to a stage that no stage makes, with the first stage that reads it."""
    before = upstream(project, stage)
    made = {name for content in before.values() for name in _made(content)}
    seen: dict[str, str] = {}
    for one, content in before.items():
        for name in _names(content.get("deps")):
            if name not in made:
                seen.setdefault(name, one)
    yield from seen.items()


def _made(stage: dict[str, Any]) -> Iterator[str]:
    for part in ("outs", "metrics", "plots"):
        yield from _names(stage.get(part))


def _names(entries: Any) -> list[str]:
    """Return the paths in a list of dvc.yaml, where an entry is a path or a path with options."""
    listed = entries if isinstance(entries, list) else []
    return [next(iter(entry)) if isinstance(entry, dict) else str(entry) for entry in listed]


def code(project: Project, doors: Iterable[str]) -> dict[str, str]:
    """Return the SHA-256 of the modules behind some doors of [tool.headrace], and their imports.

    Errors:
        ProjectError: pyproject.toml does not say where a door leads.
    """
    graph = Graph(project.root, project.source)
    tree = ast.parse("".join(f"import {_module(project, door)}\n" for door in doors))
    return {name: sha256_of_file(project.root / name) for name in sorted(graph.files(tree))}


def _module(project: Project, door: str) -> str:
    target = project.settings.get(door)
    if not isinstance(target, str) or not target.partition(":")[0].replace(".", "").isidentifier():
        raise ProjectError(f'pyproject.toml: [tool.headrace] needs {door} = "package.module:name"')
    return target.partition(":")[0]


def combined_hash(hashes: dict[str, str]) -> str:
    """Return one SHA-256 over names and hashes."""
    return sha256("".join(f"{name} {known}\n" for name, known in sorted(hashes.items())).encode())
