"""Executed notebooks as pages: one file each, in light and dark."""

from collections.abc import Callable
from pathlib import Path

import nbformat
from jupyter_core.paths import jupyter_path
from nbconvert import HTMLExporter

from headrace.core import atomic
from headrace.core.project import Project

LINE_WIDTH = "<style>main { max-width: 1020px; margin: 0 auto }</style>"
"""Longer lines are hard to read."""


def write(project: Project) -> list[Path]:
    """Write each run as `runs/html/STAGE.html`; return the pages, relative to the project."""
    exporter = HTMLExporter(exclude_input_prompt=True, exclude_output_prompt=True)
    exporter.require_js_url = ""  # a run does not need it, and a browser would fetch it
    head_end = f"{LINE_WIDTH}{_dark_theme()}</head>"
    pages = []
    for run in sorted((project.root / "runs").glob("*.ipynb"), key=_order(project)):
        node = nbformat.read(run, as_version=4)
        body, _ = exporter.from_notebook_node(node, {"metadata": {"name": run.stem}})
        page = run.parent / "html" / f"{run.stem}.html"
        atomic.write_text(page, body.replace("</head>", head_end, 1))
        pages.append(page.relative_to(project.root))
    return pages


def _order(project: Project) -> Callable[[Path], tuple[int, int, str]]:
    """Return a key that sorts runs as the pipeline files sort their stages; 6 before 10."""
    places = {name: place for place, name in enumerate(project.all_stages)}
    last = len(places)
    return lambda run: (places.get(run.stem.partition("-")[0], last), len(run.stem), run.stem)


def _dark_theme() -> str:
    """Return nbconvert's dark theme for readers who prefer it: nbconvert has one for all."""
    for folder in jupyter_path("nbconvert", "templates", "lab", "static"):
        theme = Path(folder) / "theme-dark.css"
        if theme.is_file():
            css = theme.read_text("utf-8")
            return f'<style media="(prefers-color-scheme: dark)">{css}</style>'
    return ""
