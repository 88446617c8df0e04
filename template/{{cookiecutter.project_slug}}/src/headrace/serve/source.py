"""Where a study's bundle comes from: a file, the registry, or the artifact of dvc.yaml."""

from pathlib import Path

from headrace.bundle import command
from headrace.project import Project
from headrace.registry import fetch
from headrace.serve.service import Champion, loaded


def champion(found: Project, source: str) -> Champion:
    """Load what a source names: a file, `model#prod`, `model@v1.2.0`; nothing: dvc.yaml's artifact.

    What answers is the code that lies in the bundle, whatever the study has now.

    Errors:
        DataError: the bundle is refused, or nobody at hand has its bytes.
        ProjectError: there is no such version, or no artifact.
    """
    if not source:
        return loaded(command.default(found))
    if ("#" in source or "@" in source) and not Path(source).exists():
        return loaded(*fetch.bundle(found.root, source))
    return loaded(Path(source))
