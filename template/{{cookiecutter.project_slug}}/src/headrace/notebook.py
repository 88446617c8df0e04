"""Source notebooks: read one, and find the parameters that it declares."""

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from headrace.errors import NotebookError

TAG = "parameters"


@dataclass(frozen=True)
class Source:
    """A source notebook, and the defaults that its parameters cell declares."""

    path: Path
    node: nbformat.NotebookNode
    defaults: dict[str, Any]


def read(path: Path) -> Source:
    """Read a source notebook.

    Errors:
        NotebookError: it is missing, is no notebook, or has no cell tagged "parameters" that
            holds nothing but names and literals.
    """
    try:
        node = nbformat.read(path, as_version=4)
    except FileNotFoundError:
        raise NotebookError(f"{_name(path)} is missing. Next: git checkout {_name(path)}") from None
    except Exception as error:  # nbformat raises whatever its readers raise
        raise NotebookError(f"{_name(path)} is no notebook: {error}") from None
    return Source(path, node, _defaults(parameters_cell(node, path).source, path))


def parameters_cell(node: nbformat.NotebookNode, path: Path) -> nbformat.NotebookNode:
    """Return the one cell that is tagged "parameters"."""
    cells = [cell for cell in node.cells if TAG in cell.metadata.get("tags", [])]
    if len(cells) != 1:
        raise NotebookError(
            f'{_name(path)} needs one cell with the tag "{TAG}", it has {len(cells)}.'
            " Next: in JupyterLab, open the property inspector and add the tag to the cell"
            " that holds the defaults"
        )
    cell: nbformat.NotebookNode = cells[0]
    return cell


def _defaults(source: str, path: Path) -> dict[str, Any]:
    """Return names and values of a cell that holds only lines such as `max_iter = 200`."""
    place = f"{_name(path)}, parameters cell"
    try:
        return {name: ast.literal_eval(literal) for name, literal in assignments(source)}
    except SyntaxError as error:
        raise NotebookError(f"{place}, line {error.lineno}: {error.msg}") from None


def assignments(source: str) -> list[tuple[str, ast.expr]]:
    """Return name and literal of each `name = literal` or `name: type = literal`, in order.

    Errors:
        SyntaxError: the source is no Python, or holds anything else; the line is given.
    """
    return [_assignment(statement, source) for statement in ast.parse(source).body]


def _assignment(statement: ast.stmt, source: str) -> tuple[str, ast.expr]:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if _is_literal(value):
            return name, value
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if _is_literal(
            value
        ):
            return name, value
    line = (ast.get_source_segment(source, statement) or "").partition("\n")[0]
    message = f"`{line}` is not `name = literal`. Next: move it into a later cell"
    raise SyntaxError(message, ("", statement.lineno, None, None))


def _is_literal(value: ast.expr) -> bool:
    try:
        ast.literal_eval(value)
    except (ValueError, TypeError, MemoryError, RecursionError):
        return False
    return True


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
