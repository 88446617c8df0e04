"""What the pipeline starts from: the files that its stages read and that no stage makes."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from headrace.bundle.archive import of_file, sha256
from headrace.check.imports import Graph
from headrace.errors import ProjectError
from headrace.project import Project


def hashes(project: Project, stage: str) -> dict[str, str]:
    """Return the SHA-256 of every input of the pipeline, by its path from the study on.

    Errors:
        ProjectError: the stage that makes the bundle does not list one of them among its deps, so
            that it would not run again when that one changes; or one is missing.
    """
    listed = set(_names(project.stage(stage).get("deps")))
    found = {}
    for name, reader in _read(project):
        if name not in listed:
            raise ProjectError(
                f"dvc.yaml: stage {reader} reads {name}, and stage {stage} vouches for it."
                f" Next: add {name} to the deps of {stage}"
            )
        found[name] = of_file(project.root / name)
    return dict(sorted(found.items()))


def _read(project: Project) -> Iterator[tuple[str, str]]:
    """Yield each dep that no stage makes, with the first stage that reads it."""
    parts = ("outs", "metrics", "plots")
    made = {
        name
        for stage in project.stages.values()
        for part in parts
        for name in _names(stage.get(part))
    }
    seen: dict[str, str] = {}
    for stage, content in project.stages.items():
        for name in _names(content.get("deps")):
            if name not in made:
                seen.setdefault(name, stage)
    yield from seen.items()


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
    return {
        name: of_file(project.root / name)
        for name in sorted(graph.files(tree))
        if "headrace" not in Path(name).parts
    }


def _module(project: Project, door: str) -> str:
    target = project.settings.get(door)
    if not isinstance(target, str) or not target.partition(":")[0].replace(".", "").isidentifier():
        raise ProjectError(f'pyproject.toml: [tool.headrace] needs {door} = "package.module:name"')
    return target.partition(":")[0]


def together(hashes: dict[str, str]) -> str:
    """Return one SHA-256 over names and hashes."""
    return sha256("".join(f"{name} {known}\n" for name, known in sorted(hashes.items())).encode())
