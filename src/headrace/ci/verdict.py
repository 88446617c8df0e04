"""The comparison that CI makes: a page, and the text of a summary and of a comment."""

import os
from collections.abc import Iterable
from pathlib import Path

from headrace.compare import markdown, page, report, terminal
from headrace.core import atomic, states
from headrace.core.git import Objects
from headrace.core.project import Project
from headrace.report.terminal import has_colours

PAGE = "runs/html/diff.html"
COMMENT = "runs/html/comment.md"


def clear(project: Project) -> None:
    """Take away what an earlier run wrote."""
    for name in (PAGE, COMMENT):
        (project.root / name).unlink(missing_ok=True)


def write(project: Project, base: str) -> bool:
    """Compare, write page and comment, show it, and return whether all gates are kept.

    A base that git does not know, as after a forced push, is as none: then the commit before.

    Errors:
        ProjectError: the states cannot be compared.
    """
    with Objects(project.root) as objects:
        old, new = states.pair(project, _base(project.root, base), objects)
        found = report.build(project, old, new)
    atomic.write_text(project.root / PAGE, page.render(found))
    atomic.write_text(project.root / COMMENT, markdown.render(found))
    print(terminal.render(found, colour=has_colours()))
    return not found.broken


def _base(root: Path, asked: str) -> list[str]:
    if asked and states.resolve(root, asked):
        return [asked]
    before = states.resolve(root, "HEAD~1")
    return [] if before and not asked else ["HEAD~1" if before else "HEAD"]


def publish(project: Project, results: Iterable[tuple[str, bool | None]]) -> None:
    """Write the steps' results above the comment, and both into GitHub's summary of the job."""
    comment = project.root / COMMENT
    told = comment.read_text("utf-8") if comment.is_file() else ""
    text = f"{_line(results)}\n\n{told}"
    atomic.write_text(comment, text)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(text)


def _line(results: Iterable[tuple[str, bool | None]]) -> str:
    signs = {True: "✅", False: "❌", None: "⚪"}
    return " · ".join(f"{signs[good]} {name}" for name, good in results)
