"""The champion: the bundle in production, and the parameters it was made with."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.bundle import load
from headrace.core import artifact, dvc_cache, lockfile, yaml
from headrace.core.project import Project
from headrace.errors import DataError, ProjectError
from headrace.registry import fetch


@dataclass(frozen=True)
class ChampionBundle:
    """A bundle's file, its name in messages, and the parameters it was made with, by block."""

    path: Path
    label: str
    parameters: dict[str, Any]

    def parameter(self, dotted: str) -> Any:
        """Return a parameter by its dotted name.

        Errors:
            DataError: the bundle does not list it.
        """
        # A bundle lists what a stage's params name: the parameter itself, or a block that holds it.
        value = self.parameters.get(dotted)
        if value is None:
            value = yaml.lookup(self.parameters, dotted)
        if value is None:
            raise DataError(
                f"{self.label} does not list {dotted}, so the batches that it has seen are unknown."
                f" Next: list {dotted} in dvc.yaml among the params of a stage that the bundle is"
                " made by, and dvc repro"
            )
        return value


def find_champion(project: Project) -> ChampionBundle:
    """Return the bundle that is in the last stage, or that of the last commit where none is.

    Errors:
        DataError: its file is neither here nor on a remote, or is broken.
    """
    path, label = _file(project)
    return ChampionBundle(path, label, load.read_manifest(path)["parameters"])


def _file(project: Project) -> tuple[Path, str]:
    for name in artifact.artifacts(project.root):
        try:
            return fetch.fetch_bundle(project.root, f"{name}#{artifact.stages(project)[-1]}")
        except ProjectError:
            continue
    return _committed(project.root, load.default_path(project).relative_to(project.root).as_posix())


def _committed(root: Path, path: str) -> tuple[Path, str]:
    """Return the bundle that dvc.lock names: the one in the folder may be another."""
    for record in lockfile.read(root).values():
        for out in record.outs:
            if out.path == path:
                file = dvc_cache.store_of(root).find(out) or dvc_cache.fetch(root, out)
                if file is not None:
                    return file, f"{path} of the last commit"
    raise DataError(
        f"{path} of the last commit is not here. Next: dvc pull {shlex.quote(path)}, or dvc repro"
    )
