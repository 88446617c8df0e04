"""The automatic fixes, as edits of a file's text: every other byte stays."""

from collections.abc import Iterable
from dataclasses import dataclass

from headrace.core import yaml_edit
from headrace.core.stage import MAIN
from headrace.core.yaml import Key
from headrace.errors import ProjectError


@dataclass(frozen=True)
class Strip:
    """Remove outputs and volatile metadata from a notebook."""

    notebook: str


@dataclass(frozen=True)
class PipelineEdit:
    """An edit of a stage in a pipeline file; `keys` is the place there, `path` a file's path."""

    stage: str
    keys: tuple[Key, ...]
    path: str
    file: str = MAIN

    def apply(self, text: str) -> str:
        """Return the edited text; unchanged where it is written in a way that cannot be edited."""
        try:
            return self._edit(text)
        except ProjectError:
            return text

    def _edit(self, text: str) -> str:
        raise NotImplementedError


class AddDep(PipelineEdit):
    """Add a file to a stage's deps."""

    def __str__(self) -> str:
        """Describe the change."""
        return f"{self.file}: stage {self.stage}: {self.path} added to the deps"

    def _edit(self, text: str) -> str:
        return yaml_edit.append_line(text, self.file, self.keys, self.path)


class Uncache(PipelineEdit):
    """Set `cache: false` for a metric."""

    def __str__(self) -> str:
        """Describe the change."""
        return f"{self.file}: stage {self.stage}: cache: false set for {self.path}"

    def _edit(self, text: str) -> str:
        return yaml_edit.set_option(text, self.file, self.keys, "cache", False)


class AddMetric(PipelineEdit):
    """Add a file to the metrics of no stage."""

    def __str__(self) -> str:
        """Describe the change."""
        return f"{self.file}: {self.path} added to the metrics"

    def _edit(self, text: str) -> str:
        return yaml_edit.append_line(text, self.file, self.keys, self.path)


Fix = Strip | PipelineEdit


def apply(text: str, edits: Iterable[PipelineEdit]) -> tuple[str, list[PipelineEdit]]:
    """Return a pipeline file's text after the edits, and the edits that could be applied."""
    applied = []
    for edit in dict.fromkeys(edits):  # two cells may need the same dep
        if (edited := edit.apply(text)) != text:
            text = edited
            applied.append(edit)
    return text, applied
