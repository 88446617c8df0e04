"""The two steps of CI without a command of their own: fetch the data, compare with the base."""

import os
import shlex
import subprocess
from collections.abc import Iterable
from pathlib import Path

from headrace.compare import markdown, page, report, terminal
from headrace.core import atomic, dvc_cache, processes, promises, states
from headrace.core.git import Objects
from headrace.core.project import Project
from headrace.errors import DataError, join_names
from headrace.report import pages
from headrace.report.terminal import has_colours

PAGE = "runs/html/diff.html"
COMMENT = "runs/html/comment.md"
MAX_LISTED = 5


def fetch_data(project: Project, base: str) -> bool:
    """Pull the data of this commit and of the base from DVC's remote.

    Missing outputs stop nothing: they are made again from their sources. Return False where a
    source itself is missing.
    """
    if not dvc_cache.remotes(project.root):
        print(
            "This study has no DVC remote: data that is not in the cache is made again."
            " Next, to share it: dvc remote add --default NAME URL, and dvc push"
        )
        return _has_sources(project)
    pull = processes.dvc_command("pull")
    # Nobody sits here to type a password: without an input, a remote that asks for one fails.
    run = subprocess.run(pull, cwd=project.root, stdin=subprocess.DEVNULL, check=False)
    if run.returncode:
        print("DVC's remote does not have all data; the rest is made again from its sources.")
    if base:
        try:
            dvc_cache.fetch_all(project.root, base)
        except DataError as error:
            print(f"The comparison goes on without the base's outputs. {error}")
    return _has_sources(project)


def _has_sources(project: Project) -> bool:
    """Tell whether the files that a person gave to DVC are here; name those that are not."""
    store = dvc_cache.store_of(project.root)
    missing = [
        shlex.quote(path)
        for path, promise in promises.of_all(project).items()
        if promise.source.endswith(".dvc") and not promise.command
        if not (project.root / path).exists() and not any(store.objects(promise.file))
    ]
    if missing:
        print(
            f"{join_names(missing, MAX_LISTED)}: given to DVC, but neither in its cache nor in a"
            f" remote here, so no stage can read it. Next: dvc push {missing[0]} from where it is"
        )
    return not missing


def remove_reports(project: Project) -> None:
    """Remove the page and the comment of an earlier run, which would be published as this one's."""
    for name in (PAGE, COMMENT):
        (project.root / name).unlink(missing_ok=True)


def compare(project: Project, base: str) -> bool:
    """Compare with the base, write page and comment, and return whether all gates passed.

    Errors:
        ProjectError: the states cannot be compared.
    """
    with Objects(project.root) as objects:
        old, new = states.pair(project, _revisions(project.root, base), objects)
        comparison = report.build(project, old, new)
    pages.write(project.root / PAGE, page.render(comparison, project.root.name))
    atomic.write_text(project.root / COMMENT, markdown.render(comparison))
    print(terminal.render(comparison, colour=has_colours()))
    return not comparison.broken


def _revisions(root: Path, base: str) -> list[str]:
    """Return the revisions to compare; after a forced push git does not know the base."""
    if base and states.resolve(root, base):
        return [base]
    parent = states.resolve(root, "HEAD~1")
    return [] if parent and not base else ["HEAD~1" if parent else "HEAD"]


def publish(project: Project, results: Iterable[tuple[str, bool | None]]) -> None:
    """Write the steps' results above the comment, and both into GitHub's job summary."""
    comment = project.root / COMMENT
    comparison = comment.read_text("utf-8") if comment.is_file() else ""
    signs = {True: "✅", False: "❌", None: "⚪"}
    steps = " · ".join(f"{signs[passed]} {name}" for name, passed in results)
    text = f"{steps}\n\n{comparison}"
    atomic.write_text(comment, text)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(text)
