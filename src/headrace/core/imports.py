"""Find the project's own modules that code imports, directly and through others."""

import ast
import os
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

Chain = tuple[str, ...]
"""The modules on the way to one: ("study.model", "study.features")."""


@dataclass(frozen=True)
class Module:
    """One of the project's modules, by its dotted name, and its file from the project on."""

    name: str
    file: str


class Graph:
    """The imports among the modules below a source folder."""

    def __init__(self, root: Path, source: Path) -> None:
        self._root = root
        self._source = source
        # Per graph, not per module: a study's files change between two graphs of one process.
        self._imports_of = cache(self._imports)

    def files(self, tree: ast.AST) -> dict[str, Chain]:
        """Return each file that code needs, and the shortest way to it."""
        reached: dict[str, Chain] = {}
        queue: deque[tuple[Module, Chain]] = deque()
        queue.extend((module, ()) for module in self._modules(imported(tree, ())))
        while queue:  # breadth first, so that the first chain to a file is a shortest one
            module, chain = queue.popleft()
            if module.file not in reached:
                reached[module.file] = (*chain, module.name)
                queue.extend((needed, (*chain, module.name)) for needed in self._imports_of(module))
        return reached

    def _imports(self, module: Module) -> list[Module]:
        """Return what a module imports of the project's own."""
        parts = tuple(module.name.split("."))
        package = parts if module.file.endswith("/__init__.py") else parts[:-1]
        return list(self._modules(imported(tree_of(self._root / module.file), package)))

    def _modules(self, names: Iterable[Chain]) -> Iterator[Module]:
        for parts in sorted(names):
            yield from self._loaded(parts)

    def _loaded(self, parts: Chain) -> Iterator[Module]:
        """Yield the modules that importing a dotted name loads; its last part may be no module."""
        for length in range(1, len(parts) + 1):
            place = self._source.joinpath(*parts[:length])
            name = ".".join(parts[:length])
            if place.is_dir():
                init_file = place / "__init__.py"
                if init_file.is_file() and has_code(init_file):
                    yield Module(name, self._from_root(init_file))
                continue
            if (file := place.with_name(f"{place.name}.py")).is_file():
                yield Module(name, self._from_root(file))
            return

    def _from_root(self, file: Path) -> str:
        """Return a file's path as dvc.yaml has it; the source folder may lie beside the study."""
        return Path(os.path.relpath(file, self._root)).as_posix()


def has_code(init_file: Path) -> bool:
    """Tell whether a package's `__init__` holds more than a docstring."""
    tree = tree_of(init_file)
    return len(tree.body) > (ast.get_docstring(tree) is not None)


def imported(tree: ast.AST, package: Chain) -> set[Chain]:
    """Return the dotted names that code imports; `package` is what it lies in.

    Imports under `if TYPE_CHECKING:` are left out: they do not run.
    """
    names: set[Chain] = set()
    for node in _executed(tree):
        if isinstance(node, ast.Import):
            names |= {tuple(alias.name.split(".")) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: max(0, len(package) - node.level + 1)] if node.level else ()
            inside = (*base, *(node.module.split(".") if node.module else ()))
            names |= {(*inside, alias.name) for alias in node.names}
    return names


def _executed(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a tree, without those under `if TYPE_CHECKING:`."""
    pending = [tree]
    while pending:
        node = pending.pop()
        yield node
        # `typing.TYPE_CHECKING` too; what stands in its `else` does run.
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            pending += node.orelse
        else:
            pending += ast.iter_child_nodes(node)


def tree_of(path: Path) -> ast.Module:
    """Return a module's syntax tree; an empty one where it is not Python."""
    try:
        return ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return ast.Module([], [])
