"""What `headrace fix` does about a finding, in the text of a file: every other byte stays."""

from collections.abc import Iterable
from dataclasses import dataclass

from headrace.core import pipeline, yaml_edit
from headrace.core.yaml import Key
from headrace.errors import ProjectError


@dataclass(frozen=True)
class Strip:
    """Take outputs and volatile metadata out of a notebook."""

    notebook: str


@dataclass(frozen=True)
class AddDep:
    """List a file among a stage's deps; `keys` is where those stand in its pipeline file."""

    stage: str
    keys: tuple[Key, ...]
    path: str
    file: str = pipeline.MAIN

    def __str__(self) -> str:
        """Say what was done."""
        return f"{self.file}: stage {self.stage}: {self.path} added to the deps"

    def apply(self, text: str) -> str:
        """Return the file with the dep after the last one; unchanged where that is not plain."""
        try:
            return yaml_edit.append_line(text, self.file, self.keys, self.path)
        except ProjectError:
            return text


@dataclass(frozen=True)
class Uncache:
    """Keep a metric in git, not in DVC's cache; `keys` is where it stands in its pipeline file."""

    stage: str
    keys: tuple[Key, ...]
    path: str
    file: str = pipeline.MAIN

    def __str__(self) -> str:
        """Say what was done."""
        return f"{self.file}: stage {self.stage}: cache: false set for {self.path}"

    def apply(self, text: str) -> str:
        """Return the file with `cache: false`; unchanged where that is not plain."""
        try:
            return yaml_edit.set_option(text, self.file, self.keys, "cache", False)
        except ProjectError:
            return text


Mend = Strip | AddDep | Uncache


def apply(text: str, mends: Iterable[Mend]) -> tuple[str, list[AddDep | Uncache]]:
    """Return a pipeline file with what can be mended in it, and what was."""
    done = []
    for mend in dict.fromkeys(mends):
        if not isinstance(mend, Strip) and (mended := mend.apply(text)) != text:
            text = mended
            done.append(mend)
    return text, done
