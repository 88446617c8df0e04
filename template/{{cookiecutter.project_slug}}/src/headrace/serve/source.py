"""Where a bundle comes from: a file, the working tree, or the registry."""

from pathlib import Path

from headrace.bundle import command, read
from headrace.project import Project
from headrace.serve.service import Champion


def champion(found: Project, source: str) -> Champion:
    """Load what a source names; nothing: the artifact of dvc.yaml, as it lies there.

    Errors:
        DataError: the bundle is refused.
        ProjectError: there is none.
    """
    path = Path(source) if source else command.default(found)
    return Champion.of(read.load(path, found), path.name)
