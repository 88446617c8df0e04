"""The bundle that a source names: a file, a registered version, or the artifact of dvc.yaml."""

import shlex
from pathlib import Path

# Names are resolved in a module of their own: a bundle needs pandas, and a promotion does not.
from headrace.bundle import load, model_service
from headrace.core import dvc_cache
from headrace.core.lockfile import File
from headrace.core.project import Project
from headrace.errors import DataError
from headrace.registry import resolve


def champion(project: Project, source: str) -> model_service.Champion:
    """Load the bundle that a source names, with the code in the bundle; see `bundle_file`.

    Errors:
        DataError: the bundle is refused, or neither DVC's cache nor a remote has it.
        ProjectError: there is no such version, or no artifact.
    """
    return model_service.load_champion(*bundle_file(project, source))


def bundle_file(project: Project, source: str) -> tuple[Path, str]:
    """Return the file of a bundle, and its label.

    A source is a file, `model#prod` or `model@v1.2.0`; the empty one is the artifact of dvc.yaml.

    Errors:
        DataError: neither DVC's cache nor a remote has the bytes of that version.
        ProjectError: there is no such version, or no artifact.
    """
    # A file may have such a name, too, and then the file is meant.
    if source and ("#" in source or "@" in source) and not Path(source).exists():
        return fetch_bundle(project.root, source)
    path = Path(source) if source else load.default_path(project)
    return path, path.name


def fetch_bundle(root: Path, name: str) -> tuple[Path, str]:
    """Return the file of `model#prod` or `model@v1.2.0`, and its label, with the version.

    Errors:
        ProjectError: there is no such version, or nothing is in that stage.
        DataError: neither DVC's cache nor a remote has its bytes.
    """
    version = resolve.resolve(root, name)
    file = File(version.path, version.md5, 0)
    path = dvc_cache.store_of(root).find(file) or dvc_cache.fetch(root, file)
    label = f"{version.artifact}@{version.version}"
    if path is None:
        raise DataError(
            f"The bundle of {label} is not in DVC's cache. Next: dvc fetch --all-commits"
            f" {shlex.quote(version.path)}"
        )
    return path, label
