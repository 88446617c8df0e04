"""The command `headrace bundle`: check a bundle as loading does, and say what it is."""

from collections.abc import Iterator
from pathlib import Path

from headrace.bundle import load
from headrace.core import artifact
from headrace.core.project import Project


def run(project: Project, file: Path | None) -> None:
    """Load a bundle, default the one that dvc.yaml names, and print what it holds.

    Errors:
        DataError: it is refused; the part or the difference is named.
        ProjectError: no file is named, and dvc.yaml names none.
    """
    path = file or default(project)
    for line in _lines(load.load(path, project)):
        print(line)


def default(project: Project) -> Path:
    """Return the bundle that dvc.yaml lists first under `artifacts`.

    Errors:
        ProjectError: it lists none.
    """
    return project.root / next(iter(artifact.artifacts(project.root).values()))


def _lines(bundle: load.Bundle) -> Iterator[str]:
    environment = bundle.manifest["environment"]
    sizes = sorted(((len(content), name) for name, content in bundle.files.items()), reverse=True)
    yield f"{bundle.name}: {sum(size for size, _ in sizes) / 2**20:.1f} MiB, every byte as written"
    for size, name in sizes:
        yield f"  {size:>11,}  {name}"
    packages = len(environment["packages"])
    yield f"Python {environment['python']} and {packages} packages are here as where it was made."
    yield f"Its {bundle.replay()} golden rows come out again."
