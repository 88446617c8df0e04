"""The code that lies in a bundle: what answers is what the model was made with."""

import atexit
import builtins
import importlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from headrace.bundle.archive import Files
from headrace.errors import DataError

pass

SOURCE = "src/"
OURS = "src/headrace/"
"""Bundles made before headrace was a package hold its modules too; they are not the study's."""


class Code(NamedTuple):
    """What a bundle's code gives: what answers, and the types that its model may hold."""

    predict: Callable[[Any, Any], Any]
    trusted: Sequence[str]
    inside: Callable[[str], str] = str
    """Gives Python's name for a module or a type of the bundle's."""
    outside: Callable[[str], str] = str
    """Gives a text in which they have the bundle's names again."""


def study_modules(files: Files) -> dict[str, bytes]:
    """Return the study's modules among a bundle's files, by their paths."""
    return {
        name: content
        for name, content in files.items()
        if name.startswith(SOURCE) and name.endswith(".py") and not name.startswith(OURS)
    }


def load_code(name: str, files: Files, doors: Mapping[str, str]) -> Code:
    """Import a bundle's own modules, beside any of the same name, and return what its doors name.

    They stay apart from all others: what they import later, while they answer, is the bundle's too.

    Errors:
        DataError: they cannot be imported, or lack a name.
    """
    folder = Path(tempfile.mkdtemp(prefix="headrace-bundle-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    names = Names(folder, _write(study_modules(files), folder))
    try:
        predict, trusted = (
            _entry_point(names.inside(doors[one])) for one in ("predict", "trusted")
        )
        return Code(predict, (*map(names.inside, trusted),), names.inside, names.outside)
    except Exception as error:  # its code can fail in any way
        raise DataError(
            f"{name} is refused: its code cannot be imported: {type(error).__name__}:"
            f" {names.outside(str(error))}."
            " Next: install the requirements.txt that lies in the bundle"
        ) from None


def _write(modules: Mapping[str, bytes], folder: Path) -> set[str]:
    """Write modules below a folder, each package with its `__init__.py`; return the top ones."""
    for name, content in modules.items():
        path = folder / name.removeprefix(SOURCE)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        for package in path.relative_to(folder).parents:
            if package != Path():
                (folder / package / "__init__.py").touch()
    return {Path(name.removeprefix(SOURCE)).parts[0].removesuffix(".py") for name in modules}


def _entry_point(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


PREFIX = "_headrace_bundle_"
_counter = count(1)


class Names:
    """The packages of one bundle, which lie in a folder."""

    def __init__(self, folder: Path, packages: set[str]) -> None:
        """Make a name for them, under which Python finds them from now on."""
        self._packages, self._root = packages, f"{PREFIX}{next(_counter)}"
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
