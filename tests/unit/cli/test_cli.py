"""The command line: help that shows examples, names that are completed, mistakes that are named."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from conftest import Mini

import headrace
from headrace.cli.main import EXTRAS, headrace_command, main
from lab import bake, paths, wheel

NAMES = list(headrace_command.commands)


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Return the exit code of a command, and all that it printed."""
    try:
        code = main(words)
    except SystemExit as end:
        code = int(end.code or 0)
    printed = capsys.readouterr()
    return code, printed.out + printed.err


def test_the_help_lists_every_command_with_its_purpose(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = said(capsys, "--help")
    assert code == 0
    for name in NAMES:
        assert re.search(rf"^  {name} +\S.*[^.]\.$", text, re.M), f"{name}: no whole sentence"
    assert text.index("Examples:") < text.index("Options:") < text.index("Run:")


@pytest.mark.parametrize("name", NAMES)
def test_a_command_s_help_shows_examples_before_options(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = said(capsys, name, "--help")
    assert code == 0
    if "Examples:" in text:
        assert f"headrace {name}" in text[text.index("Examples:") :]
        assert text.index("Examples:") < text.index("Options:")
    assert max(map(len, text.splitlines())) <= 100


def test_the_version_is_the_distribution_s(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "--version") == (0, f"headrace {headrace.__version__}\n")


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
    ],
)
def test_a_mistake_on_the_command_line_is_named(
    words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = said(capsys, *words)
    assert code == 2
    assert message in text
    assert "Traceback" not in text


def test_a_shell_completes_commands_options_and_stages(mini: Mini) -> None:
    def completed(*words: str) -> list[str]:
        asked = {"_HEADRACE_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(words)}
        env = bake.environment(**asked, COMP_CWORD=str(len(words) - 1))
        listed = bake.run(mini.root, "headrace", env=env).stdout
        return [line.partition(",")[2] for line in listed.splitlines()]

    assert {"check", "ci"} <= {*completed("headrace", "c")}
    assert completed("headrace", "run", "t") == ["train"]
    assert "--shallow" in completed("headrace", "diff", "--s")


@pytest.mark.parametrize(("extra", "modules"), EXTRAS.items(), ids=EXTRAS.keys())
def test_a_command_whose_extra_is_missing_says_which_one_to_install(
    extra: str, modules: tuple[str, ...], mini: Mini
) -> None:
    code = (
        "import sys; from headrace.cli import main;"
        f"main.headrace_command.main = lambda *a, **k: __import__({modules[0]!r});"
        f"sys.modules[{modules[0]!r}] = None; sys.exit(main.main(['check']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=mini.root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f"{modules[0]} is not installed. Next: add headrace[{extra}]" in done.stderr


def test_an_extra_brings_what_its_commands_ask_for() -> None:
    project = tomllib.loads((paths.root / "pyproject.toml").read_text("utf-8"))["project"]
    distributions = packages_distributions()
    for extra, modules in EXTRAS.items():
        brought = {re.split(r"[<>=[]", line)[0] for line in project["optional-dependencies"][extra]}
        for module in set(modules) - {"starlette"}:  # fastapi brings it
            assert {name.lower().replace("_", "-") for name in distributions[module]} & brought, (
                extra,
                module,
            )


@pytest.mark.parametrize("path", sorted((paths.root / "docs").glob("*.md")), ids=lambda p: p.stem)
def test_every_page_of_the_documentation_is_shown_and_its_links_lead_somewhere(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = path.read_text("utf-8")
    assert said(capsys, "docs", path.stem) == (0, text)
    assert text.startswith("# ")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("https://") or (path.parent / target).is_file(), target
    index = (path.parent / "README.md").read_text("utf-8")
    assert path.stem == "README" or f"({path.name})" in index


@pytest.mark.parametrize("name", [n for n in NAMES if n != "docs"])
def test_every_command_is_in_the_documentation(name: str) -> None:
    pages = "\n".join(path.read_text("utf-8") for path in (paths.root / "docs").glob("*.md"))
    assert re.search(rf"\b(headrace|make) ([a-z]+ )*{name}\b", pages)


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
