"""Turn executed notebooks into pages: one file each, readable in any browser, in any light."""

from collections.abc import Callable
from pathlib import Path

import nbformat
from jupyter_core.paths import jupyter_path
from nbconvert import HTMLExporter

from headrace.core import atomic
from headrace.core.project import Project

MEASURE = "<style>main { max-width: 1020px; margin: 0 auto }</style>"
"""Lines no longer than the eye follows."""


def write(project: Project) -> list[Path]:
    """Write each run as `runs/html/STAGE.html`; return the pages, relative to the project."""
    exporter = HTMLExporter(exclude_input_prompt=True, exclude_output_prompt=True)
    exporter.require_js_url = ""  # nothing in a run needs it, and it would be fetched
    head_end = f"{MEASURE}{_dark()}</head>"
    pages = []
    for run in sorted((project.root / "runs").glob("*.ipynb"), key=_place(project)):
        node = nbformat.read(run, as_version=4)
        body, _ = exporter.from_notebook_node(node, {"metadata": {"name": run.stem}})
        page = run.parent / "html" / f"{run.stem}.html"
        atomic.write_text(page, body.replace("</head>", head_end, 1))
        pages.append(page.relative_to(project.root))
    return pages


def _place(project: Project) -> Callable[[Path], tuple[int, int, str]]:
    """Return a key that sorts runs as the pipeline files sort their stages; 6 before 10."""
    order = {name: index for index, name in enumerate(project.all_stages)}
    last = len(order)
    return lambda run: (order.get(run.stem.partition("-")[0], last), len(run.stem), run.stem)


def _dark() -> str:
    """Return nbconvert's dark theme for readers who prefer it; its own choice is one for all."""
    for folder in jupyter_path("nbconvert", "templates", "lab", "static"):
        theme = Path(folder) / "theme-dark.css"
        if theme.is_file():
            css = theme.read_text("utf-8")
            return f'<style media="(prefers-color-scheme: dark)">{css}</style>'
    return ""
