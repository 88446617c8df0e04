"""A clone of the study, in which a challenger is made while the study itself stays as it is."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.core import atomic, dvc_cache, git, yaml_edit
from headrace.errors import ProjectError, StageError

KEPT = ("user.", "commit.", "gpg.", "tag.")
"""Settings of git that say who commits, and how it is signed."""


@dataclass
class Copied:
    """A clone in a folder: `root` is the study in it."""

    origin: Path
    top: Path
    root: Path
    report: str = ""

    @classmethod
    def of(cls, origin: Path, into: Path) -> "Copied":
        """Clone the last commit; data come from the study's own cache, which both share."""
        above = Path(git.run(origin, "rev-parse", "--show-toplevel").rstrip("\n"))
        top = into / "study"
        git.run(into, "clone", "--quiet", "--shared", str(above), str(top))
        copied = cls(origin, top, top / origin.relative_to(above))
        for line in git.run(origin, "config", "--list", "-z").split("\0"):
            name, _, value = line.partition("\n")
            if name.startswith(KEPT):
                git.run(top, "config", name, value)
        copied._dvc("cache", "dir", "--local", str(dvc_cache.store_of(origin).folders[0].resolve()))
        copied._dvc("checkout", "--quiet", check=False)  # what is not there is made anew
        return copied

    def set_parameters(self, values: Mapping[str, Any]) -> None:
        """Write values into params.yaml, whose comments stay."""
        path = self.root / "params.yaml"
        atomic.write_text(path, yaml_edit.set_values(path, values))

    def repro(self) -> None:
        """Run what is behind.

        Errors:
            StageError: a stage failed; its words are shown as they came.
        """
        if self._dvc("repro"):
            raise StageError("No challenger: a stage failed, see above. Next: mend it, try again")

    def write(self, name: str, text: str) -> str:
        """Write a file of the study, and return its name."""
        atomic.write_text(self.root / name, text)
        return name

    def commit(self, subject: str, report: str) -> None:
        """Commit all that was made.

        Errors:
            ProjectError: the last commit holds all of it already.
        """
        git.run(self.top, "add", "--all")
        if not git.run(self.top, "status", "--porcelain"):
            raise ProjectError(
                f"The last commit holds this challenger and {report} already."
                " Next: headrace register, and headrace promote VERSION --to STAGE"
            )
        git.run(self.top, "commit", "--quiet", "-m", f"{subject}\n\nSee {report}.")

    def hand_over(self, branch: str) -> None:
        """Bring the commit into the study's repository, as a branch.

        Errors:
            StageError: git refused; where the commit is, is said.
        """
        words = ("fetch", str(self.top), f"HEAD:refs/heads/{branch}")
        try:
            git.run(self.origin, words[0], "--quiet", *words[1:])
        except ProjectError as error:
            raise StageError(
                f"{error}\nThe challenger could not be handed over; it is kept in {self.top}."
                f" Next: mend that, then git {' '.join(words)}"
            ) from None

    def _dvc(self, *words: str, check: bool = True) -> int:
        command = [sys.executable, "-m", "dvc", *words]
        loud = words[0] == "repro"
        environment = {name: one for name, one in os.environ.items() if name != "DVC_ROOT"}
        done = subprocess.run(
            command, cwd=self.root, env=environment, capture_output=not loud, text=True, check=False
        )
        if done.returncode and check and not loud:
            raise ProjectError(f"dvc {words[0]}: {done.stderr.strip()}")
        return done.returncode
