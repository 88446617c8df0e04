"""Add a stage to a study: notebook, module, test, pipeline and parameters in one go.

Files that are there are edited as text: every other byte stays. The paths module is not among them,
since every stage depends on it, and all would run again.
"""

import ast
import keyword
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.core import atomic, yaml, yaml_edit
from headrace.core.project import Project
from headrace.core.stage import MAIN, PARAMS, Stage, repro_command
from headrace.errors import ProjectError
from headrace.scaffold import render

NAME = re.compile(r"[a-z][a-z0-9_]*")
NUMBER = re.compile(r"(\d+)_")
TABLES = (".parquet", ".csv")
PARAMS_MODULE = "src/study/params.py"
NEW_FILES = {
    "notebooks/{number}_{name}.ipynb": "notebook.md.j2",
    "src/study/{name}.py": "module.py.j2",
    "tests/test_{name}.py": "test.py.j2",
}


@dataclass(frozen=True)
class NewStage:
    """A stage to be: its name, the number of its notebook, and what it reads."""

    name: str
    number: str
    after: str
    """The stage behind which it stands; empty in a study without stages."""
    source: str
    """The file that it reads, from the study on; empty where no earlier stage writes a table."""
    attribute: str
    """The name in the paths module of that file."""
    axes: Mapping[str, Sequence[Any]]
    """The axes of its matrix, each with its values."""

    @property
    def title(self) -> str:
        """Its name as a heading has it."""
        return self.name.replace("_", " ").capitalize()

    @property
    def class_name(self) -> str:
        """The name of its block of parameters in params.py."""
        return "".join(word.capitalize() for word in self.name.split("_"))

    @property
    def reader(self) -> str:
        """The function of the data module that reads its source."""
        return "read_csv" if self.source.endswith(".csv") else "read"

    @property
    def file(self) -> str:
        """How a member's own files are told apart, in a dvc.yaml."""
        return "_".join(f"${{item.{axis}}}" for axis in self.axes)

    @property
    def file_in_code(self) -> str:
        """The same, in an f-string."""
        return "_".join(f"{{{axis}}}" for axis in self.axes)

    @property
    def runs(self) -> list[str]:
        """The names of what a run costs: one, or one for each member."""
        members = [""]
        for values in self.axes.values():
            members = [f"{member}-{value}" for member in members for value in values]
        return [f"{self.name}{member}" for member in members]


def run(project: Project, name: str, after: str, axes: Mapping[str, Sequence[Any]]) -> int:
    """Add a stage, and print what was written.

    Errors:
        ProjectError: the name is none, or taken; no stage is called `after`; a file has a form that
            cannot be edited.
    """
    stage = _plan(project, name, after, axes)
    new = {path.format(**vars(stage)): template for path, template in NEW_FILES.items()}
    for path in new:
        if (project.root / path).exists():
            raise ProjectError(f"{path} is there already. Next: choose another name for the stage")
    texts = {path: render.of_template(f"stage/{template}", stage) for path, template in new.items()}
    texts |= _edits(project.root, stage)
    for path, text in texts.items():
        atomic.write_text(project.root / path, text)
    written = [*texts]
    python = [path for path in written if path.endswith((".py", ".ipynb"))]
    ruff = (["ruff", "check", "--fix-only", "--quiet"], ["ruff", "format", "--quiet"])
    for words in ruff:
        subprocess.run([sys.executable, "-m", *words, *python], cwd=project.root, check=True)
    renew_schema(project.root)
    print("\n".join(f"  {'written' if path in new else 'edited':<8} {path}" for path in written))
    print(f"Next: edit {written[0]}, then {repro_command(MAIN, name)}")
    return 0


def renew_schema(root: Path) -> None:
    """Write params.schema.json anew: in a process of its own, since this one has the old model."""
    words = [sys.executable, "-m", "headrace", "schema"]
    subprocess.run(words, cwd=root, check=True, stdout=subprocess.DEVNULL)


def _plan(project: Project, name: str, after: str, axes: Mapping[str, Sequence[Any]]) -> NewStage:
    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        raise ProjectError(
            f"{name!r} cannot name a stage, a notebook and a module."
            " Next: use small letters, digits and _, such as clean_up"
        )
    if name in project.stages.groups or (project.source / f"study/{name}.py").exists():
        raise ProjectError(f"{name!r} names a stage or a module already. Next: choose another name")
    if name in yaml.read(project.root / PARAMS):
        raise ProjectError(f"{PARAMS} has a {name!r} already. Next: choose another name")
    for axis in axes:
        if not axis.isidentifier() or keyword.iskeyword(axis) or axis == "rows":
            raise ProjectError(f"{axis!r} cannot name an axis. Next: --matrix NAME=a,b")
    stages = [*project.stages.values()]
    before = project.stage(after) if after else (stages[-1] if stages else None)
    source, attribute = _source(project, stages, before)
    numbers = [NUMBER.match(path.name) for path in (project.root / "notebooks").glob("*.ipynb")]
    number = max((int(match[1]) for match in numbers if match), default=0) + 1
    place = before.group if before else ""
    return NewStage(name, f"{number:02}", place, source, attribute, axes)


def _source(project: Project, stages: Sequence[Stage], before: Stage | None) -> tuple[str, str]:
    """Return the table that the nearest stage before writes, and its name in the paths module."""
    module = project.module("paths")
    names = {
        path.relative_to(project.root).as_posix(): name
        for name, path in vars(module).items()
        if isinstance(path, Path) and path.is_relative_to(project.root)
    }
    earlier = stages[: stages.index(before) + 1] if before else []
    for stage in reversed(earlier):
        for out in stage.outs:
            if out.path.startswith("data/") and out.path.endswith(TABLES) and out.path in names:
                return out.path, names[out.path]
    return "", ""


def _edits(root: Path, stage: NewStage) -> dict[str, str]:
    """Return the new texts of the files that a stage is listed in."""
    listed = (MAIN, PARAMS, PARAMS_MODULE)
    texts = {path: (root / path).read_text("utf-8") for path in listed}
    block = render.of_template("stage/dvc.yaml.j2", stage)
    return {
        MAIN: _with_costs(_with_stage(texts[MAIN], stage, block), stage),
        PARAMS: f"{texts[PARAMS].rstrip()}\n\n{stage.name}:\n  rows: 0\n",
        PARAMS_MODULE: _with_block(texts[PARAMS_MODULE], stage),
    }


def _with_stage(text: str, stage: NewStage, block: str) -> str:
    """Return the text of dvc.yaml with a stage behind another, or as the first."""
    keys = ("stages", stage.after) if stage.after else ("stages",)
    key, node = yaml.find_node(yaml.compose(text), keys)
    if key is None or (getattr(node, "flow_style", False) and node.value):
        raise ProjectError(
            f"{MAIN} is written in a way that cannot be edited. Next: add it by hand"
        )
    if not stage.after:
        return f"{text[: key.end_mark.index]}:\n{block}{text[node.end_mark.index :].lstrip()}"
    lines = text.splitlines()
    end = text[: node.end_mark.index].rstrip().count("\n") + 1
    while not lines[end - 1].strip() or lines[end - 1].startswith("#"):  # of what comes next
        end -= 1
    return "\n".join([*lines[:end], "", *block.splitlines(), *lines[end:], ""])


def _with_costs(text: str, stage: NewStage) -> str:
    """Return the text of dvc.yaml that registers what the stage costs."""
    costs = [f"metrics/cost/{name}.json" for name in stage.runs]
    if yaml.find_node(yaml.compose(text), ("metrics",))[1] is None:
        return f"{text.rstrip()}\n\nmetrics:\n" + "".join(f"  - {cost}\n" for cost in costs)
    for cost in costs:
        text = yaml_edit.append_line(text, MAIN, ("metrics",), cost)
    return text


def _with_block(text: str, stage: NewStage) -> str:
    """Return the text of params.py with a block of parameters, and a field for it."""
    tree = ast.parse(text)
    whole = next(
        (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Params"),
        None,
    )
    if whole is None:
        raise ProjectError(f"{PARAMS_MODULE} has no class Params. Next: add the stage by hand")
    fields = [node for node in whole.body if isinstance(node, ast.AnnAssign)]
    block = render.of_template("stage/params.py.j2", stage)
    lines = text.splitlines(keepends=True)
    end = fields[-1].end_lineno if fields else whole.body[0].end_lineno
    after = end or len(lines)
    # A docstring below the last field belongs to it.
    following = [n for n in whole.body if isinstance(n, ast.Expr) and n.lineno == after + 1]
    after = (following[0].end_lineno or after) if following else after
    lines.insert(after, f"    {stage.name}: {stage.class_name}\n")
    lines.insert(whole.lineno - 1, f"{block}\n\n")
    return "".join(lines)
