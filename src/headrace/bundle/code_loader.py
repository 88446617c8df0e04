"""Import the code in a bundle under a name of its own, so that two bundles stand side by side.

What is `study.model` to the code in a bundle is `_headrace_bundle_1.study.model` to Python. An
import statement calls the `__import__` among its module's builtins, at whatever time it runs, so
nothing is swapped during a prediction, and other threads are not affected.
"""

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

PREFIX = "_headrace_bundle_"
SOURCE = "src/"
OWN_SOURCE = "src/headrace/"
"""Bundles made before headrace was a package hold its modules too; they are not the study's."""
_counter = count(1)


class Code(NamedTuple):
    """What a bundle's code provides: the function that predicts, and its model's types."""

    predict: Callable[[Any, Any], Any]
    trusted: Sequence[str]
    private_name: Callable[[str], str] = str
    """Returns Python's name for a module or a type of the bundle."""
    public_names: Callable[[str], str] = str
    """Returns a text with the bundle's own names again."""


def study_modules(files: Files) -> dict[str, bytes]:
    """Return the study's modules among a bundle's files, by their paths."""
    return {
        name: content
        for name, content in files.items()
        if name.startswith(SOURCE) and name.endswith(".py") and not name.startswith(OWN_SOURCE)
    }


def load_code(name: str, files: Files, doors: Mapping[str, str]) -> Code:
    """Import a bundle's modules, and return what its entry points (`doors`) name.

    They stay apart from all modules of the same name, also in imports that run later.

    Errors:
        DataError: they cannot be imported, or lack a name.
    """
    folder = Path(tempfile.mkdtemp(prefix="headrace-bundle-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    namespace = Namespace(folder, _write(study_modules(files), folder))
    private = namespace.private_name
    try:
        predict, trusted = (_entry_point(private(doors[door])) for door in ("predict", "trusted"))
        return Code(predict, (*map(private, trusted),), private, namespace.public_names)
    except Exception as error:  # its code can fail in any way
        raise DataError(
            f"{name} is refused: its code cannot be imported: {type(error).__name__}:"
            f" {namespace.public_names(str(error))}."
            " Next: install the requirements.txt of the bundle"
        ) from None


def _write(modules: Mapping[str, bytes], folder: Path) -> set[str]:
    """Write modules below a folder, each package with its `__init__.py`; return the top ones."""
    for name, content in modules.items():
        path = folder / name.removeprefix(SOURCE)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        for package in [*path.relative_to(folder).parents][:-1]:  # the last is the folder itself
            (folder / package / "__init__.py").touch()
    return {Path(name.removeprefix(SOURCE)).parts[0].removesuffix(".py") for name in modules}


def _entry_point(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


class Namespace:
    """The packages of one bundle, which are in a folder, under a name of their own."""

    def __init__(self, folder: Path, packages: set[str]) -> None:
        """Make the name, under which Python finds the packages from now on."""
        self._packages, self._root = packages, f"{PREFIX}{next(_counter)}"
        self._builtins = {**vars(builtins), "__import__": self._import}
        root = ModuleType(self._root)
        root.__path__ = [str(folder)]
        sys.modules[self._root] = root
        sys.meta_path.insert(0, self)  # before Python's own finder, whose modules get no builtins
        importlib.invalidate_caches()

    def private_name(self, name: str) -> str:
        """Return Python's name for a module or a type of the bundle."""
        return f"{self._root}.{name}" if name.partition(".")[0] in self._packages else name

    def public_names(self, text: str) -> str:
        """Return a text with the bundle's own names in place of Python's."""
        return text.replace(f"{self._root}.", "")

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a module of the bundle is, as importlib asks; None for any other."""
        is_own = name.startswith(f"{self._root}.")
        spec = PathFinder.find_spec(name, path) if is_own else None
        if spec is not None and spec.origin is not None:
            spec.loader = _Loader(name, spec.origin, self._builtins)
        return spec

    def _import(
        self,
        name: str,
        globals: Any = None,
        locals: Any = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        # A relative import is resolved from its package's name, which is the private one already.
        private = name if level else self.private_name(name)
        if private == name:
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        if fromlist:
            return builtins.__import__(private, globals, locals, fromlist, 0)
        importlib.import_module(private)
        # `import a.b` binds `a`, so that is what Python expects of `__import__`.
        return sys.modules[self.private_name(name.partition(".")[0])]


class _Loader(SourceFileLoader):
    """Executes a module with the bundle's own builtins."""

    def __init__(self, name: str, path: str, own_builtins: dict[str, Any]) -> None:
        super().__init__(name, path)
        self._builtins = own_builtins

    def exec_module(self, module: ModuleType) -> None:
        """Execute it."""
        vars(module)["__builtins__"] = self._builtins
        super().exec_module(module)
