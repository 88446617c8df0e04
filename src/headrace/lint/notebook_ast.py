"""A source notebook as plain JSON: its cells, and the syntax trees of their code.

nbformat would validate it against its schema, which takes longer than all rules together.
"""

import ast
import json
import textwrap
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from headrace.core import source_form
from headrace.core.notebook import TAG, magics, without_magics
from headrace.core.yaml import or_empty


@dataclass(frozen=True)
class Cell:
    """One cell; numbers count all cells from 1, as in ruff."""

    number: int
    content: dict[str, Any]
    is_python: bool

    @property
    def is_code(self) -> bool:
        """Whether it holds Python code."""
        return self.is_python and self.content.get("cell_type") == "code"

    @property
    def metadata(self) -> dict[str, Any]:
        """Its metadata; empty where they are not a mapping."""
        return or_empty(self.content.get("metadata"), dict)

    @property
    def tags(self) -> list[Any]:
        """Its tags."""
        return or_empty(self.metadata.get("tags"), list)

    @property
    def outputs(self) -> list[Any]:
        """Its outputs."""
        return or_empty(self.content.get("outputs"), list)

    @property
    def is_parameters(self) -> bool:
        """Whether it is the cell that declares the parameters."""
        return TAG in self.tags

    @cached_property
    def source(self) -> str:
        """Its text."""
        text = self.content.get("source", self.content.get("input", ""))
        return "".join(map(str, text)) if isinstance(text, list) else str(text)

    @cached_property
    def magics(self) -> list[int]:
        """The numbers, from 1, of its lines of IPython syntax."""
        return magics(self.source) if self.is_code else []

    @cached_property
    def parsed(self) -> ast.Module | SyntaxError:
        """Its syntax tree without magics, line numbers unchanged; or the syntax error."""
        if not self.is_code:
            return ast.Module([], [])
        return _parsed(without_magics(self.source))

    @property
    def tree(self) -> ast.Module:
        """Its syntax tree; empty where the code is not valid Python."""
        return self.parsed if isinstance(self.parsed, ast.Module) else ast.Module([], [])


@dataclass(frozen=True)
class Notebook:
    """A source notebook; `name` is its path from the root, `error` why it cannot be read."""

    name: str
    content: dict[str, Any]
    cells: tuple[Cell, ...] = ()
    error: str = ""

    @property
    def code(self) -> Iterator[Cell]:
        """Its cells of Python code."""
        return (cell for cell in self.cells if cell.is_code)

    def stripped(self) -> tuple[dict[str, Any], list[tuple[int, str]]]:
        """Return its content without what is no source, and what that is; see `source_form`."""
        content = deepcopy(self.content)
        cells = [] if self.error else _cells(content)
        return content, source_form.strip(content.get("metadata"), cells)


def read(path: Path, name: str) -> Notebook:
    """Read a notebook; where that fails, its `error` is set."""
    try:
        content = json.loads(path.read_text("utf-8"))
        cells = _cells(content)
    except (OSError, ValueError, RecursionError) as error:
        message = getattr(error, "strerror", None) or str(error)
        return Notebook(name, {}, error=message.partition("\n")[0])
    kernel = or_empty(or_empty(content.get("metadata"), dict).get("kernelspec"), dict)
    python = str(kernel.get("language", "")).lower() in ("", "python")
    numbered = enumerate(cells, start=1)
    return Notebook(name, content, tuple(Cell(n, cell, python) for n, cell in numbered))


def _cells(content: object) -> list[dict[str, Any]]:
    """Return the cells of a notebook; before nbformat 4 they are in worksheets."""
    if not isinstance(content, dict):
        raise ValueError("it is not a mapping")  # json's errors are ValueErrors too
    sheets = content.get("worksheets")
    if isinstance(sheets, list) and "cells" not in content:
        return [cell for sheet in sheets for cell in _cells(sheet)]
    cells = content.get("cells")
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise ValueError("it has no list of cells")
    return cells


def _parsed(source: str) -> ast.Module | SyntaxError:
    try:
        return ast.parse(textwrap.dedent(source))  # IPython accepts a cell that is indented
    except SyntaxError as error:
        return error
    except (ValueError, RecursionError, MemoryError) as error:  # a NUL byte; nested too deeply
        return SyntaxError(str(error), ("", 1, None, None))
