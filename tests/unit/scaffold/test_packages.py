"""Packages are added in their order, versions stay, and what changed is said."""

import tomllib

import pytest
from mini_study import Mini

from headrace.core import project
from headrace.errors import HeadraceError, ProjectError
from headrace.scaffold import packages

PYPROJECT = """\
[project]
name = "mini"
version = "0"
requires-python = ">=3.11"
# What it needs.
dependencies = [
    "click>=8", # the command line
    "six",
]

[dependency-groups]
dev = []
"""
LOCK = """\
click==8.3.0 \\
    --hash=sha256:0
numpy==2.4.1 ; python_version < '3.12' \\
    --hash=sha256:0
numpy==2.4.2 ; python_version >= '3.12' \\
    --hash=sha256:0
"""


@pytest.fixture
def study(mini: Mini) -> project.Project:
    """A project with a list of dependencies and a lock."""
    before = (mini.root / "pyproject.toml").read_text()
    settings = before[before.index("[tool.headrace]") :]
    mini.write("pyproject.toml", f"{PYPROJECT}\n{settings}")
    mini.write("requirements.lock", LOCK)
    return project.find_project(mini.root)


def uv(study: project.Project, monkeypatch: pytest.MonkeyPatch, lock: str | None) -> None:
    """Let `uv pip compile` write this lock, or fail."""
    fake = study.root / "fake"
    fake.mkdir(exist_ok=True)
    done = "raise SystemExit('no such package')"
    if lock is not None:
        done = f"import pathlib; pathlib.Path('requirements.lock').write_text({lock!r})"
    (fake / "uv.py").write_text(done + "\n")
    monkeypatch.setenv("PYTHONPATH", str(fake))
    (study.root / "Makefile").write_text("setup:\n\t@echo set up\n")


def test_an_added_package_stands_in_its_order_with_the_version_that_was_found(
    study: project.Project, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    uv(study, monkeypatch, LOCK + "polars==1.34.2 \\\n    --hash=sha256:0\n")
    assert packages.add(study, ["Polars", "rich>=15,<16"]) == 0
    text = (study.root / "pyproject.toml").read_text()
    listed = tomllib.loads(text)["project"]["dependencies"]
    assert listed == ["click>=8", "Polars>=1.34", "rich<16,>=15", "six"]
    assert "# What it needs." in text
    assert "# the command line" in text
    printed = capfd.readouterr().out
    assert "requirements.lock: 1 change\n  + polars 1.34.2\n" in printed
    assert printed.endswith("set up\n")


def test_a_package_that_cannot_be_found_changes_nothing(
    study: project.Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    uv(study, monkeypatch, None)
    before = (study.root / "pyproject.toml").read_text()
    with pytest.raises(HeadraceError, match=r"no such package\nNext: correct pyproject\.toml"):
        packages.add(study, ["nobody-has-this"])
    assert (study.root / "pyproject.toml").read_text() == before
    assert (study.root / "requirements.lock").read_text() == LOCK


@pytest.mark.parametrize(
    ("name", "message"),
    [("Six", "has six already"), ("click==9", "has click>=8 already"), ("a b", "is no package")],
)
def test_a_name_that_is_there_or_is_none_is_refused(
    study: project.Project, name: str, message: str
) -> None:
    with pytest.raises(ProjectError, match=message) as error:
        packages.add(study, [name])
    assert "Next: " in str(error.value)


def test_what_changed_in_a_lock_is_said(
    study: project.Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    uv(study, monkeypatch, LOCK.replace("2.4.2", "2.5.0").replace("click==8.3.0", "rich==15.0"))
    assert packages.lock(study) == 0
    assert capsys.readouterr().out.splitlines()[:4] == [
        "requirements.lock: 3 changes",
        "  - click 8.3.0",
        "    numpy 2.4.1, 2.4.2 → 2.4.1, 2.5.0",
        "  + rich 15.0",
    ]
    assert packages.lock(study) == 0
    assert capsys.readouterr().out == "requirements.lock is up to date\n"
