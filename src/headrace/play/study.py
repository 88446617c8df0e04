"""The copy that the play changes, and its commands as people give them."""

import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from headrace.core import atomic, git, yaml
from headrace.core.project import Project
from headrace.errors import HeadraceError
from headrace.retrain.split import WINDOW

MAKER = ("Ada, who makes the model (scripted)", "ada@example.org")
APPROVER = ("Grace, who approves it (scripted)", "grace@example.org")
Person = tuple[str, str]
APPROVALS = "\napprovals: { another_person: true, stages: [prod] }\n"


@dataclass(frozen=True)
class Study:
    """A study in a folder of its own: a copy, whose code is the original's."""

    root: Path
    origin: Project

    def run(self, *words: str, by: Person = MAKER, good: Iterable[int] = (0,)) -> str:
        """Run a command of headrace or DVC as a person would; return what it printed.

        Errors:
            HeadraceError: it failed; its last words are shown.
        """
        command = [sys.executable, "-m", *words]
        done = subprocess.run(
            command,
            cwd=self.root,
            env=environment(self.root, by),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode not in good:
            said = "\n".join(done.stdout.strip().splitlines()[-15:])
            raise HeadraceError(f"{' '.join(words)} failed in {self.root}:\n{said}")
        return done.stdout

    def commit(self, subject: str, *, by: Person = MAKER) -> None:
        """Commit all that changed, if anything did."""
        git.run(self.root, "add", "--all")
        if git.run(self.root, "status", "--porcelain"):
            git.run(self.root, "commit", "--quiet", "-m", subject, more=identity(by))

    def ask_for_approval(self) -> None:
        """Have the copy ask for another person's approval, whatever the study asks for."""
        path = self.root / "gates.yaml"
        text = path.read_text("utf-8")
        if "\napprovals:" not in text:
            atomic.write_text(path, text + APPROVALS)

    def knows(self, batch: str) -> bool:
        """Tell whether the model has learned all that came before a batch."""
        params = yaml.read(self.root / "params.yaml")
        values = self.origin.load(WINDOW)(batch, params["retrain"])
        return all(yaml.lookup(params, name) == value for name, value in values.items())


def identity(by: Person) -> dict[str, str]:
    """Return the variables by which git knows who acts."""
    name, email = by
    return {
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": email,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email,
    }


def environment(root: Path, by: Person) -> dict[str, str]:
    """Return the environment of a command in the copy: its own code, whoever plays it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DVC_")}
    return {**kept, **identity(by), "PYTHONPATH": str(root / "src")}
