"""Take a stage out of a study: what `headrace new` writes, and its outputs.

Files that stay are edited as text: every other byte is kept. Where its name is still found is said.
"""

import ast
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from headrace.core import atomic, git, yaml
from headrace.core.lockfile import NAME as LOCK
from headrace.core.project import Project
from headrace.core.stage import MAIN, PARAMS, Stage, file_name
from headrace.core.yaml import Key
from headrace.errors import ProjectError, join_names
from headrace.execution.resource_usage import FOLDER as COST_FOLDER
from headrace.scaffold import data_file
from headrace.scaffold.new import PARAMS_MODULE, renew_schema

MAX_SHOWN = 8


def run(project: Project, name: str, *, dry_run: bool = False) -> int:
    """Remove a stage, and print what went and where its name is still found.

    Errors:
        ProjectError: dvc.yaml has no such stage, or another one reads what it writes.
    """
    members = _members(project, name)
    _refuse_readers(project, members)
    files = _files(project, name, members)
    texts = _edits(project, name, members)
    print("\n".join([f"  edited   {path}" for path in texts] + [f"  removed  {p}" for p in files]))
    if dry_run:
        return 0
    for path, text in texts.items():
        atomic.write_text(project.root / path, text)
    for path in files:
        data_file.remove(project.root / path)
    renew_schema(project.root)
    if left := _left(project.root, name):
        print(f"{name} is still named in {join_names(left, MAX_SHOWN)}. Next: make check test")
    return 0


def _members(project: Project, name: str) -> list[Stage]:
    if name not in project.stages.groups:
        project.stage(name)  # which names the nearest
        raise ProjectError(f"{name} is not in {MAIN}. Next: name the stage, not a member of it")
    return [project.stages[member] for member in project.stages.members(name)]


def _refuse_readers(project: Project, members: Sequence[Stage]) -> None:
    outs = [out for stage in members for out in stage.outs]
    for stage in project.all_stages.values():
        read = [dep.path for dep in stage.deps if any(out.meets(dep.path) for out in outs)]
        if read and stage not in members:
            name = members[0].group
            raise ProjectError(
                f"Stage {stage} reads {join_names(read, MAX_SHOWN)}, which {name} writes."
                f" Next: take that out of {stage.file}, or remove {stage.group} first"
            )


def _files(project: Project, name: str, members: Sequence[Stage]) -> list[str]:
    """Return the files that go: notebook, module, test, outputs and costs."""
    others = [stage for stage in project.all_stages.values() if stage not in members]
    shared = {dep.path for stage in others for dep in stage.deps}
    own = [
        *(notebook for stage in members for notebook in stage.notebooks),
        f"src/study/{name}.py",
        f"tests/test_{name}.py",
        *(out.path for stage in members for out in stage.outs),
        *(f"{COST_FOLDER}/{file_name(stage.name)}.json" for stage in members),
    ]
    there = [path for path in dict.fromkeys(own) if (project.root / path).exists()]
    return [path for path in there if path not in shared]


def _edits(project: Project, name: str, members: Sequence[Stage]) -> dict[str, str]:
    """Return the new texts of the files in which a stage is listed."""
    root = project.root
    others = [stage for stage in project.all_stages.values() if stage not in members]
    params = {param.name.partition(".")[0] for stage in others for param in stage.params}
    texts = {path: (root / path).read_text("utf-8") for path in (MAIN, PARAMS)}
    keys: list[tuple[Key, ...]] = [("stages", name), *_costs(texts[MAIN], members)]
    new = {MAIN: _without(texts[MAIN], keys)}
    if name not in params:
        new[PARAMS] = _without(texts[PARAMS], [(name,)])
        new[PARAMS_MODULE] = _without_block((root / PARAMS_MODULE).read_text("utf-8"), name)
    if (root / LOCK).is_file():  # not by `dvc remove`, which knows no matrix
        lock = (root / LOCK).read_text("utf-8")
        new[LOCK] = _without(lock, [("stages", stage.name) for stage in members])
    return {path: text for path, text in new.items() if text != (root / path).read_text("utf-8")}


def _costs(text: str, members: Sequence[Stage]) -> list[tuple[Key, ...]]:
    """Return the places in dvc.yaml's metrics of what the members cost."""
    names = {f"{COST_FOLDER}/{file_name(stage.name)}.json" for stage in members}
    _, node = yaml.find_node(yaml.compose(text), ("metrics",))
    return [
        ("metrics", place)
        for place, _, item in yaml.children(node)
        if item.id == "scalar" and item.value in names
    ]


def _without(text: str, keys: Iterable[Sequence[Key]]) -> str:
    """Return a YAML text without the lines of some entries, and the gap before each."""
    tree, lines = yaml.compose(text), text.splitlines()
    gone: set[int] = set()
    for path in keys:
        key, node = yaml.find_node(tree, path)
        if key is None:
            continue
        first = key.start_mark.line
        last = text[: node.end_mark.index].rstrip().count("\n")
        while last > first and (not lines[last].strip() or lines[last].startswith("#")):
            last -= 1
        if first and not lines[first - 1].strip():
            first -= 1
        gone |= {*range(first, last + 1)}
    return "\n".join(line for place, line in enumerate(lines) if place not in gone) + "\n"


def _without_block(text: str, name: str) -> str:
    """Return the text of params.py without a stage's field, and its class if it is its own."""
    tree = ast.parse(text)
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    fields = [
        node
        for node in getattr(classes.get("Params"), "body", [])
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == name
    ]
    nodes: list[ast.stmt] = [*fields]
    for field in fields:
        block = classes.get(ast.unparse(field.annotation))
        if block and len(re.findall(rf"\b{block.name}\b", text)) == 2:
            nodes.append(block)
    return _without_nodes(text, nodes)


def _without_nodes(text: str, nodes: Iterable[ast.stmt]) -> str:
    """Return Python's text without some statements, and the docstring and gap of each."""
    lines, gone = text.splitlines(), set()
    strings = {
        node.lineno: node.end_lineno or node.lineno
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in nodes:
        first, last = node.lineno, node.end_lineno or node.lineno
        last = strings.get(last + 1, last)
        if isinstance(node, ast.ClassDef) or (first > 1 and last < len(lines) and not lines[last]):
            while first > 1 and not lines[first - 2].strip():
                first -= 1
        gone |= {*range(first, last + 1)}
    kept = [line for place, line in enumerate(lines, 1) if place not in gone]
    return "\n".join(kept).rstrip() + "\n"


def _left(root: Path, name: str) -> list[str]:
    """Return the files that git tracks, dvc.lock left out, in which a name still stands."""
    word = re.compile(rf"\b{re.escape(name)}\b")
    kinds = (".py", ".ipynb", ".yaml", ".toml", ".md")
    paths = [path for path in git.tracked(root) if path.endswith(kinds) and (root / path).is_file()]
    return [path for path in paths if word.search((root / path).read_text("utf-8", "replace"))]
