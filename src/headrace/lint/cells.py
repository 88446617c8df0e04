"""Rules on the code cells of source notebooks: short, plain, and the same on every machine."""

import ast
import re
from collections.abc import Iterator

from headrace.lint.context import Study
from headrace.lint.notebook_ast import Cell, Notebook
from headrace.lint.rules import Found, Place, found, rule

LONGEST = 10
ABSOLUTE = re.compile(
    r"/[\w.+@-]+(/[\w.+@*?{} -]+)+/?"  # /home/me/data
    r"|/[\w+@-]+\.[A-Za-z]\w{0,9}"  # /flights.csv
    r"|~\w*/.*"
    r"|[A-Za-z]:(\\|/(?!/)).+"
    r"|file://.*"
)
"""A text that names a file by its place on one machine; not "/", "/month" or "km/h"."""


def _code(study: Study) -> Iterator[tuple[Notebook, Cell]]:
    """Yield the code cells of all source notebooks."""
    return ((notebook, cell) for notebook in study.notebooks.values() for cell in notebook.code)


def _nodes(study: Study) -> Iterator[tuple[Notebook, Cell, ast.AST]]:
    """Yield what the code cells' trees are made of."""
    for notebook, cell in _code(study):
        for node in ast.walk(cell.tree):
            yield notebook, cell, node


def _place(notebook: Notebook, cell: Cell, line: int) -> Place:
    return Place(notebook.name, cell.number, line)


@rule(repro=True)
def cell_syntax(study: Study) -> Iterator[Found]:
    """The cell is no Python: {problem}.

    Next: mend it in make lab, where it can be run
    """
    for notebook, cell in _code(study):
        error = cell.parsed
        if isinstance(error, SyntaxError):
            yield found(_place(notebook, cell, error.lineno or 1), problem=error.msg)


@rule()
def cell_length(study: Study) -> Iterator[Found]:
    """The cell has {lines} lines of code; a reader takes in {longest}.

    Next: split it, with a sentence between, or move code into a function in src/study
    """
    for notebook, cell in _code(study):
        lines = sum(bool(line.strip()) for line in cell.source.splitlines())
        if lines > LONGEST and not cell.is_parameters:
            yield found(_place(notebook, cell, 1), lines=lines, longest=LONGEST)


@rule()
def cell_def(study: Study) -> Iterator[Found]:
    """{name} is defined in a notebook, where nothing can test or import it.

    Next: move it into a module of src/study, and import it
    """
    for notebook, cell, node in _nodes(study):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield found(_place(notebook, cell, node.lineno), name=node.name)


@rule()
def cell_magic(study: Study) -> Iterator[Found]:
    """`{line}` is IPython's own, and no Python.

    Next: write it in Python, or do it outside of the notebook
    """
    for notebook, cell in _code(study):
        for number in cell.magics:
            line = cell.source.splitlines()[number - 1].strip()
            yield found(_place(notebook, cell, number), line=line)


@rule()
def cell_chdir(study: Study) -> Iterator[Found]:
    """The working directory is changed, so every path after it means something else.

    Next: name files by the paths module, whose paths are whole
    """
    for notebook, cell, node in _nodes(study):
        if _is_of(node, "os", "chdir") or _is_of(node, "contextlib", "chdir"):
            yield found(_place(notebook, cell, getattr(node, "lineno", 1)))


@rule()
def cell_sys_path(study: Study) -> Iterator[Found]:
    """sys.path is touched, so what is imported depends on the machine.

    Next: import from src/study; headrace puts src first by itself
    """
    for notebook, cell, node in _nodes(study):
        if _is_of(node, "sys", "path"):
            yield found(_place(notebook, cell, getattr(node, "lineno", 1)))


def _is_of(node: ast.AST, module: str, name: str) -> bool:
    """Tell whether a node is `module.name`, or imports it."""
    match node:
        case ast.Attribute(value=ast.Name(id=owner), attr=attribute):
            return (owner, attribute) == (module, name)
        case ast.ImportFrom(module=source, names=names):
            return source == module and name in (alias.name for alias in names)
    return False


@rule()
def cell_absolute_path(study: Study) -> Iterator[Found]:
    """{path!r} is a place on one machine.

    Next: give the file a name in the paths module, below the study's root
    """
    for notebook, cell in _code(study):
        for node in _whole_texts(cell.tree):
            if ABSOLUTE.fullmatch(str(node.value)):
                yield found(_place(notebook, cell, node.lineno), path=node.value)


def _whole_texts(tree: ast.Module) -> Iterator[ast.Constant]:
    """Yield the texts that nothing stands before: of `base + "/a/b"` not the second."""
    left: list[ast.AST] = [tree]
    while left:
        node = left.pop()
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left += [node.left] if isinstance(node.right, ast.Constant) else [node.left, node.right]
        elif isinstance(node, ast.JoinedStr):
            left += [
                piece
                for place, piece in enumerate(node.values)
                if place == 0 or isinstance(piece, ast.FormattedValue)
            ]
        elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            left += ast.iter_child_nodes(node)
