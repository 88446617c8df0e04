"""The steps of CI: each runs though another has failed, unless it needs what that one makes."""

import os
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from headrace.ci import committed, data, verdict
from headrace.core.project import Project
from headrace.errors import HeadraceError

HEADS = ("step", "result", "seconds")


@dataclass(frozen=True)
class Step:
    """One step: `run` returns whether all is well, and says what is not."""

    name: str
    about: str
    run: Callable[[], bool]
    needs: str = ""
    """The step without which this one says nothing."""


@dataclass(frozen=True)
class Done:
    """What came of a step; `good` is None where it was not run."""

    step: Step
    good: bool | None
    seconds: float

    @property
    def word(self) -> str:
        """The result in a word or two."""
        return f"not run, {self.step.needs} failed" if self.good is None else _word(self.good)


def _word(good: bool) -> str:
    return "ok" if good else "failed"


def steps(project: Project, base: str) -> list[Step]:
    """Return the steps, in their order; the comparison is the last, and has a word on all."""
    make = partial(_make, project)
    compare = partial(verdict.write, project, base)
    same = partial(committed.check, project)
    return [
        Step("check", "look for what should be mended", make("check")),
        Step("test", "run the tests, the notebooks among them", make("test")),
        Step("data", "fetch what DVC's remote has", partial(data.fetch, project, base)),
        Step("repro", "run the stages that are behind", make("repro")),
        Step("lock", "hold what is committed against it", same, "repro"),
        Step("html", "write the executed notebooks as pages", make("html"), "repro"),
        Step("verify", "each stage again, in a clean room", make("verify")),
        Step("diff", "compare, and judge the gates", compare, "repro"),
    ]


def _make(project: Project, target: str) -> Callable[[], bool]:
    def run() -> bool:
        words = ["make", "--no-print-directory", target]
        return subprocess.run(words, cwd=project.root, check=False).returncode == 0

    return run


def run(project: Project, base: str) -> int:
    """Run all steps, show what came of them, and return 1 where one failed."""
    verdict.clear(project)
    done: list[Done] = []
    for step in steps(project, base):
        with _told(step):
            done.append(_run(step, done))
            if done[-1].good is not True:
                print(f"{step.name}: {done[-1].word}", flush=True)
    verdict.publish(project, [(one.step.name, one.good) for one in done])
    print("\n" + "\n".join(_table(done)), flush=True)
    return int(any(one.good is False for one in done))


def _run(step: Step, done: Sequence[Done]) -> Done:
    if any(one.step.name == step.needs and not one.good for one in done):
        return Done(step, None, 0)
    begun = time.monotonic()
    try:
        good = step.run()
    except HeadraceError as error:
        print(error)
        good = False
    return Done(step, good, time.monotonic() - begun)


@contextmanager
def _told(step: Step) -> Iterator[None]:
    """Announce a step; on GitHub as a group, inside which no printed line is a command to it."""
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


def _table(done: Sequence[Done]) -> Iterator[str]:
    rows = [(one.step.name, one.word, f"{one.seconds:.1f}") for one in done]
    widths = [max(map(len, column)) for column in zip(HEADS, *rows, strict=True)]
    for name, word, seconds in (HEADS, *rows):
        yield f"  {name:<{widths[0]}}  {word:<{widths[1]}}  {seconds:>{widths[2]}}"
