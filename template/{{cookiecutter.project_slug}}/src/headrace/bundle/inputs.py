"""What the pipeline starts from: the files that its stages read and that no stage makes."""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from headrace.bundle.archive import sha256
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
    """Return the SHA-256 of the modules behind some doors of [tool.headrace], and their imports."""
    source = project.source
    graph = Graph(project.root, source)
    modules = {str(project.settings[door]).partition(":")[0] for door in doors}
    tree = ast.parse("".join(f"import {module}\n" for module in sorted(modules)))
    return {
        name: of_file(project.root / name)
        for name in sorted(graph.files(tree))
        if "headrace" not in Path(name).parts
    }


def together(hashes: dict[str, str]) -> str:
    """Return one SHA-256 over names and hashes."""
    return sha256("".join(f"{name} {known}\n" for name, known in sorted(hashes.items())).encode())


def of_file(path: Path) -> str:
    """Return a file's SHA-256, read in parts.

    Errors:
        ProjectError: it is missing.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ProjectError(f"{path.name} cannot be read: {error.strerror}") from None
