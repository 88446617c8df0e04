"""Run the steps of CI: all of them, except those that need the result of a failed one."""

import os
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from headrace.ci import actions, lock_check
from headrace.core.project import Project
from headrace.errors import HeadraceError

HEADS = ("step", "result", "seconds")


@dataclass(frozen=True)
class Step:
    """One step: `run` prints what is wrong, and returns whether it passed."""

    name: str
    about: str
    run: Callable[[], bool]
    needs: str = ""
    """The step whose result this one needs."""


@dataclass(frozen=True)
class Result:
    """The result of a step; `passed` is None where it was not run."""

    step: Step
    passed: bool | None
    seconds: float

    @property
    def text(self) -> str:
        """The result in a few words."""
        if self.passed is None:
            return f"not run, {self.step.needs} failed"
        return "ok" if self.passed else "failed"


def steps(project: Project, base: str) -> list[Step]:
    """Return the steps in their order; the comparison is the last, since it reports on all."""
    make = partial(_make, project)
    fetch = partial(actions.fetch_data, project, base)
    compare = partial(actions.compare, project, base)
    return [
        Step("check", "lint the study", partial(make, "check")),
        Step("test", "run the tests, the notebooks among them", partial(make, "test")),
        Step("data", "fetch the data from DVC's remote", fetch),
        Step("repro", "run the stages whose inputs changed", partial(make, "repro"), "data"),
        Step("lock", "compare dvc.lock with git", partial(lock_check.check, project), "repro"),
        Step("html", "write the executed notebooks as pages", partial(make, "html"), "repro"),
        Step("verify", "run each stage again in a clean room", partial(make, "verify")),
        Step("diff", "compare, and check the gates", compare, "repro"),
    ]


def _make(project: Project, target: str) -> bool:
    command = ["make", "--no-print-directory", target]
    return subprocess.run(command, cwd=project.root, check=False).returncode == 0


def run(project: Project, base: str) -> int:
    """Run all steps, print their results, and return 1 where one failed.

    A step that fails stops only those that need its result: one run shows all that is wrong.
    """
    actions.remove_reports(project)
    results: list[Result] = []
    for step in steps(project, base):
        with _heading(step):
            result = _run(step, results)
            results.append(result)
            if not result.passed:
                print(f"{step.name}: {result.text}", flush=True)
    actions.publish(project, [(result.step.name, result.passed) for result in results])
    print("\n" + "\n".join(_table(results)), flush=True)
    return int(any(result.passed is False for result in results))


def _run(step: Step, results: Sequence[Result]) -> Result:
    if any(result.step.name == step.needs and not result.passed for result in results):
        return Result(step, None, 0)
    start = time.monotonic()
    try:
        passed = step.run()
    except HeadraceError as error:
        print(error)
        passed = False
    return Result(step, passed, time.monotonic() - start)


@contextmanager
def _heading(step: Step) -> Iterator[None]:
    """Print a step's heading; on GitHub a group, in which no printed line is a command to it."""
    if "GITHUB_ACTIONS" not in os.environ:
        print(f"\n== {step.name}: {step.about}", flush=True)
        yield
        return
    token = secrets.token_hex()
    print(f"::group::{step.name}: {step.about}\n::stop-commands::{token}", flush=True)
    try:
        yield
    finally:
        print(f"::{token}::\n::endgroup::", flush=True)


def _table(results: Sequence[Result]) -> Iterator[str]:
    rows = [(result.step.name, result.text, f"{result.seconds:.1f}") for result in results]
    widths = [max(map(len, column)) for column in zip(HEADS, *rows, strict=True)]
    for name, text, seconds in (HEADS, *rows):
        yield f"  {name:<{widths[0]}}  {text:<{widths[1]}}  {seconds:>{widths[2]}}"
