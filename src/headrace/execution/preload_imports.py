"""What a preload server imports ahead: installed packages that the code of the stages names."""

import ast
import importlib
import json
import re
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pydantic
from nbformat import validator

from headrace.core import imports, project
from headrace.core.project import Project
from headrace.core.stage import Stage
from headrace.errors import HeadraceError

COMPANIONS = {
    "pandas": ("pyarrow", "parquet"),
    "matplotlib": ("matplotlib", "backends", "backend_agg"),
}
"""What a package imports only when it is used, as notebooks use it."""
V4_5 = (4, 5)
"""The version of the notebook format."""
MAGIC = re.compile(r"(?m)^\s*[%!?].*$|^.*\?$")
SITE = tuple({sysconfig.get_path(name) for name in ("purelib", "platlib")})

Names = tuple[str, ...]
"""The parts of a dotted name, of which the last may be no module."""


def followers(name: str, environment: Mapping[str, str]) -> Iterator[tuple[Project, Stage]]:
    """Yield a stage, and those behind it that read what it or another of them makes.

    Of a `matrix` or `foreach` one stands for all, which import the same.
    """
    study = project.find_project()
    stage = study.stage(name, environment)
    yield study, stage
    made, groups = {out.path for out in stage.outs}, {stage.group}
    for other in study.stages.values():
        if made & {dep.path for dep in other.deps}:
            made |= {out.path for out in other.outs}
            if other.group not in groups:
                groups.add(other.group)
                yield study, other


def named(study: Project, stage: Stage) -> Iterator[Names]:
    """Yield the names that a stage's notebook imports, itself and by the project's own modules."""
    graph = imports.Graph(study.root, study.source)
    trees = []
    with suppress(HeadraceError, OSError, ValueError, KeyError, TypeError):
        cells = json.loads(study.notebook(stage).read_bytes())["cells"]
        trees = [_tree(cell) for cell in cells if cell["cell_type"] == "code"]
    for tree in trees:
        modules = [imports.tree_of(study.root / file) for file in graph.files(tree)]
        for names in (name for part in (tree, *modules) for name in imports.imported(part, ())):
            yield names
            if companion := COMPANIONS.get(names[0]):
                yield companion


def _tree(cell: Mapping[str, Any]) -> ast.Module:
    """Return a cell's syntax tree, but for IPython's own commands."""
    try:
        return ast.parse(MAGIC.sub("", "".join(cell["source"])))
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def is_installed(package: str) -> bool:
    """Tell whether a package is one of the environment's, whose versions are locked."""
    if package in sys.modules:
        return hasattr(sys.modules[package], "__path__")
    with suppress(ImportError, ValueError):
        found = find_spec(package)
        return found is not None and str(found.origin).startswith(SITE)
    return False


def import_longest(names: Names) -> None:
    """Import a dotted name as far as it is a module."""
    module = importlib.import_module(names[0])
    for length in range(2, len(names) + 1):
        name = ".".join(names[:length])
        if hasattr(module, names[length - 1]) or not hasattr(module, "__path__"):
            module = getattr(module, names[length - 1], module)
        elif find_spec(name):
            module = importlib.import_module(name)


def warm_up() -> None:
    """Do what every stage does at first: compile nbformat's schema, find pydantic's plugins."""
    validator.get_validator(*V4_5)
    pydantic.create_model("Params", seed=(int, pydantic.Field(ge=0)))
    importlib.import_module("IPython.extensions.storemagic")


def count_threads() -> int:
    """Return how many threads this process has, those of libraries among them."""
    return len([*Path("/proc/self/task").iterdir()])
