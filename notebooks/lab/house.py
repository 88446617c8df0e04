"""What holds the house: the package's size and structure, measured and compared with house.toml."""

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import grimp

from lab import bake, paths

LIMITS = paths.root / "house.toml"
SMALL, LONG = 50, 40
"""Lines of a module that is too small to open, and of a function that is too long to read."""
ENTRIES = {"__init__", "__main__"}


def main() -> None:
    """Print each figure beside its limit; fail where one is above it."""
    limits: dict[str, int] = tomllib.loads(LIMITS.read_text("utf-8"))
    figures = measure()
    for name, value in figures.items():
        print(f"{name.replace('_', ' '):<28}{value:>8,}{limits[name]:>8,}")
    above = [name for name, value in figures.items() if value > limits[name]]
    if above:
        sys.exit(
            f"house.toml: {', '.join(above)} above the limit. Next: make it less, or write why"
        )


def measure() -> dict[str, int]:
    """Return the figures of the working tree, by the names of house.toml."""
    modules = {path: path.read_text("utf-8").splitlines() for path in _modules()}
    graph = grimp.build_graph("headrace", cache_dir=None)
    inner = {path for path in modules if path.stem not in ENTRIES}
    importers = [graph.find_modules_that_directly_import(_name(path)) for path in inner]
    functions = (node for path in modules for node in _functions(path))
    return {
        "files_in_a_study": len([*_study_files()]),
        "lines": sum(map(len, modules.values())),
        "modules": len(modules),
        "modules_behind_a_package": sum(path.with_suffix("").is_dir() for path in inner),
        "modules_with_one_importer": sum(len(names) == 1 for names in importers),
        "modules_under_50_lines": sum(len(modules[path]) < SMALL for path in inner),
        "import_cycles": len([*cycles(graph)]),
        "functions_over_40_lines": sum(_lines(node) > LONG for node in functions),
    }


def cycles(graph: grimp.ImportGraph) -> Iterator[set[str]]:
    """Yield the sets of modules that import each other, by late and typing imports as well."""
    reached = {name: graph.find_upstream_modules(name) | {name} for name in graph.modules}
    unvisited = set(graph.modules)
    while unvisited:
        name = unvisited.pop()
        circle = {module for module in reached[name] if name in reached[module]}
        unvisited -= circle
        if len(circle) > 1:
            yield circle


def _modules() -> list[Path]:
    folder = paths.root / "src/headrace"
    return [path for path in sorted(folder.rglob("*.py")) if "__pycache__" not in path.parts]


def _name(path: Path) -> str:
    return ".".join(path.relative_to(paths.root / "src").with_suffix("").parts)


def _functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _study_files() -> Iterator[str]:
    inside = f"{paths.study.relative_to(paths.root)}/"
    names = (name for name in bake.template_files() if name.startswith(inside))
    return (name for name in names if not name.startswith(f"{inside}blank/"))


if __name__ == "__main__":
    main()
