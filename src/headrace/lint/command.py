"""The commands `headrace check` and `headrace fix`."""

import io
import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from headrace.core import atomic, git, pipeline, project
from headrace.core.project import Project
from headrace.core.stage import MAIN
from headrace.errors import ProjectError
from headrace.lint.cache import Cache
from headrace.lint.check import REPRO, Finding, findings, select
from headrace.lint.context import Study
from headrace.lint.fixes import PipelineEdit, Strip, apply
from headrace.lint.rules import RULES


def check(study_project: Project, names: Sequence[str], *, staged: bool) -> int:
    """Print the findings in the working tree, or in the next commit; return 1 if there are any.

    Errors:
        ProjectError: there is no such rule, or [tool.headrace.ignore] is invalid.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # a cell may hold letters the terminal lacks
        sys.stdout.reconfigure(errors="backslashreplace")
    rules = select(names)
    with _study(study_project, staged=staged) as study:
        reported = findings(study, rules)
        for finding in reported:
            print(finding)
        if reported:
            print(_summary(study, reported))
            return 1
    print("1 check passed." if len(rules) == 1 else f"All {len(rules)} checks passed.")
    return 0


@contextmanager
def _study(study_project: Project, *, staged: bool) -> Iterator[Study]:
    """Give the working tree, or the next commit in a temporary folder."""
    cache = Cache(study_project.root)
    if not staged:
        yield Study(study_project, cache)
        return
    with TemporaryDirectory() as folder, TemporaryDirectory() as objects:
        # Its objects go to a folder of their own, so that a check leaves nothing in the repository.
        checkout = Path(folder).resolve()
        tree = git.staged_tree(study_project.root, Path(objects))
        git.export_tree(study_project.root, tree, checkout, Path(objects))
        if not (checkout / MAIN).is_file():
            raise ProjectError(f"The next commit has no {MAIN}. Next: git add {MAIN}")
        yield Study(project.find_project(checkout), cache, staged=True)


def _summary(study: Study, reported: Sequence[Finding]) -> str:
    """Return the number of findings, and how many of them `make fix` can fix."""
    applied = [edit for _, edits in _fixed_files(study, reported).values() for edit in edits]
    fixes = [finding.fix for finding in reported if finding.fix]
    fixable = sum(isinstance(edit, Strip) or edit in applied for edit in fixes)
    count = "1 finding" if len(reported) == 1 else f"{len(reported)} findings"
    return f"{count}; {fixable} fixable with make fix" if fixable else count


def _fixed_files(
    study: Study, reported: Iterable[Finding]
) -> dict[str, tuple[str, list[PipelineEdit]]]:
    """Return the text of each pipeline file with its fixes, and the fixes that could be applied."""
    edits = [finding.fix for finding in reported if isinstance(finding.fix, PipelineEdit)]
    # As bytes: reading text would turn a file's \r\n into \n, and the fix change every line.
    return {
        name: apply(
            (study.root / name).read_bytes().decode("utf-8", "replace"),
            [edit for edit in edits if edit.file == name],
        )
        for name in pipeline.names(study.root)
    }


def show() -> None:
    """Print each rule: its name, its problem and next step, and whether `make repro` checks it."""
    width = shutil.get_terminal_size().columns
    for name, rule in sorted(RULES.items()):
        problem, step = rule.describe()
        print(f"{name}{f' ({REPRO})' if rule.repro else ''}")
        for text in (problem, f"Next: {step}"):
            print(textwrap.fill(text, width, initial_indent="  ", subsequent_indent="  "))


def fix(study_project: Project) -> list[str]:
    """Strip notebooks and complete the stages' lists; return a line for each change."""
    study = Study(study_project, Cache(study_project.root))
    reported = findings(study, RULES.values())
    outputs = (finding.fix for finding in reported if isinstance(finding.fix, Strip))
    changes = _strip(study, sorted({strip.notebook for strip in outputs}))
    for name, (text, edits) in _fixed_files(study, reported).items():
        if edits:
            atomic.write_text(study.root / name, text)
            changes += map(str, edits)
    return changes


def _strip(study: Study, notebooks: Sequence[str]) -> list[str]:
    """Remove outputs and editors' marks from notebooks."""
    for name in notebooks:
        content, _ = study.notebooks[name].stripped()
        # As nbformat writes it, but for the order of keys, which stays.
        text = json.dumps(content, indent=1, ensure_ascii=False, separators=(",", ": "))
        text = text.encode("utf-8", "backslashreplace").decode()  # a lone surrogate is escaped
        atomic.write_text(study.root / name, f"{text}\n")
    return [f"{name}: stripped" for name in notebooks]
