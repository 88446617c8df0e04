"""Show what a model file holds that nobody trusts yet, for a person to review."""

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from headrace.bundle import skops_io
from headrace.bundle.skops_io import UntrustedTypesError
from headrace.core.project import Project
from headrace.errors import ProjectError

TREES = (
    "sklearn.tree._tree.Tree",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
)
"""Of scikit-learn: no code runs, but indices are followed unchecked, so a forged file may crash."""


def run(project: Project, files: Sequence[Path]) -> int:
    """Print the types of model files that are not trusted; return 1 where there are any.

    Errors:
        ProjectError: no file is named, and no stage writes one.
        DataError: a file is missing or broken.
    """
    setting = project.settings.get("trusted")
    trusted = tuple(project.load("trusted")) if setting else ()
    unknown: dict[str, None] = {}
    for path in files or _written(project):
        try:
            skops_io.read(path, trusted=trusted)
        except UntrustedTypesError as error:
            unknown |= dict.fromkeys(error.types)
            print(f"{path.name}: {len(error.types)} not trusted")
        else:
            print(f"{path.name}: every type is trusted")
    if not unknown:
        return 0
    for name in unknown:
        print(f"  {name}: {_origin(name)}")
    where = str(setting or "study.model:TRUSTED_TYPES").replace(":", ", ")
    print(
        f"Look at each: loading a model makes objects of it. Next: list what you trust in {where}:"
    )
    print("\n".join(f"    {name!r}," for name in unknown))
    return 1


def _written(project: Project) -> list[Path]:
    outs = [out.path for stage in project.all_stages.values() for out in stage.outs]
    written = [project.root / path for path in outs if path.endswith(".skops")]
    if not written:
        raise ProjectError("No stage writes a .skops file. Next: name one, headrace trust FILE")
    return written


def _origin(name: str) -> str:
    """Say where a type comes from, and what is known of it."""
    package = name.partition(".")[0]
    if package == "__main__":
        return "defined in a notebook or script, which no other can load: move it to src/study"
    if package in sys.stdlib_module_names:
        return "of Python itself; look at what it does when it is called"
    if name in TREES:
        return "scikit-learn's; runs no code, but a forged file could crash the process"
    spec = find_spec(package)
    if spec is None:
        return "of a package that is not installed here"
    return f"of the package {package}" if "site-packages" in str(spec.origin) else "of this study"
