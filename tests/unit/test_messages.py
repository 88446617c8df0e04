"""Every message that a user meets ends in the next step; held over the source, not by a run."""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

import headrace
from headrace import errors
from headrace.lint import repository, rules

SOURCE = Path(headrace.__file__).parent
STEPS = ("Next: ", "To look into it: headrace debug")
LEAVES = {name for name, value in vars(errors).items() if isinstance(value, type)}
COMPLETED = {
    "core/git.py": "git's own message says what to do; callers that know more add it",
    "core/tables.py": "`parts` is used below two callers, each of which adds its own step",
    "execution/sandbox.py": "it hands on what another headrace command printed",
    "incidents/store.py": "its readers name the file, and add how to restore it",
    "registry/check.py": "an unchecked item of an audit, which is no failure",
    "registry/decision_checks.py": "an unchecked item of an audit, which is no failure",
    "registry/register.py": "the problems of a snapshot are whole messages of core.yaml",
}
"""Files with messages that another place completes, each with the reason."""
COMMAND = re.compile(
    r"\b(dvc (repro|checkout|pull|fetch|add|commit|update)|git (add|rm|checkout|clone)|nbdiff-web"
    r"|headrace (debug|history|ingest|diff)|rm|touch|chmod)( -\S+| HEAD| u\+rX)* '?$"
)
PLAIN = {
    "alerts": "an incident's file is named by batch and rule in plain letters",
    "bundle": "a wheel has a plain name",
    "compare/changed_outputs.py": "an option",
    "incidents": "an incident's file is named by batch and rule in plain letters",
    "ingest": "a batch has a plain name",
    "registry": "a version and a stage have plain names, as gto has them",
    "retrain": "a branch is named by its batch",
    "verify/clean_room.py": "one of two files of ours",
}
"""Where a command holds names that a shell takes as they are, each with the reason."""


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def _name(node: ast.expr | None) -> str:
    return getattr(node, "id", "") or getattr(node, "attr", "")


def _outer(scope: ast.Module) -> Iterator[ast.AST]:
    for node in scope.body:
        yield from node.body if isinstance(node, ast.ClassDef) else [node]


@cache
def _bindings(scope: ast.AST) -> dict[str, list[ast.AST]]:
    """Return what each name of a function is bound to, or of a module and its classes."""
    found: dict[str, list[ast.AST]] = {}
    for node in _outer(scope) if isinstance(scope, ast.Module) else ast.walk(scope):
        match node:
            case ast.Assign(targets=targets, value=value):
                pairs = [(target, value) for target in targets]
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                pairs = [(target, value)]
            case (
                ast.AugAssign(target=target, value=value)
                | ast.NamedExpr(target=target, value=value)
            ):
                pairs = [(target, value)]
            case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
                pairs = [(target, value)]
            case ast.FunctionDef(name=name):
                found.setdefault(name, []).append(node)
                continue
            case _:
                continue
        for target, value in pairs:
            for part in ast.walk(target):
                found.setdefault(_name(part) if isinstance(part, ast.expr) else "", []).append(
                    value
                )
    return found


@cache
def _imports(path: Path) -> dict[str, tuple[Path, str]]:
    """Return the modules of headrace that names of a module come from, with their name there."""
    found = {}
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("headrace"):
            folder = SOURCE.joinpath(*(node.module or "").split(".")[1:])
            for alias in node.names:
                bound = alias.asname or alias.name
                module = folder / f"{alias.name}.py"
                if module.is_file():
                    found[bound] = (module, "")
                else:
                    file = folder.with_suffix(".py")
                    found[bound] = (file if file.is_file() else folder / "__init__.py", alias.name)
    return found


def _texts(node: ast.AST, path: Path, scope: ast.AST, seen: set[int]) -> Iterator[str]:
    """Yield the texts of an expression, and those of what its names are bound to."""
    if id(node) in seen or isinstance(node, ast.Raise):
        return
    seen.add(id(node))
    match node:
        case ast.Expr(value=ast.Constant()) | ast.Attribute(attr="stdout" | "stderr"):
            return  # a docstring, and what another program printed
        case ast.Constant(value=str(text)):
            yield text
        case ast.Name(id=name):
            module, there = _imports(path).get(name, (path, name))
            local = _bindings(scope).get(name, [])
            yield from _followed(
                local or _bindings(_tree(module)).get(there, []), module, scope, seen
            )
        case ast.Attribute(value=ast.Name(id=name), attr=attr):
            module = _imports(path).get(name, (path, ""))[0]
            yield from _followed(_bindings(_tree(module)).get(attr, []), module, scope, seen)
    for child in ast.iter_child_nodes(node):
        yield from _texts(child, path, scope, seen)


def _followed(
    values: Iterable[ast.AST], module: Path, scope: ast.AST, seen: set[int]
) -> Iterator[str]:
    for value in values:
        inner = value if isinstance(value, ast.FunctionDef) else scope
        yield from _texts(value, module, inner, seen)


def _hands_on(node: ast.Raise, parents: Iterable[ast.AST]) -> bool:
    """Return whether the message has the text of another HeadraceError, which has its step."""
    names = {_name(part) for part in ast.walk(node) if isinstance(part, ast.Name)}
    handlers = (parent for parent in parents if isinstance(parent, ast.ExceptHandler))
    return any(
        handler.name in names and {_name(part) for part in ast.walk(handler.type)} & LEAVES
        for handler in handlers
        if handler.type
    )


def _raises(
    node: ast.AST, parents: tuple[ast.AST, ...]
) -> Iterator[tuple[ast.Raise, tuple[ast.AST, ...]]]:
    if isinstance(node, ast.Raise):
        yield node, parents
    for child in ast.iter_child_nodes(node):
        yield from _raises(child, (node, *parents))


def without_step(path: Path) -> list[int]:
    """Return the lines of a module that raise a HeadraceError without a next step."""
    lines = []
    for node, parents in _raises(_tree(path), ()):
        if not isinstance(node.exc, ast.Call) or _name(node.exc.func) not in LEAVES | {
            "NotAvailable"
        }:
            continue
        scope = next((p for p in parents if isinstance(p, ast.FunctionDef)), _tree(path))
        texts = "\0".join(t for a in node.exc.args for t in _texts(a, path, scope, set()))
        if not any(step in texts for step in STEPS) and not _hands_on(node, parents):
            lines.append(node.lineno)
    return lines


MODULES = {path.relative_to(SOURCE).as_posix(): path for path in sorted(SOURCE.rglob("*.py"))}


def test_every_message_of_a_users_mistake_ends_in_the_next_step() -> None:
    bare = {name: lines for name, path in MODULES.items() if (lines := without_step(path))}
    assert {name: lines for name, lines in bare.items() if name not in COMPLETED} == {}


@pytest.mark.parametrize("name", COMPLETED)
def test_an_exception_that_is_needed_no_more_is_struck_out(name: str) -> None:
    assert without_step(MODULES[name])


@pytest.mark.parametrize(
    "text",
    [
        'raise DataError("x")',
        'step = "see"\nraise DataError(f"x. {step}")',
        'try:\n    pass\nexcept OSError as error:\n    raise DataError(f"{error}")',
    ],
    ids=["bare", "by a name", "another's error"],
)
def test_a_message_without_a_step_is_found(text: str, tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text(text)
    assert len(without_step(file)) == 1


def _in_commands(node: ast.JoinedStr) -> Iterator[str]:
    """Yield the values of an f-string that stand in a command."""
    for text, value in pairwise(node.values):
        is_command = isinstance(text, ast.Constant) and COMMAND.search(str(text.value))
        if is_command and isinstance(value, ast.FormattedValue):
            yield ast.unparse(value.value)


def test_a_command_in_a_message_can_be_pasted_whatever_the_names_in_it() -> None:
    found = {
        f"{path.relative_to(SOURCE)}: {code}"
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.JoinedStr)
        for code in _in_commands(node)
        if not code.startswith("shlex.") and f" {code} = shlex." not in path.read_text("utf-8")
        if not code.isupper()  # a constant
    }
    assert {place for place in found if not place.startswith(tuple(PLAIN))} == set()


def test_a_rule_s_step_quotes_names_and_its_problem_does_not() -> None:
    values = {"path": "my data.csv", "mib": 2.0}
    problem, step = rules.Rule(repository.large_file, repro=False).render(values)
    assert "tracks my data.csv (2.0 MiB)" in problem
    assert step.startswith("git rm --cached 'my data.csv', and dvc add 'my data.csv', or")
