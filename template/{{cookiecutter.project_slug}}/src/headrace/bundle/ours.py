"""The part of our own code that answering needs: it goes along, for where nothing is installed."""

import ast
from collections.abc import Iterator
from pathlib import Path

import headrace
from headrace.check.imports import imported

HERE = Path(headrace.__file__).resolve().parent
BEGIN = ("headrace.serve.__main__", "headrace.score.__main__")
PREFIX = "src/"


def files() -> dict[str, bytes]:
    """Return our modules that a server and a scorer need, and what lies beside them for pages."""
    found: dict[str, Path] = {}
    left = [*BEGIN]
    while left:
        module = left.pop()
        path = _file(module)
        if path is not None and module not in found:
            found[module] = path
            left += _imported(path)
    styles = (style for path in found.values() for style in path.parent.glob("*.css"))
    paths = sorted({*found.values(), *styles})
    return {f"{PREFIX}{_from_source(path)}": path.read_bytes() for path in paths}


def _from_source(path: Path) -> str:
    return path.relative_to(HERE.parent).as_posix()


def _file(module: str) -> Path | None:
    """Return the file of one of our modules; nothing where a name is no module."""
    place = HERE.parent.joinpath(*module.split("."))
    inside = place / "__init__.py"
    if inside.is_file():
        return inside
    return place.with_suffix(".py") if place.with_suffix(".py").is_file() else None


def _imported(path: Path) -> Iterator[str]:
    """Yield the dotted names of ours that a module imports, with the packages they lie in."""
    for parts in sorted(imported(ast.parse(path.read_bytes()), ())):
        if parts[0] == "headrace":
            yield from (".".join(parts[:length]) for length in range(1, len(parts) + 1))
