"""The artifact that is registered: one of the `artifacts` of dvc.yaml, DVC's own block."""

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.core import git, pipeline, yaml
from headrace.core.project import Project
from headrace.core.stage import MAIN
from headrace.errors import ProjectError, nearest

NAME = r"[a-zA-Z0-9](?:[a-zA-Z0-9-/_]*[a-zA-Z0-9])?"
"""A name that gto takes for an artifact or a stage."""
STAGES = ("dev", "staging", "prod")
EXAMPLE = "artifacts: {model: {path: models/bundle.tar, type: model}}"


@dataclass(frozen=True)
class Artifact:
    """An artifact: its name as gto knows it, and its file's path from the study on.

    `prefix` leads from the repository's top to the study, and stands in the name before a colon.
    """

    name: str
    path: str
    prefix: str


def select(project: Project, name: str | None) -> Artifact:
    """Return the artifact of this name, or the only one of dvc.yaml.

    Errors:
        ProjectError: there is none, or more than one and no name; or it is not as DVC has it.
    """
    paths = artifacts(project.root)
    if name is None and len(paths) > 1:
        raise ProjectError(f"dvc.yaml has {len(paths)} artifacts. Next: --artifact {_or(paths)}")
    prefix = git.prefix(project.root)
    # gto names an artifact of a folder `folder:name`; both forms are understood here.
    name = name.rpartition(":")[2] if name else next(iter(paths))
    if name not in paths:
        raise ProjectError(
            f"dvc.yaml has no artifact {name}.{nearest(name, paths)} Next: --artifact {_or(paths)}"
        )
    return Artifact(f"{prefix.rstrip('/')}:{name}" if prefix else name, paths[name], prefix)


def _or(names: Iterable[str]) -> str:
    return " or ".join(names)


def artifacts(root: Path) -> dict[str, str]:
    """Return the paths of dvc.yaml's artifacts by their names.

    Errors:
        ProjectError: there is none, or one is not as DVC has it.
    """
    block: Any = pipeline.read(root, MAIN).top_level("artifacts")
    if not block:
        raise ProjectError(f"dvc.yaml has no artifact to register. Next: add {EXAMPLE}")
    if not isinstance(block, dict):
        raise ProjectError(f"dvc.yaml: artifacts must hold names. Next: write {EXAMPLE}")
    paths = {}
    for name, entry in block.items():
        path = entry.get("path") if isinstance(entry, dict) else None
        if not isinstance(path, str) or not re.fullmatch(NAME, name):
            raise ProjectError(
                f"dvc.yaml: artifact {name!r} needs a path, and a name of letters, numbers, - and _"
                f" alone. Next: write such as {EXAMPLE}"
            )
        paths[name] = posixpath.normpath(path)
    return paths


def stages(project: Project) -> tuple[str, ...]:
    """Return the stages in their order: `stages` of [tool.headrace], or dev, staging, prod.

    Errors:
        ProjectError: they are not a list of names.
    """
    setting = project.settings.get("stages", list(STAGES))
    listed = yaml.or_empty(setting, list)
    names = [name for name in listed if isinstance(name, str) and re.fullmatch(NAME, name)]
    if not names or len(names) != len(listed) or len(set(names)) != len(names):
        raise ProjectError(
            f"pyproject.toml: stages is {setting!r}, which is not a list of names."
            ' Next: stages = ["dev", "staging", "prod"]'
        )
    return tuple(names)
