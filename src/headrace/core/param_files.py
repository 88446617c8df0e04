"""The files that hold parameters: params.yaml, and what a stage's params list besides."""

import shlex
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NoReturn

from headrace.core import yaml
from headrace.core.entry import Param
from headrace.core.stage import PARAMS, Stage
from headrace.errors import ProjectError

COMPUTE = "compute"
"""The block of params.yaml that the runner uses itself; no notebook takes it."""
WHOLE = Param(PARAMS, "")
"""What a stage lists that may read all of params.yaml."""
ReadFile = Callable[[str], bytes | None]
Contents = Mapping[str, Mapping[str, Any]]
"""The content of each file by its path from the study on."""


def is_compute(param: Param) -> bool:
    """Tell whether a listed name is the runner's own."""
    return param.file == PARAMS and param.name.split(".")[0] == COMPUTE


def compute_of(stage: Stage, read_file: ReadFile) -> dict[str, Any]:
    """Return what a stage lists of the runner's own block.

    Errors:
        ProjectError: params.yaml cannot be read.
    """
    listed = [param for param in stage.params if is_compute(param) or param == WHOLE]
    others = [param.file for param in stage.params if param.file != PARAMS]
    content = read([stage], read_file, known=others) if listed else {}
    compute: dict[str, Any] = {}
    for param in listed:
        value = yaml.lookup(content[PARAMS], param.name or COMPUTE)
        compute |= value if isinstance(value, dict) else {param.name.rpartition(".")[2]: value}
    return compute


def main_file(read_file: ReadFile) -> dict[str, Any]:
    """Return the content of params.yaml; nothing where a study has no parameters, and no such file.

    Errors:
        ProjectError: it cannot be read.
    """
    return parse(read_file(PARAMS) or b"{}", PARAMS)


def parse(text: bytes, path: str) -> dict[str, Any]:
    """Return the names and values in the text of a file: YAML, JSON, TOML or Python.

    Errors:
        ProjectError: it cannot be read, or holds no names.
    """
    if not path.lower().endswith((".json", ".toml", ".py")):
        return yaml.parse(text, path)
    from headrace.core import templates  # which imports dvc

    return templates.parse(text, path)


def read(
    stages: Iterable[Stage], read_file: ReadFile, known: Collection[str] = ()
) -> dict[str, dict[str, Any]]:
    """Return the content of each file that the stages' params list, but for those known already.

    Errors:
        ProjectError: one is missing, or cannot be read.
    """
    contents: dict[str, dict[str, Any]] = {}
    for stage in stages:
        for param in stage.params:
            if param.file not in contents and param.file not in known:
                text = read_file(param.file)
                if text is None:
                    _refuse_missing(stage, param.file)
                contents[param.file] = parse(text, param.file)
    return contents


def _refuse_missing(stage: Stage, file: str) -> NoReturn:
    lists = f"{stage.file}: params of stage {stage.group!r} list {file}, which is"
    if "://" in file:
        raise ProjectError(f"{lists} on another host. Next: copy it into the study, and list that")
    raise ProjectError(
        f"{lists} missing. Next: git checkout HEAD -- {shlex.quote(file)}, or correct its name"
    )


def values(params: Iterable[Param], contents: Contents) -> dict[tuple[str, str], Any]:
    """Return what DVC compares for a stage, by file and dotted name; None where there is none."""
    listed: dict[tuple[str, str], Any] = {}
    for param in params:
        content = contents.get(param.file, {})
        names = [param.name] if param.name else [*content]
        for name in names:
            value = yaml.lookup(content, name) if param.name else content[name]
            listed[param.file, name] = value
    return listed
