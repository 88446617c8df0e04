"""Read source notebooks, and the parameters that they declare."""

import ast
import itertools
import json
import re
import shlex
import textwrap
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.errors import NotebookError

if TYPE_CHECKING:
    import nbformat

TAG = "parameters"
INJECTED = "injected-parameters"
"""The tag of the cell that papermill, or headrace in its place, puts a run's parameters into."""
FOLDER = "notebooks"
CHECKPOINTS = ".ipynb_checkpoints"
"""The folder in which JupyterLab keeps what was saved last."""
MAGIC = re.compile(
    r"(?P<before>\s*(?:[\w\[\]., ]+=\s*)?)[%!?].*"  # %time f(), files = !ls, ?frame
    r"|\s*[\w.%*]+\?{1,2}\s*"  # frame.head?
    r"|\s*[,;/][A-Za-z_].*"  # /f x: a call without parentheses
)
"""A line of IPython syntax."""
PYTHON_INSIDE = ("%%time", "%%timeit", "%%capture", "%%prun")


@dataclass(frozen=True)
class Source:
    """A source notebook, and the defaults in its parameters cell."""

    path: Path
    node: "nbformat.NotebookNode"
    defaults: dict[str, Any]
    has_cell: bool
    """Whether it has a parameters cell: a notebook without parameters needs none."""

    @property
    def name(self) -> str:
        """Its name in messages: its path from the notebooks folder on."""
        return name(self.path)


def read(path: Path) -> Source:
    """Read a source notebook.

    Errors:
        NotebookError: it is missing, is not a notebook, or has two cells tagged "parameters", or
            one with anything but names, literals and magics.
    """
    import nbformat  # takes a fifth of a second; a caller may only want a name

    try:
        content = json.loads(path.read_text("utf-8"))
        node = nbformat.reads(json.dumps(_repaired(content)), as_version=4)
        if content["nbformat"] < 4:  # the conversion gives ids that are random
            for index, cell in enumerate(node.cells):
                cell.id = f"cell-{index}"
    except FileNotFoundError:
        raise NotebookError(
            f"{name(path)} is missing. Next: git checkout HEAD {shlex.quote(name(path))}, or, if it"
            " has a new name, write that into dvc.yaml"
        ) from None
    except Exception as error:  # nbformat raises whatever its readers raise
        problem = str(error).partition("\n")[0]
        raise NotebookError(
            f"{name(path)} is not a notebook: {problem}."
            f" Next: correct it, or git checkout HEAD {shlex.quote(name(path))}"
        ) from None
    cell = parameters_cell(node, path)
    return Source(path, node, defaults(cell.source, path) if cell else {}, cell is not None)


def _repaired(content: dict[str, Any]) -> dict[str, Any]:
    """Give every cell an id of its own by its position, and drop what is null.

    nbformat's own ids are random; where an id stands twice, the first cell keeps it.
    """
    # Editors write `null` for what is not set, which nbformat's schema refuses.
    content["metadata"] = _without_nulls(content.get("metadata"))
    if content["nbformat"] == 4:  # an older one has worksheets in place of cells
        content["nbformat_minor"] = max(5, content["nbformat_minor"])
        used: set[str] = set()
        for index, cell in enumerate(content["cells"]):
            cell["metadata"] = _without_nulls(cell.get("metadata"))
            if not isinstance(source := cell.get("source"), str | list):
                raise ValueError(f"the source of cell {index + 1} is {source!r} and not text")
            name = cell.get("id") or f"cell-{index}"
            if name in used:
                names = (f"cell-{index}{'x' * count}" for count in itertools.count())
                name = next(free for free in names if free not in used)
            used.add(name)
            cell["id"] = name
    return content


def _without_nulls(metadata: dict[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (metadata or {}).items() if value is not None}


def parameters_cell(node: "nbformat.NotebookNode", path: Path) -> "nbformat.NotebookNode | None":
    """Return the one cell that is tagged "parameters", or None.

    Errors:
        NotebookError: there is more than one.
    """
    cells = [cell for cell in node.cells if TAG in cell.metadata.get("tags", [])]
    if not cells:
        return None
    refuse_but_one(len(cells), path)
    cell: nbformat.NotebookNode = cells[0]
    return cell


def refuse_but_one(count: int, path: Path) -> None:
    """Refuse a notebook that has no parameters cell, or more than one.

    Errors:
        NotebookError: `count`, the number of its parameters cells, is not 1.
    """
    if count != 1:
        raise NotebookError(
            f'{name(path)} needs one cell with the tag "{TAG}", it has {count}.'
            " Next: in JupyterLab, open the property inspector and add the tag to the cell"
            " that holds the defaults"
        )


def defaults(source: str, path: Path) -> dict[str, Any]:
    """Return names and values of a cell that holds only lines such as `max_iter = 200`, or magics.

    Errors:
        NotebookError: it holds anything else, or is not Python; the line is given.
    """
    place = f"{name(path)}, parameters cell"
    try:
        return {name: ast.literal_eval(literal) for name, literal in assignments(source)}
    except SyntaxError as error:
        step = "Next: write only lines such as `max_iter = 200` in it"
        raise NotebookError(f"{place}, line {error.lineno}: {error.msg}. {step}") from None


def assignments(source: str) -> list[tuple[str, ast.expr]]:
    """Return name and literal of each `name = literal` or `name: type = literal`, in order.

    Errors:
        SyntaxError: the source is not Python, or holds anything else; the line is given.
    """
    statements = ast.parse(without_magics(source)).body
    return [_assignment(line, source) for line in statements if not isinstance(line, ast.Pass)]


def without_magics(source: str) -> str:
    """Return a cell's Python: IPython's own lines do nothing, and all lines keep their numbers."""
    lines = source.splitlines()
    first = next(filter(str.strip, lines), "").split()
    if first and first[0].startswith("%%") and first[0] not in PYTHON_INSIDE:
        return ""  # another language
    for number in magics(source):
        lines[number - 1] = _without_magic(lines[number - 1])
    return "\n".join(lines)


def magics(source: str) -> list[int]:
    """Return the numbers, from 1, of a cell's lines of IPython syntax."""
    # A line such as `a = b %c` is both: where Python can read the cell, it holds no magic.
    with suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        ast.parse(textwrap.dedent(source))
        return []
    lines = enumerate(source.splitlines(), start=1)
    return [number for number, line in lines if MAGIC.fullmatch(line)]


def _without_magic(line: str) -> str:
    """Return a line of Python that assigns to the same name, with the same indentation."""
    before = (match["before"] if (match := MAGIC.fullmatch(line)) else None) or ""
    indentation = line[: len(line) - len(line.lstrip())]
    return f"{before}None" if "=" in before else f"{indentation}pass"


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


def name(path: Path) -> str:
    """Return a source notebook's path from its notebooks folder on: notebooks/01_collect.ipynb."""
    _, folder, inside = path.as_posix().rpartition(f"/{FOLDER}/")
    return f"{FOLDER}/{inside}" if folder else path.name
