"""Modules under a name of their own, which call each other as ever: two of one name side by side.

What is `study.model` to the code in a bundle is `_headrace_bundle_1.study.model` to Python. An
import statement asks the `__import__` among its module's builtins, now or whenever it runs, so that
nothing is swapped while somebody predicts, and other threads see nothing of it.
"""

import builtins
import importlib
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

PREFIX = "_headrace_bundle_"
_numbers = count(1)


class Names:
    """The packages of one bundle, which lie in a folder."""

    def __init__(self, folder: Path, packages: set[str]) -> None:
        """Make a name for them, under which Python finds them from now on."""
        self._packages, self._root = packages, f"{PREFIX}{next(_numbers)}"
        root = ModuleType(self._root)
        root.__path__ = [str(folder)]
        sys.modules[self._root] = root
        sys.meta_path.insert(0, _Finder(self._root, self._builtins()))
        importlib.invalidate_caches()

    def inside(self, name: str) -> str:
        """Return Python's name for a module or a type that the bundle calls so."""
        return f"{self._root}.{name}" if name.partition(".")[0] in self._packages else name

    def outside(self, text: str) -> str:
        """Return a text in which Python's names are the bundle's own again."""
        return text.replace(f"{self._root}.", "")

    def _builtins(self) -> dict[str, Any]:
        return {**vars(builtins), "__import__": self._import}

    def _import(
        self,
        name: str,
        globals: Any = None,
        locals: Any = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        inside = name if level else self.inside(name)
        if inside == name:
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        if fromlist:
            return builtins.__import__(inside, globals, locals, fromlist, 0)
        importlib.import_module(inside)
        return sys.modules[self.inside(name.partition(".")[0])]


class _Finder:
    """Finds the modules of one bundle."""

    def __init__(self, root: str, known: dict[str, Any]) -> None:
        self._root, self._known = f"{root}.", known

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a module of the bundle lies; None for any other."""
        found = PathFinder.find_spec(name, path) if name.startswith(self._root) else None
        if found is not None and found.origin is not None:
            found.loader = _Loader(name, found.origin, self._known)
        return found


class _Loader(SourceFileLoader):
    """Runs a module with builtins of the bundle's own."""

    def __init__(self, name: str, path: str, known: dict[str, Any]) -> None:
        super().__init__(name, path)
        self._known = known

    def exec_module(self, module: ModuleType) -> None:
        """Run it."""
        vars(module)["__builtins__"] = self._known
        super().exec_module(module)
