"""The automatic fixes, as edits of a file's text: every other byte stays."""

from collections.abc import Iterable
from dataclasses import dataclass

from headrace.core import pipeline, yaml_edit
from headrace.core.yaml import Key
from headrace.errors import ProjectError


@dataclass(frozen=True)
class Strip:
    """Remove outputs and volatile metadata from a notebook."""

    notebook: str


@dataclass(frozen=True)
class AddDep:
    """Add a file to a stage's deps; `keys` is their place in the pipeline file."""

    stage: str
    keys: tuple[Key, ...]
    path: str
    file: str = pipeline.MAIN

    def __str__(self) -> str:
        """Describe the change."""
        return f"{self.file}: stage {self.stage}: {self.path} added to the deps"

    def apply(self, text: str) -> str:
        """Return the text with one more dep; unchanged where the list is in flow style."""
        try:
            return yaml_edit.append_line(text, self.file, self.keys, self.path)
        except ProjectError:
            return text


@dataclass(frozen=True)
class Uncache:
    """Set `cache: false` for a metric; `keys` is its place in the pipeline file."""

    stage: str
    keys: tuple[Key, ...]
    path: str
    file: str = pipeline.MAIN

    def __str__(self) -> str:
        """Describe the change."""
        return f"{self.file}: stage {self.stage}: cache: false set for {self.path}"

    def apply(self, text: str) -> str:
        """Return the text with `cache: false`; unchanged where the list is in flow style."""
        try:
            return yaml_edit.set_option(text, self.file, self.keys, "cache", False)
        except ProjectError:
            return text


Fix = Strip | AddDep | Uncache


def apply(text: str, edits: Iterable[AddDep | Uncache]) -> tuple[str, list[AddDep | Uncache]]:
    """Return a pipeline file's text after the edits, and the edits that could be applied."""
    applied = []
    for edit in dict.fromkeys(edits):
        if (edited := edit.apply(text)) != text:
            text = edited
            applied.append(edit)
    return text, applied
