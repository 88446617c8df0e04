"""The bundle of a registered version, wherever DVC keeps it."""

from pathlib import Path

from headrace.core import dvc_cache
from headrace.core.lockfile import File
from headrace.errors import DataError
from headrace.registry import resolve_name


def bundle(root: Path, name: str) -> tuple[Path, str]:
    """Return the file of `model#prod` or `model@v1.2.0`, and what it is called: its version.

    Errors:
        ProjectError: there is no such version, or nothing is in that stage.
        DataError: neither DVC's cache nor a remote has its bytes.
    """
    version = resolve_name.resolve(root, name)
    file = File(version.path, version.md5, 0)
    found = dvc_cache.store_of(root).find(file) or dvc_cache.fetch(root, file)
    label = f"{version.artifact}@{version.version}"
    if found is None:
        raise DataError(
            f"The bundle of {label} is not in DVC's cache. Next: dvc fetch --all-commits"
            f" {version.path}"
        )
    return found, label
