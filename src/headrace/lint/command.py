"""The commands `headrace check` and `headrace fix`."""

import io
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from headrace import lint
from headrace.core import atomic, git, pipeline, project
from headrace.core.project import Project
from headrace.errors import ProjectError
from headrace.lint import fixes
from headrace.lint.cache import Memory
from headrace.lint.context import DVC, Study
from headrace.lint.fixes import Strip
from headrace.lint.rules import RULES

NBSTRIPOUT = ("nbstripout", "--keep-id", "--extra-keys", "metadata.language_info")


def run(found: Project, names: Sequence[str], *, staged: bool) -> int:
    """Print what the rules find, in the working tree or in the next commit; return 1 if anything.

    Errors:
        ProjectError: there is no such rule, or [tool.headrace.ignore] is not as it must be.
    """
    _print_anything()
    rules = lint.chosen(names)
    with _study(found, staged=staged) as study:
        findings = lint.findings(study, rules)
        for finding in findings:
            print(finding)
        if findings:
            print(_count(study, findings))
    if not findings:
        count = "1 rule holds" if len(rules) == 1 else f"{len(rules)} rules hold"
        print(f"nothing to mend: {count}")
    return 1 if findings else 0


def _print_anything() -> None:
    """Let a file's name or a cell's text be printed that the terminal has no letters for."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


@contextmanager
def _study(found: Project, *, staged: bool) -> Iterator[Study]:
    """Give the study as it lies, or, in a folder of its own, as the next commit will hold it."""
    memory = Memory(found.root)
    if not staged:
        yield Study(found, memory)
        return
    with TemporaryDirectory() as folder, TemporaryDirectory() as objects:
        into = Path(folder).resolve()
        git.export_tree(found.root, git.staged_tree(found.root, Path(objects)), into, Path(objects))
        if not (into / DVC).is_file():
            raise ProjectError(f"The next commit holds no {DVC}. Next: git add {DVC}")
        yield Study(project.find_project(into), memory, staged=True)


def _count(study: Study, findings: Sequence[lint.Finding]) -> str:
    """Say how many findings there are, and how many of them `make fix` takes away."""
    wanted = [finding.mend for finding in findings if finding.mend]
    done = [mend for _, mends_done in _mended(study, wanted).values() for mend in mends_done]
    count = sum(isinstance(mend, Strip) or mend in done for mend in wanted)
    noun = "finding" if len(findings) == 1 else "findings"
    return f"{len(findings)} {noun}" + (f"; make fix mends {count} of them" if count else "")


def _mended(
    study: Study, wanted: Sequence[fixes.Mend]
) -> dict[str, tuple[str, list[fixes.AddDep | fixes.Uncache]]]:
    """Return each pipeline file with what can be mended in it, and what was."""
    return {
        name: fixes.apply(
            (study.root / name).read_bytes().decode("utf-8", "replace"),
            [mend for mend in wanted if not isinstance(mend, Strip) and mend.file == name],
        )
        for name in pipeline.names(study.root)
    }


def show() -> None:
    """Print the rules: name, problem and next step, and which of them `make repro` asks for."""
    for name, rule in sorted(RULES.items()):
        problem, step = rule.message
        group = f" ({lint.REPRO})" if rule.repro else ""
        print(f"{name}{group}\n  {problem}\n  Next: {step}")


def fix(found: Project) -> list[str]:
    """Mend what can be mended, and say what was: notebooks stripped, stages' lists completed.

    Errors:
        ProjectError: nbstripout is missing, or cannot strip a notebook.
    """
    study = Study(found, Memory(found.root))
    wanted = [one.mend for one in lint.findings(study, RULES.values()) if one.mend]
    said = _strip(study, wanted)
    for name, (text, done) in _mended(study, wanted).items():
        if done:
            atomic.write_text(study.root / name, text)
            said += map(str, done)
    return said


def _strip(study: Study, wanted: Sequence[fixes.Mend]) -> list[str]:
    """Take outputs and volatile metadata out of notebooks, by nbstripout."""
    names = sorted({mend.notebook for mend in wanted if isinstance(mend, Strip)})
    if names:
        command = [sys.executable, "-m", *NBSTRIPOUT, *names]
        done = subprocess.run(command, cwd=study.root, capture_output=True, text=True, check=False)
        if done.returncode:
            said = done.stderr.strip().splitlines()[-1:]
            raise ProjectError(f"nbstripout: {' '.join(said)}. Next: make setup")
    return [f"{name}: stripped" for name in names]
