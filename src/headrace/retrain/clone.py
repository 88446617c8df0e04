"""A clone of the study in which a challenger is trained; the study itself stays as it is."""

import os
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.core import atomic, dvc_cache, git, processes, yaml_edit
from headrace.core.stage import PARAMS
from headrace.errors import ProjectError, StageError

SETTINGS = ("user.", "commit.", "gpg.", "tag.")
"""Settings of git that are copied: who commits, and how a commit is signed."""


@dataclass(frozen=True)
class Clone:
    """A clone of a repository in a folder: `top` is its top, `root` the study in it."""

    origin: Path
    top: Path
    root: Path

    @classmethod
    def create(cls, origin: Path, folder: Path) -> "Clone":
        """Clone the last commit; both share the study's cache.

        Errors:
            ProjectError: git or DVC refused; its message is shown.
        """
        repository = Path(git.run(origin, "rev-parse", "--show-toplevel").rstrip("\n"))
        top = folder / "study"
        # --shared copies no objects: the clone lives for one training, while the origin keeps them.
        git.run(folder, "clone", "--quiet", "--shared", str(repository), str(top))
        clone = cls(origin, top, top / origin.relative_to(repository))
        for line in git.run(origin, "config", "--list", "-z").split("\0"):
            name, _, value = line.partition("\n")
            if name.startswith(SETTINGS):
                git.run(top, "config", name, value)
        # Local, so that the setting is not part of the challenger's commit.
        clone._dvc("cache", "dir", "--local", str(dvc_cache.store_of(origin).folders[0].resolve()))
        with suppress(ProjectError):  # what is missing is made again
            clone._dvc("checkout", "--quiet")
        return clone

    def set_parameters(self, values: Mapping[str, Any]) -> None:
        """Write values into params.yaml; comments stay."""
        path = self.root / PARAMS
        atomic.write_text(path, yaml_edit.set_values(path, values))

    def repro(self) -> None:
        """Run what is not up to date.

        Errors:
            StageError: a stage failed; its output is shown.
        """
        if self._dvc("repro", capture=False):
            raise StageError("No challenger: a stage failed, see above. Next: fix it, try again")

    def write(self, name: str, text: str) -> str:
        """Write a file of the study, and return its name."""
        atomic.write_text(self.root / name, text)
        return name

    def commit(self, subject: str, report: str) -> None:
        """Commit all changes.

        Errors:
            ProjectError: there are none.
        """
        git.run(self.top, "add", "--all")
        if not git.run(self.top, "status", "--porcelain"):
            raise ProjectError(
                f"The last commit holds this challenger and {report} already."
                " Next: headrace register, and headrace promote VERSION --to STAGE"
            )
        git.run(self.top, "commit", "--quiet", "-m", f"{subject}\n\nSee {report}.")

    def push(self, branch: str) -> None:
        """Fetch the commit into the study's repository, as a branch.

        Errors:
            StageError: git refused; the message says where the commit is.
        """
        source = (str(self.top), f"HEAD:refs/heads/{branch}")
        try:
            git.run(self.origin, "fetch", "--quiet", *source)
        except ProjectError as error:
            raise StageError(
                f"{error}\nThe challenger could not be fetched; it is kept in {self.top}."
                f" Next: fix that, then git fetch {' '.join(source)}"
            ) from None

    def _dvc(self, *words: str, capture: bool = True) -> int:
        """Run DVC in the clone; its output is shown, or captured for the error that is raised."""
        # DVC tells its root to the commands that it runs, and this may be one of them.
        environment = {name: value for name, value in os.environ.items() if name != "DVC_ROOT"}
        result = subprocess.run(
            processes.dvc_command(*words),
            cwd=self.root,
            env=environment,
            capture_output=capture,
            text=True,
            check=False,
        )
        if result.returncode and capture:
            raise ProjectError(f"dvc {words[0]}: {result.stderr.strip()}\nNext: dvc doctor")
        return result.returncode
