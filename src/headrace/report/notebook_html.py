"""Executed notebooks as pages: one file each, in light and dark, which ask no other host."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
from markupsafe import Markup
from nbconvert import HTMLExporter
from nbformat import NotebookNode

from headrace.core import notebook
from headrace.core.metrics import is_same
from headrace.core.project import Project
from headrace.errors import NotebookError
from headrace.execution.parameters_cell import is_injected
from headrace.report import pages

FOLDER = "runs/html/notebooks"
"""A folder of their own: a stage may be called monitor, and headrace has a page of that name."""
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline' blob: data:;"
    " img-src data: blob:; media-src data: blob:; font-src data:; frame-src data: blob:"
)
"""What an output brings with it may run, such as plotly's own script; nothing is fetched."""
ASKS = re.compile(
    r"(?P<script><script\b.*?</script>)"
    r"|<iframe\b[^>]*?\bsrc\s*=\s*[\"']?(?P<frame>(?:https?:)?//[^\"'\s>]+)[^>]*>"
    r"|<(?:meta|link|base)\b[^>]*>",
    re.IGNORECASE | re.DOTALL,
)
"""Tags for which a browser talks to a host whatever the policy says."""


def write(project: Project) -> list[Path]:
    """Write each run as a page; return the pages, relative to the project."""
    written = []
    for run in project.runs:
        stage = run.removeprefix("runs/").removesuffix(".ipynb")
        page = Path(FOLDER) / f"{stage}.html"
        node = nbformat.read(project.root / run, as_version=4)
        pages.write(project.root / page, render(node, project.root.name, stage))
        written.append(page)
    return written


def render(node: NotebookNode, study: str, stage: str) -> str:
    """Return the page of an executed notebook, as the text of one HTML file."""
    tags = [notebook.TAG in cell.metadata.get("tags", []) for cell in node.cells]
    place = tags.index(True) if True in tags else len(tags)
    declared, after = node.cells[place : place + 1], node.cells[place + 1 :]
    injected = [cell for cell in after if is_injected(cell)]
    return pages.render(
        "notebook.html.j2",
        title=f"{stage} \u2013 {study}",
        css="notebook.css",
        policy=POLICY,
        study=study,
        stage=stage,
        before=_html(node, node.cells[:place]),
        cell=_html(node, declared),
        parameters=[*_parameters(*declared, *injected)],
        injected=_html(node, injected),
        after=_html(node, [cell for cell in after if not is_injected(cell)]),
    )


def _html(node: NotebookNode, cells: Sequence[NotebookNode]) -> Markup:
    """Return cells as HTML, by nbconvert's template without a head; empty for none."""
    if not cells:
        return Markup()
    part = NotebookNode(node | {"cells": list(cells)})
    html, _ = _exporter().from_notebook_node(part)  # it escapes all but outputs in HTML
    return Markup(ASKS.sub(_without_asking, html))


def _without_asking(tag: re.Match[str]) -> str:
    """Return a script as it is, a link in the place of a frame, and nothing for other tags."""
    if tag["script"]:
        return tag["script"]
    return '<a href="{0}">{0}</a>'.format(tag["frame"]) if tag["frame"] else ""


@cache
def _exporter() -> HTMLExporter:
    return HTMLExporter(
        template_name="basic",
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
    )


def _parameters(*cells: NotebookNode) -> Iterator[dict[str, Any]]:
    """Yield each parameter's default and value; none where a cell is not Python's literals."""
    try:
        named = [notebook.defaults(cell.source, Path()) for cell in cells]
    except NotebookError:
        return
    defaults, values = (*named, {}, {})[:2]
    for name, default in defaults.items():
        value = values.get(name, default)
        is_changed = not is_same(default, value)
        row = {"name": name, "is_changed": is_changed}
        yield row | {"default": _repr(default), "value": _repr(value)}


def _repr(value: object) -> str:
    text = repr(value)
    return text if len(text) <= pages.VALUE_LENGTH else f"{text[: pages.VALUE_LENGTH]} …"
