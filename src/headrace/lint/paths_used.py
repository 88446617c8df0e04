"""Which files a notebook names, and whether it reads or writes them there.

Only what can be told without running counts: attributes of the study's paths module, and literals
that are a file's path. What is put together while a cell runs is for `headrace verify` to see.
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
"""Calls that give back the path that they are given."""
PLAIN = re.compile(r"(?!/)[\w./+@ -]*[\w]")
FILE = re.compile(r"(?!/)([\w+@ -]|\.\.?/)[\w./+@ -]*\.[A-Za-z]\w{0,9}")
"""A path that ends as files do; `2013.01` does not."""


@dataclass(frozen=True)
class Mention:
    """A file that a notebook names, by its path from the study on."""

    path: str
    verb: str
    """What is done with it: "writes", "reads", or "names" where the code does not say which."""
    cell: int
    line: int


@dataclass(frozen=True)
class Files:
    """What is needed to recognise a file's name."""

    root: Path
    paths: ModuleType | None
    declared: Collection[str]
    """The deps and outs of all stages."""

    def named(self, attribute: str) -> str:
        """Return the path that the paths module knows under a name; "" where it is none."""
        value = getattr(self.paths, attribute, None)
        return self.from_root(value) if isinstance(value, Path) else ""

    def from_root(self, path: Path) -> str:
        """Return a path from the study on, where it lies in it."""
        inside = path.is_relative_to(self.root.resolve())
        return path.relative_to(self.root.resolve()).as_posix() if inside else path.as_posix()

    def written(self, text: str, *, in_call: bool) -> str:
        """Return the path that a literal is; "" where it is another text."""
        if not PLAIN.fullmatch(text):
            return ""
        path = os.path.normpath(text)
        if in_call and (FILE.fullmatch(text) or path in self.declared):
            return path
        telling = re.search(r"[./]", text)  # "features" may be a folder, and a column's name
        return path if telling and (path in self.declared or self._is_file(path)) else ""

    def _is_file(self, path: str) -> bool:
        return (self.root / path).is_file()


def mentions(notebook: Notebook, files: Files) -> Iterator[Mention]:
    """Yield the files that a notebook names, in order."""
    names = _names(notebook, files.paths.__name__) if files.paths else {}
    for cell in notebook.code:
        try:
            found = list(_Visitor(files, names).visit(cell.tree, ""))
        except RecursionError:  # a cell nested so deeply names no file that anyone could find
            continue
        for path, verb, line in found:
            yield Mention(path, verb or "names", cell.number, line)


def _names(notebook: Notebook, module: str) -> dict[str, str]:
    """Return the names that notebooks give to the paths module (""), or to one of its paths."""
    package, _, own = module.rpartition(".")
    names = {module: ""}
    for cell in notebook.code:
        for node in ast.walk(cell.tree):
            if isinstance(node, ast.Import):
                names |= {a.asname: "" for a in node.names if a.name == module and a.asname}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                if node.module == package:
                    names |= {a.asname or a.name: "" for a in node.names if a.name == own}
                elif node.module == module:
                    names |= {a.asname or a.name: a.name for a in node.names}
    return names


Seen = tuple[str, str, int]
"""A path, what is done with it, and its line."""


class _Visitor:
    """Walks through a cell, knowing what the call around does with its arguments."""

    def __init__(self, files: Files, names: Mapping[str, str]) -> None:
        self._files = files
        self._names = names

    def visit(self, node: ast.AST, verb: str) -> Iterator[Seen]:
        """Yield the files that are named in a node, which stands where `verb` is done."""
        if isinstance(node, ast.expr) and (path := self._path(node, in_call=bool(verb))):
            yield path, verb, node.lineno
        elif isinstance(node, ast.Call):
            yield from self._call(node, verb)
        elif isinstance(node, ast.JoinedStr):  # its pieces are no whole paths
            for piece in node.values:
                if isinstance(piece, ast.FormattedValue):
                    yield from self.visit(piece.value, "")
        else:
            passed = verb if isinstance(node, ast.Starred | ast.IfExp) else ""
            for child in ast.iter_child_nodes(node):
                yield from self.visit(child, passed)

    def _call(self, node: ast.Call, verb: str) -> Iterator[Seen]:
        name = _called(node)
        inner = verb if name in WRAPPERS else _verb(name, node)
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        if owner is not None and self._path(owner, in_call=bool(inner)):
            yield from self.visit(owner, inner)  # paths.model.write_bytes(…)
        else:
            yield from self.visit(node.func, "")
        for place, argument in enumerate(node.args):
            yield from self.visit(argument, inner if place == 0 or _may_be_file(argument) else "")
        for keyword in node.keywords:
            yield from self.visit(keyword.value, inner if _may_be_file(keyword.value) else "")

    def _path(self, node: ast.expr, *, in_call: bool) -> str:
        """Return the path that an expression is, if that can be told; else ""."""
        match node:
            case ast.Constant(value=str(text)):
                return self._files.written(text, in_call=in_call)
            case ast.Name(id=name) if self._names.get(name):
                return self._files.named(self._names[name])
            case ast.BinOp(left=left, op=ast.Div(), right=ast.Constant(value=str(text))):
                folder = self._path(left, in_call=False)
                return os.path.normpath(f"{folder}/{text}") if folder else ""
            case ast.Attribute(value=value, attr="parent") if path := self._path(
                value, in_call=False
            ):
                return os.path.dirname(path) or "."  # noqa: PTH120  # text, as dvc.yaml has it
            case ast.Attribute(value=value, attr=attribute):
                is_module = self._names.get(ast.unparse(value)) == ""
                return self._files.named(attribute) if is_module else ""
            case ast.Call(args=[inner]) if _called(node) in WRAPPERS:
                return self._path(inner, in_call=in_call)
        return ""


def _may_be_file(argument: ast.expr) -> bool:
    """Tell whether an argument that is not the first may be a file: a literal with a folder in it.

    Others are modes, separators, names of columns.
    """
    return not isinstance(argument, ast.Constant) or "/" in str(argument.value)


def _called(node: ast.Call) -> str:
    """Return the last name of what is called: "to_csv"."""
    match node.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def _verb(name: str, node: ast.Call) -> str:
    """Return what a function of this name does with the files that it is given."""
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
