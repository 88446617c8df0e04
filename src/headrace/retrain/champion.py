"""The model that a challenger is held against, and what it was made with."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.bundle import load
from headrace.core import artifact, dvc_cache, lockfile, yaml
from headrace.core.project import Project
from headrace.errors import DataError, ProjectError
from headrace.registry import fetch


@dataclass(frozen=True)
class Champion:
    """A bundle's file, what it is called, and the parameters it was made with, block by block."""

    path: Path
    label: str
    parameters: dict[str, Any]

    def said(self, dotted: str) -> Any:
        """Return a parameter by its dotted name.

        Errors:
            DataError: the bundle does not name it.
        """
        value = self.parameters.get(dotted)
        if value is None:
            value = yaml.lookup(self.parameters, dotted)
        if value is None:
            raise DataError(
                f"{self.label} does not say its {dotted}, so nobody can tell which batches it has"
                f" seen. Next: list {dotted} in dvc.yaml among the params of a stage that the"
                " bundle is made by, and dvc repro"
            )
        return value


def of(found: Project) -> Champion:
    """Return the bundle that is in the last stage, or that of the last commit where none is.

    Errors:
        DataError: nobody at hand has its bytes, or they are not as they were written.
    """
    path, label = _file(found)
    return Champion(path, label, load.read_manifest(path)["parameters"])


def _file(found: Project) -> tuple[Path, str]:
    for name in artifact.artifacts(found.root):
        try:
            return fetch.fetch_bundle(found.root, f"{name}#{artifact.stages(found)[-1]}")
        except ProjectError:
            continue
    return _committed(found.root, load.default_path(found).relative_to(found.root).as_posix())


def _committed(root: Path, where: str) -> tuple[Path, str]:
    """Return the bundle that dvc.lock names: the one in the folder may be another."""
    outs = [out for record in lockfile.read(root).values() for out in record.outs]
    for out in outs:
        kept = (
            dvc_cache.store_of(root).find(out) or dvc_cache.fetch(root, out)
            if out.path == where
            else None
        )
        if kept is not None:
            return kept, f"{where} of the last commit"
    raise DataError(f"{where} of the last commit is not here. Next: dvc pull {where}, or dvc repro")
