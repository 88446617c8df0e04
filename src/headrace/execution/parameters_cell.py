"""Write params.yaml into parameters cells, and the JSON Schema of its model."""

import ast
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import nbformat

from headrace.core import atomic, notebook, parameters
from headrace.core.metrics import is_same
from headrace.core.project import Project
from headrace.execution import normalize

SCHEMA = "params.schema.json"


def outdated(project: Project) -> dict[str, str]:
    """Return the notebooks whose cell has other values than params.yaml, with their new text.

    Of a `matrix` or `foreach` they are the first member's, but for what makes it that member.
    Comments stay. Names are neither added nor removed: `headrace run` reports those.
    """
    changed = {}
    stages = {stage.notebook: stage for stage in reversed(project.notebook_stages())}
    raw, _ = parameters.load_for(project, stages.values())
    for stage in reversed(stages.values()):
        source = notebook.read(project.notebook(stage))
        cell = notebook.parameters_cell(source.node, source.path)
        if cell is None:
            continue
        values = parameters.stage_values(replace(stage, values={}), raw, source.defaults)
        text = with_values(cell.source, {name: given.value for name, given in values.items()})
        if text != cell.source:
            cell.source = text
            name = source.path.relative_to(project.root).as_posix()
            changed[name] = normalize.text(source.node)
    return changed


def with_values(cell: str, values: Mapping[str, Any]) -> str:
    """Return a parameters cell with these values in the place of its literals."""
    content = cell.encode()
    lines = content.splitlines(keepends=True)
    for name, literal in reversed(notebook.assignments(cell)):
        if name in values and not is_same(ast.literal_eval(literal), values[name]):
            start = sum(len(line) for line in lines[: literal.lineno - 1]) + literal.col_offset
            length = len((ast.get_source_segment(cell, literal) or "").encode())
            new = repr(values[name]).encode()
            content = content[:start] + new + content[start + length :]
    return content.decode()


def schema_text(project: Project) -> str:
    """Return the JSON Schema of the typed model, by which an editor checks params.yaml."""
    return json.dumps(project.load("params").model_json_schema(), indent=2) + "\n"


def schema(project: Project) -> bool:
    """Write params.schema.json; tell whether it changed."""
    path = project.root / SCHEMA
    text = schema_text(project)
    changed = not path.exists() or path.read_text("utf-8") != text
    if changed:
        atomic.write_text(path, text)
    return changed


def is_injected(cell: nbformat.NotebookNode) -> bool:
    """Tell whether a run put this cell in."""
    return notebook.INJECTED in _tags(cell)


def _tags(cell: nbformat.NotebookNode) -> list[str]:
    tags: list[str] = cell.metadata.get("tags", [])
    return tags
