"""Rules on the code cells of source notebooks: short, plain Python, the same on every machine."""

import ast
import re
from collections.abc import Iterator

from headrace.lint.context import Location, Study
from headrace.lint.notebook_ast import Cell, Notebook
from headrace.lint.rules import Violation, rule

MAX_LINES = 10
ABSOLUTE = re.compile(
    r"/[\w.+@-]+(/[\w.+@*?{} -]+)+/?"  # /home/me/data
    r"|/[\w+@-]+\.[A-Za-z]\w{0,9}"  # /table.csv
    r"|~\w*/.*"
    r"|[A-Za-z]:(\\|/(?!/)).+"
    r"|file://.*"
)
"""An absolute path of a file; not "/", "/day" or "km/h"."""


def _code(study: Study) -> Iterator[tuple[Notebook, Cell]]:
    """Yield the code cells of all source notebooks."""
    return ((notebook, cell) for notebook in study.notebooks.values() for cell in notebook.code)


def _nodes(study: Study) -> Iterator[tuple[Notebook, Cell, ast.AST]]:
    """Yield the nodes of the code cells' syntax trees."""
    for notebook, cell in _code(study):
        for node in ast.walk(cell.tree):
            yield notebook, cell, node


def _location(notebook: Notebook, cell: Cell, line: int) -> Location:
    return Location(notebook.name, cell.number, line)


@rule(repro=True)
def cell_syntax(study: Study) -> Iterator[Violation]:
    """The cell is not valid Python: {problem}.

    Next: fix it in make lab, where you can run it
    """
    for notebook, cell in _code(study):
        error = cell.parsed
        if isinstance(error, SyntaxError):
            yield Violation(_location(notebook, cell, error.lineno or 1), problem=error.msg)


@rule()
def cell_length(study: Study) -> Iterator[Violation]:
    """The cell has {lines} lines of code, more than a reader sees at once: 10 are the limit.

    Next: split it, with a sentence between, or move code into a function in src/study
    """
    for notebook, cell in _code(study):
        lines = sum(bool(line.strip()) for line in cell.source.splitlines())
        if lines > MAX_LINES and not cell.is_parameters:
            yield Violation(_location(notebook, cell, 1), lines=lines)


@rule()
def cell_def(study: Study) -> Iterator[Violation]:
    """{name} is defined in a notebook, where nothing can test or import it.

    Next: move it into a module of src/study, and import it
    """
    for notebook, cell, node in _nodes(study):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield Violation(_location(notebook, cell, node.lineno), name=node.name)


@rule()
def cell_magic(study: Study) -> Iterator[Violation]:
    """`{line}` is IPython syntax, not Python.

    Next: write it in Python, or do it outside of the notebook
    """
    for notebook, cell in _code(study):
        for number in cell.magics:
            line = cell.source.splitlines()[number - 1].strip()
            yield Violation(_location(notebook, cell, number), line=line)


@rule()
def cell_chdir(study: Study) -> Iterator[Violation]:
    """The cell changes the working directory, so every relative path after it has another meaning.

    Next: take files from the paths module, whose paths are absolute
    """
    for notebook, cell, node in _nodes(study):
        if _is_use_of(node, "os", "chdir") or _is_use_of(node, "contextlib", "chdir"):
            yield Violation(_location(notebook, cell, getattr(node, "lineno", 1)))


@rule()
def cell_sys_path(study: Study) -> Iterator[Violation]:
    """The cell uses sys.path, so its imports depend on the machine.

    Next: import from src/study; headrace puts src on sys.path
    """
    for notebook, cell, node in _nodes(study):
        if _is_use_of(node, "sys", "path"):
            yield Violation(_location(notebook, cell, getattr(node, "lineno", 1)))


def _is_use_of(node: ast.AST, module: str, name: str) -> bool:
    """Tell whether a node is `module.name`, or imports it."""
    match node:
        case ast.Attribute(value=ast.Name(id=owner), attr=attribute):
            return (owner, attribute) == (module, name)
        case ast.ImportFrom(module=source, names=names):
            return source == module and name in (alias.name for alias in names)
    return False


@rule()
def cell_absolute_path(study: Study) -> Iterator[Violation]:
    """{path!r} is an absolute path, which exists on one machine only.

    Next: give the file a name in the paths module, below the study's root
    """
    for notebook, cell in _code(study):
        for node in _complete_strings(cell.tree):
            if ABSOLUTE.fullmatch(str(node.value)):
                yield Violation(_location(notebook, cell, node.lineno), path=node.value)


def _complete_strings(tree: ast.Module) -> Iterator[ast.Constant]:
    """Yield the strings that begin an expression: of `base + "/a/b"` not the second part."""
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            is_suffix = isinstance(node.right, ast.Constant)
            stack += [node.left] if is_suffix else [node.left, node.right]
        elif isinstance(node, ast.JoinedStr):  # of f"/a/{b}/c" the part "/c" begins no path
            stack += [
                part
                for index, part in enumerate(node.values)
                if index == 0 or isinstance(part, ast.FormattedValue)
            ]
        # A string that is a statement is a comment.
        elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            stack += ast.iter_child_nodes(node)
