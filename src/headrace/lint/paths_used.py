"""Which files a notebook names, and whether it reads or writes them.

It looks for attributes of the study's paths module, and for literals that are a file's path.
`headrace verify` sees the paths that a cell puts together while it runs.
"""

import ast
import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from headrace.lint.notebook_ast import Notebook

READS = re.compile(r"(read|load|scan|open)(_|$)|(loadtxt|imread|exists|is_file|stat)$")
WRITES = re.compile(r"(write|save|dump)(_|$)|to_|(savefig|savetxt|savez|imsave|touch|unlink)$")
WRAPPERS = {"Path", "PurePath", "str", "fspath"}
"""Calls that return the path that they get."""
PLAIN = re.compile(r"(?!/)[\w./+@ -]*[\w]")
FILE = re.compile(r"(?!/)([\w+@ -]|\.\.?/)[\w./+@ -]*\.[A-Za-z]\w{0,9}")
"""A path that ends as files do; `2013.01` does not."""


@dataclass(frozen=True)
class Use:
    """A file that a notebook names; its path is relative to the study."""

    path: str
    verb: str
    """Either "writes" or "reads", or "names" where the code does not show which."""
    cell: int
    line: int


@dataclass(frozen=True)
class Files:
    """What identifies a file's name in code."""

    root: Path
    paths: ModuleType | None
    declared: Collection[str]
    """The deps and outs of all stages."""
    folder: str = "."
    """Where the notebook runs, from the study on."""

    def attribute(self, name: str) -> str:
        """Return the path of an attribute of the paths module; "" where it is not a path."""
        path = getattr(self.paths, name, None)
        if not isinstance(path, Path):
            return ""
        root = self.root.resolve()
        return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()

    def literal(self, text: str, *, in_call: bool) -> str:
        """Return the path that a literal is; "" where it is another text."""
        if not PLAIN.fullmatch(text):
            return ""
        path = os.path.normpath(os.path.join(self.folder, text))  # noqa: PTH118  # text
        if in_call and (FILE.fullmatch(text) or path in self.declared):
            return path
        if not re.search(r"[./]", text):  # "features" may be a folder, or a column's name
            return ""
        is_file = os.path.isfile(self.root / path)  # noqa: PTH113  # False for a name too long
        return path if path in self.declared or is_file else ""


def uses(notebook: Notebook, files: Files) -> Iterator[Use]:
    """Yield the files that a notebook names, in order."""
    names = _names(notebook, files.paths.__name__) if files.paths else {}
    for cell in notebook.code:
        try:
            paths = list(_Visitor(files, names).visit(cell.tree, ""))
        except RecursionError:  # the cell is nested too deeply
            continue
        for path, verb, line in paths:
            yield Use(path, verb or "names", cell.number, line)


def _names(notebook: Notebook, module: str) -> dict[str, str]:
    """Map the notebook's names for the paths module to "", for a path of it to the attribute."""
    package, _, module_name = module.rpartition(".")
    names = {module: ""}
    for cell in notebook.code:
        for node in ast.walk(cell.tree):
            if isinstance(node, ast.Import):
                names |= {a.asname: "" for a in node.names if a.name == module and a.asname}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                if node.module == package:
                    names |= {a.asname or a.name: "" for a in node.names if a.name == module_name}
                elif node.module == module:
                    names |= {a.asname or a.name: a.name for a in node.names}
    return names


PathVerbLine = tuple[str, str, int]


class _Visitor:
    """Walks through a cell; it knows what the surrounding call does with its arguments."""

    def __init__(self, files: Files, names: Mapping[str, str]) -> None:
        self._files = files
        self._names = names

    def visit(self, node: ast.AST, verb: str) -> Iterator[PathVerbLine]:
        """Yield the files that a node names; `verb` is what the surrounding call does."""
        if isinstance(node, ast.expr) and (path := self._path(node, in_call=bool(verb))):
            yield path, verb, node.lineno
        elif isinstance(node, ast.Call):
            yield from self._call(node, verb)
        elif isinstance(node, ast.JoinedStr):  # its literal parts are not complete paths
            for part in node.values:
                if isinstance(part, ast.FormattedValue):
                    yield from self.visit(part.value, "")
        else:
            inner = verb if isinstance(node, ast.Starred | ast.IfExp) else ""
            for child in ast.iter_child_nodes(node):
                yield from self.visit(child, inner)

    def _call(self, node: ast.Call, verb: str) -> Iterator[PathVerbLine]:
        name = _function_name(node)
        inner = verb if name in WRAPPERS else _verb(name, node)
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        if owner is not None and self._path(owner, in_call=bool(inner)):
            yield from self.visit(owner, inner)  # paths.model.write_bytes(…)
        else:
            yield from self.visit(node.func, "")
        for index, argument in enumerate(node.args):
            yield from self.visit(argument, inner if index == 0 or _may_be_file(argument) else "")
        for keyword in node.keywords:
            yield from self.visit(keyword.value, inner if _may_be_file(keyword.value) else "")

    def _path(self, node: ast.expr, *, in_call: bool) -> str:
        """Return the path that an expression denotes; "" where that is not known."""
        match node:
            case ast.Constant(value=str(text)):
                return self._files.literal(text, in_call=in_call)
            case ast.Name(id=name) if self._names.get(name):
                return self._files.attribute(self._names[name])
            case ast.BinOp(left=left, op=ast.Div(), right=ast.Constant(value=str(text))):
                folder = self._path(left, in_call=False)
                return os.path.normpath(f"{folder}/{text}") if folder else ""
            case ast.Attribute(value=value, attr="parent") if path := self._path(
                value, in_call=False
            ):
                return os.path.dirname(path) or "."  # noqa: PTH120  # text, as dvc.yaml has it
            case ast.Attribute(value=value, attr=attribute):
                is_module = self._names.get(ast.unparse(value)) == ""
                return self._files.attribute(attribute) if is_module else ""
            case ast.Call(args=[inner]) if _function_name(node) in WRAPPERS:
                return self._path(inner, in_call=in_call)
        return ""


def _may_be_file(argument: ast.expr) -> bool:
    """Tell whether an argument after the first may be a file: a literal must have a slash.

    Other literals are modes, separators, names of columns.
    """
    return not isinstance(argument, ast.Constant) or "/" in str(argument.value)


def _function_name(node: ast.Call) -> str:
    """Return the name of the called function or method: "to_csv"."""
    match node.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def _verb(name: str, node: ast.Call) -> str:
    """Return what a function of this name does with its files."""
    if name == "open":
        modes = [value.value for value in _values(node) if isinstance(value.value, str)]
        return "writes" if any(re.fullmatch(r"[rbt]*[wax+][wrbt+]*", m) for m in modes) else "reads"
    if WRITES.match(name):
        return "writes"
    return "reads" if READS.match(name) else ""


def _values(node: ast.Call) -> list[ast.Constant]:
    """Return the literals among a call's arguments."""
    values = [*node.args, *(keyword.value for keyword in node.keywords)]
    return [value for value in values if isinstance(value, ast.Constant)]
