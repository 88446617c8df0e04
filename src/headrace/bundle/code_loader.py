"""The code that lies in a bundle: what answers is what the model was made with."""

import atexit
import importlib
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from headrace.bundle.archive import Files
from headrace.bundle.module_isolation import Names
from headrace.errors import DataError

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


def parts(files: Files) -> dict[str, bytes]:
    """Return the study's modules among a bundle's files, by their paths."""
    return {
        name: content
        for name, content in files.items()
        if name.startswith(SOURCE) and name.endswith(".py") and not name.startswith(OURS)
    }


def load(name: str, files: Files, doors: Mapping[str, str]) -> Code:
    """Import a bundle's own modules, beside any of the same name, and return what its doors name.

    They stay apart from all others: what they import later, while they answer, is the bundle's too.

    Errors:
        DataError: they cannot be imported, or lack a name.
    """
    folder = Path(tempfile.mkdtemp(prefix="headrace-bundle-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    names = Names(folder, _write(parts(files), folder))
    try:
        predict, trusted = (_door(names.inside(doors[one])) for one in ("predict", "trusted"))
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


def _door(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)
