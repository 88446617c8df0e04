"""A copy of the project with quick parameters, in which notebooks may run and touch nothing."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from headrace.core import atomic, project, yaml_edit
from headrace.core.project import Project
from headrace.core.stage import PARAMS
from headrace.errors import ProjectError

COPIED = ("pyproject.toml", "requirements.lock", PARAMS, "notebooks")
OPTIONAL = ("gates.yaml",)
OUTSIDE = re.compile(r"/|\.\.(/|$)|\w+://")
"""A dep that is no file of the study; the copy reads it where it is, if it can."""
SKIPPED = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")


def copy(original: Project, into: Path, values: Mapping[str, Any] | None = None) -> Project:
    """Copy the project without what its stages make into an empty folder, and return the copy.

    `values` maps dotted names of params.yaml to what they become, there and in the notebooks'
    parameters cells; by default those of [tool.headrace.quick] in pyproject.toml.
    """
    source = str(original.source.relative_to(original.root))
    optional = (name for name in (*OPTIONAL, *_listed(original)) if (original.root / name).exists())
    for name in dict.fromkeys((*COPIED, *original.pipelines, source, *optional)):
        path = original.root / name
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, into / name, ignore=SKIPPED, dirs_exist_ok=True)
        else:
            shutil.copy2(path, into / name)
    quick = original.settings.get("quick", {}) if values is None else values
    set_parameters(into / PARAMS, quick)
    copied = project.find_project(into)
    _headrace(copied, "sync")
    return copied


def _listed(original: Project) -> Iterator[str]:
    """Yield the files of parameters that pipeline files name, and the deps that no stage makes."""
    for pipeline in original.pipelines.values():
        yield from pipeline.vars_files
    outs = [out for stage in original.all_stages.values() for out in stage.outs]
    for stage in original.all_stages.values():
        yield from (param.file for param in stage.params)
        deps = (dep.path for dep in stage.deps if not OUTSIDE.match(dep.path))
        yield from (path for path in deps if not any(out.meets(path) for out in outs))


def _headrace(copied: Project, command: str) -> None:
    """Run a command of the copy in a process of its own: this one has imported the original."""
    words = [sys.executable, "-m", "headrace", command]
    result = subprocess.run(words, cwd=copied.root, capture_output=True, text=True, check=False)
    if result.returncode:
        raise ProjectError(f"headrace {command}, in a copy of the study: {result.stderr.strip()}")


def set_parameters(path: Path, values: Mapping[str, Any]) -> None:
    """Set values in a params.yaml by their dotted names.

    Errors:
        ProjectError: params.yaml has no such name.
    """
    try:
        atomic.write_text(path, yaml_edit.set_values(path, values))
    except ProjectError as error:
        raise ProjectError(f"{error}; see [tool.headrace.quick] in pyproject.toml") from None
