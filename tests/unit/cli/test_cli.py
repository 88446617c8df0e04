"""The command line: help that shows examples, names that are completed, mistakes that are named."""

import ast
import itertools
import os
import re
import subprocess
import sys
import tomllib
import webbrowser
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from click.shell_completion import BashComplete
from mini_study import Mini

import headrace
from headrace.cli.base import Group
from headrace.cli.main import EXTRAS, headrace_command, main
from lab import bake, paths, wheel

NAMES = list(headrace_command.commands)
ALERT = headrace_command.commands["alert"]
assert isinstance(ALERT, Group)
ALL_NAMES = [*NAMES, *(f"alert {name}" for name in ALERT.commands)]
DOCS = paths.root / "docs"
PACKAGE = paths.root / "src/headrace"


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Return the exit code of a command, and all that it printed."""
    try:
        code = main(words)
    except SystemExit as end:
        code = int(end.code or 0)
    printed = capsys.readouterr()
    return code, printed.out + printed.err


def test_the_help_lists_every_command_with_its_purpose(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = run(capsys, "--help")
    assert code == 0
    for name in NAMES:
        assert re.search(rf"^  {name} +\S.*[^.]\.$", text, re.M), f"{name}: no whole sentence"
    assert text.index("Examples:") < text.index("Options:") < text.index("Run:")


@pytest.mark.parametrize("name", ALL_NAMES)
def test_a_command_s_help_shows_examples_before_options(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, text = run(capsys, *name.split(), "--help")
    assert code == 0
    assert f"headrace {name}" in text[text.index("Examples:") :]
    assert text.index("Examples:") < text.index("Options:")
    assert max(map(len, text.splitlines())) <= 80


def test_the_version_is_the_distribution_s(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--version") == (0, f"headrace {headrace.__version__}\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "Usage: headrace"),
        (("chekc",), "No such command 'chekc'. Did you mean check?"),
        (("diff", "--shalow"), "No such option '--shalow'. Did you mean '--shallow'?"),
        (("diff", "--json", "--markdown"), "--markdown and --json exclude each other."),
        (("promote", "v1.0.0"), "Missing option '--to'."),
        (("alert", "dismis", "x"), "No such command 'dismis'. Did you mean dismiss?"),
        (("alert", "decide", "x", "wait", "--reason", "y"), "'wait' is not one of"),
        (("serve", "--port", "many"), "'many' is not a valid integer"),
        (("diff", "--json", "--open"), "--json and --open exclude each other."),
        (("docs", "verfy"), "No page 'verfy'. Did you mean verify? Next: headrace docs"),
    ],
)
def test_a_mistake_on_the_command_line_is_named(
    words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = run(capsys, *words)
    assert code == 2
    assert message in text
    assert "Traceback" not in text


def test_a_shell_completes_commands(mini: Mini) -> None:
    variables = {"_HEADRACE_COMPLETE": "bash_complete", "COMP_WORDS": "headrace c"}
    env = bake.environment(**variables, COMP_CWORD="1")
    output = bake.run(mini.root, "headrace", env=env).stdout.split()
    assert {"plain,check", "plain,ci"} <= {*output}


def test_a_shell_completes_options_stages_rules_pages_and_revisions(
    mini: Mini, monkeypatch: pytest.MonkeyPatch
) -> None:
    def complete(*words: str) -> list[str]:
        shell = BashComplete(headrace_command, {}, "headrace", "_HEADRACE_COMPLETE")
        return [item.value for item in shell.get_completions([*words[:-1]], words[-1])]

    bake.commit(mini.root)
    monkeypatch.chdir(mini.root)
    assert complete("run", "t") == ["train"]
    assert "--shallow" in complete("diff", "--s")
    assert complete("check", "cell-le") == ["cell-length"]
    assert complete("docs", "verif") == ["verify"]
    assert complete("diff", "mai") == ["main"]


@pytest.mark.parametrize(("extra", "modules"), EXTRAS.items(), ids=EXTRAS.keys())
def test_a_command_whose_extra_is_missing_says_which_one_to_install(
    extra: str, modules: tuple[str, ...], mini: Mini
) -> None:
    code = (
        "import sys; from headrace.cli import main;"
        f"main.headrace_command.main = lambda *a, **k: __import__({modules[0]!r});"
        f"sys.modules[{modules[0]!r}] = None; sys.exit(main.main(['check']))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=mini.root, capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert f"{modules[0]} is not installed. Next: add headrace[{extra}]" in result.stderr


def test_an_extra_brings_what_its_commands_ask_for() -> None:
    project = tomllib.loads((paths.root / "pyproject.toml").read_text("utf-8"))["project"]
    distributions = packages_distributions()
    for extra, modules in EXTRAS.items():
        required = {
            re.split(r"[<>=[]", line)[0] for line in project["optional-dependencies"][extra]
        }
        for module in modules:
            assert {name.lower().replace("_", "-") for name in distributions[module]} & required, (
                extra,
                module,
            )


def test_what_the_package_imports_it_declares() -> None:
    project = tomllib.loads((paths.root / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    lines = {*project["dependencies"], *itertools.chain.from_iterable(extras)}
    declared = {re.split(r"[<>=[]", line)[0] for line in lines}
    distributions = packages_distributions()
    for module in sorted(_imported() - sys.stdlib_module_names - {"headrace"}):
        names = {name.lower().replace("_", "-") for name in distributions[module]}
        assert names & declared, module


def _imported() -> set[str]:
    """Return the modules, by their first name, that any module of the package imports."""
    modules = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules.add(node.module)
    return {name.partition(".")[0] for name in modules}


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda p: p.stem)
def test_every_page_of_the_documentation_is_shown_and_its_links_lead_somewhere(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = path.read_text("utf-8")
    assert run(capsys, "docs", path.stem) == (0, text)
    assert text.startswith("# ")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("https://") or (path.parent / target).is_file(), target
    index = (path.parent / "README.md").read_text("utf-8")
    assert path.stem == "README" or f"({path.name})" in index


@pytest.mark.parametrize("name", [name for name in ALL_NAMES if name != "docs"])
def test_every_command_is_in_the_list_of_commands_and_on_the_page_that_it_links_to(
    name: str,
) -> None:
    text = (DOCS / "commands.md").read_text("utf-8")
    row = re.search(rf"^\|.*`headrace {name}( [A-Z]+)?`.* \| \[[\w-]+\]\((\S+)\) \|$", text, re.M)
    assert row, f"docs/commands.md has no row for headrace {name}"
    page = (DOCS / row[2]).read_text("utf-8")
    word = "" if name == "alert list" else name.removeprefix("alert ")
    assert re.search(rf"\b(headrace|make) ([a-z]+ )*{word}\b", page), row[2]


def test_a_missing_file_is_named_with_the_files_that_there_are(
    mini: Mini, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mini.write("metrics/train.json", '{"a": 1}')
    monkeypatch.chdir(mini.root)
    code, text = run(capsys, "metrics", "train")
    assert (code, "train is missing. Did you mean metrics/train.json?" in text) == (1, True)
    code, text = run(capsys, "metrics", "zzz")
    assert "zzz is missing. Next: name one, of metrics/train.json" in text


def test_metrics_are_shown_wherever_they_are_and_what_is_none_is_named(
    mini: Mini, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mini.write(
        "side/dvc.yaml", "metrics: [scores.json]\nstages: {s: {cmd: x, metrics: [m.yaml]}}\n"
    )
    mini.write("side/scores.json", '{"a": 1}')
    mini.write("side/m.yaml", "b: 2.5\n")
    mini.write("data.csv", "a,b\n1,2\n")
    monkeypatch.chdir(mini.root)
    shown = "side/m.yaml\n  b      2.5000\nside/scores.json\n  a           1\n"
    assert run(capsys, "metrics") == (0, shown)
    for name in ("notebooks", "data.csv"):
        code, text = run(capsys, "metrics", name)
        is_named = name in text and "Next: name a file of metrics" in text
        assert (code, is_named) == (1, True), text


@pytest.mark.parametrize("words", [("serve", "x.tar"), ("score", "a", "b", "--model", "x.tar")])
def test_a_bundle_s_file_needs_no_study(
    words: tuple[str, ...],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "x.tar is missing. Next: name a bundle's file" in run(capsys, *words)[1]
    assert "No study in" in run(capsys, *words[:-1], "model#prod")[1]


def test_a_base_that_somebody_types_is_checked_before_the_first_step(
    mini: Mini, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bake.commit(mini.root)
    monkeypatch.chdir(mini.root)
    code, text = run(capsys, "ci", "--base", "mian")
    assert (code, "== check" in text) == (1, False)
    assert "git knows no revision 'mian'. Did you mean main?" in text


def test_a_page_opens_in_the_browser(
    mini: Mini, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: bool(opened.append(url)) or True)
    mini.write("dvc.lock", "schema: '2.0'\nstages: {}\n")
    bake.commit(mini.root)
    mini.replace("params.yaml", "seed: 7", "seed: 8")
    monkeypatch.chdir(mini.root)
    monkeypatch.setenv("DISPLAY", ":0")
    code, text = run(capsys, "diff", "--shallow", "--open")
    page = mini.root / "runs/html/diff.html"
    assert (code, page.is_file(), opened) == (0, True, [page.as_uri()]), text
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    code, text = run(capsys, "history", "--open", "--html", "h.html", "x")
    assert len(opened) == 1


@pytest.mark.parametrize("verb", ["diff", "history", "audit"])
@pytest.mark.parametrize("file", ["notebooks", ".", "params.yaml/page.html"])
def test_a_page_that_cannot_be_written_is_named(
    verb: str,
    file: str,
    mini: Mini,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mini.write("metrics/train.json", '{"a": 1}')
    mini.write("dvc.yaml", "metrics: [metrics/train.json]\nstages: {}\n")
    bake.commit(mini.root)
    mini.write("metrics/train.json", '{"a": 2}')
    monkeypatch.chdir(mini.root)
    code, text = run(capsys, verb, "--html", file)
    assert (code, f"{file} cannot be written: " in text, "Next: name another" in text) == (1, 1, 1)


def test_the_list_of_rules_shows_names_and_keeps_within_the_terminal(
    mini: Mini, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(mini.root)
    monkeypatch.setenv("COLUMNS", "80")
    code, text = run(capsys, "check", "--list")
    assert code == 0
    assert max(map(len, text.splitlines())) <= 80
    assert not re.search(r"\{\w+[!:}]", text)
    assert "PATH is an absolute path, which exists on one machine only." in text


def test_the_wheel_holds_the_documentation_and_the_templates_of_pages() -> None:
    with zipfile.ZipFile(wheel.build()) as archive:
        names = {name for name in archive.namelist() if not name.startswith("headrace-")}
    package = paths.root / "src/headrace"
    inside = (path for path in package.rglob("*") if "__pycache__" not in path.parts)
    source = {f"headrace/{p.relative_to(package).as_posix()}" for p in inside if p.is_file()}
    docs = {f"headrace/docs/{path.name}" for path in (paths.root / "docs").iterdir()}
    assert names == source | docs


def test_the_base_needs_no_extra() -> None:
    """Importing the command line imports nothing that an extra brings, nor any large library."""
    code = "import sys, headrace.cli.main; print(*sys.modules)"
    env = os.environ | {"PYTHONPATH": ""}
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True, env=env).split()
    large = {"numpy", "pandas", "pyarrow", "dvc", "nbformat", "IPython", "papermill", "pydantic"}
    assert not (large | {module for modules in EXTRAS.values() for module in modules}) & {*loaded}
