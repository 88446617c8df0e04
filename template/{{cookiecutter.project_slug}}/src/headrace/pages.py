"""Turn executed notebooks into pages that need nothing but a browser."""

from pathlib import Path

import nbformat
from nbconvert import HTMLExporter

from headrace import files
from headrace.project import Project


def write(project: Project) -> list[Path]:
    """Write each run as `runs/html/STAGE.html`; return the pages, relative to the project."""
    exporter = HTMLExporter(exclude_input_prompt=True, exclude_output_prompt=True)
    exporter.embed_images = True
    pages = []
    for run in sorted(
        (project.root / "runs").glob("*.ipynb"), key=lambda path: path.stat().st_mtime
    ):
        body, _ = exporter.from_notebook_node(
            nbformat.read(run, as_version=4), {"metadata": {"name": run.stem}}
        )
        page = run.parent / "html" / f"{run.stem}.html"
        files.write_text(page, body)
        pages.append(page.relative_to(project.root))
    return pages
