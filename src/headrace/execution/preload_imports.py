"""What a preload server imports ahead: installed packages that the code of the stages names."""

import ast
import importlib
import json
import logging
import os
import re
import sys
import sysconfig
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

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
SETTLE_S = 0.2
"""Seconds that a thread which an import has started may take to end by itself."""
V4_5 = (4, 5)
"""The version of the notebook format."""
MAGIC = re.compile(r"(?m)^\s*[%!?].*$|^.*\?$")
ENVIRONMENT = re.compile(r"\b(environ|putenv|setenv)\b|%(set_)?env\b")
"""What sets a variable of the environment, or may."""
SITE = tuple({f"{sysconfig.get_path(name)}{os.sep}" for name in ("purelib", "platlib")})

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


def changes_environment(study: Project, stage: Stage) -> bool:
    """Tell whether a stage's code may set variables of the environment before it imports."""
    with suppress(HeadraceError, OSError, ValueError):
        modules = {path for tree in _trees(study, stage) for path in _modules(study, tree)}
        texts = (path.read_text("utf-8") for path in (study.notebook(stage), *modules))
        return any(ENVIRONMENT.search(text) for text in texts)
    return False


def named(study: Project, stage: Stage) -> Iterator[Names]:
    """Yield the names that a stage's notebook imports, itself and by the project's own modules."""
    for tree in _trees(study, stage):
        modules = map(imports.tree_of, _modules(study, tree))
        for names in (name for part in (tree, *modules) for name in imports.imported(part, ())):
            yield names
            if companion := COMPANIONS.get(names[0]):
                yield companion


def _trees(study: Project, stage: Stage) -> list[ast.Module]:
    """Return the syntax trees of a notebook's cells; none where the notebook cannot be read."""
    with suppress(HeadraceError, OSError, ValueError, KeyError, TypeError):
        cells = json.loads(study.notebook(stage).read_bytes())["cells"]
        return [_tree(cell) for cell in cells if cell["cell_type"] == "code"]
    return []


def _modules(study: Project, tree: ast.Module) -> list[Path]:
    """Return the project's own modules that code needs."""
    return [study.root / file for file in imports.Graph(study.root, study.source).files(tree)]


def _tree(cell: Mapping[str, Any]) -> ast.Module:
    """Return a cell's syntax tree, but for IPython's own commands."""
    try:
        return ast.parse(MAGIC.sub("", "".join(cell["source"])))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


@dataclass(frozen=True)
class Traces:
    """What imports leave in a process, beside modules."""

    descriptors: frozenset[str]
    children: str
    path: tuple[str, ...]
    logging: tuple[int, int]
    silent: int

    @classmethod
    def now(cls) -> Self:
        """Return what there is now."""
        return cls(
            frozenset(_open_files()),
            Path(f"/proc/self/task/{os.getpid()}/children").read_text(),
            tuple(sys.path),
            (len(logging.root.handlers), logging.root.level),
            sum(rule[1:4] == (None, Warning, None) for rule in warnings.filters),
        )

    def difference(self) -> str:
        """Name what an import has left since then; nothing where that is modules alone."""
        now = type(self).now()
        left = {
            "opened a file": now.descriptors - self.descriptors,
            "started a process": now.children != self.children,
            "changed sys.path": now.path != self.path,
            "set up logging": now.logging != self.logging,
            "set a filter for all warnings": now.silent != self.silent,
        }
        return ", ".join(name for name, is_left in left.items() if is_left)


def _open_files() -> Iterator[str]:
    for path in [*Path("/proc/self/fd").iterdir()]:
        with suppress(FileNotFoundError):  # the descriptor of this very look
            yield str(path.readlink())


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


def has_threads() -> bool:
    """Tell whether this process has a thread that a fork would not have."""
    until = time.monotonic() + SETTLE_S
    while len([*Path("/proc/self/task").iterdir()]) > 1:
        # A library that ends its threads for a fork, as OpenBLAS does, has done so after one.
        fork = os.fork()
        if fork == 0:
            os._exit(0)
        os.waitpid(fork, 0)
        if time.monotonic() > until:
            return True
    return False
