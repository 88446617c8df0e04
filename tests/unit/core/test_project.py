"""A study's folder, its settings and its own modules."""

from pathlib import Path

import pytest

from headrace.core import project
from headrace.core.project import Project
from headrace.errors import ProjectError


def study(root: Path, settings: str = "[tool.headrace]\n") -> Project:
    """Make a study with these settings, and return it."""
    (root / "pyproject.toml").write_text(settings, "utf-8")
    (root / "dvc.yaml").write_text("stages: {train: {cmd: headrace run train}}\n", "utf-8")
    return project.find_project(root)


def test_a_study_is_found_from_a_folder_below_it(tmp_path: Path) -> None:
    study(tmp_path)
    (tmp_path / "a/b").mkdir(parents=True)
    assert project.find_project(tmp_path / "a/b").root == tmp_path.resolve()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("", "has no [tool.headrace] table"),
        ("[tool.headrace\n", "pyproject.toml cannot be read"),
        ("tool = 1\n", "has no [tool.headrace] table"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(
    settings: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ProjectError) as error:
        study(tmp_path, settings)
    assert message in str(error.value)


def test_an_unknown_stage_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(
        ProjectError, match=r"no stage 'trian'\. Did you mean train\? Stages: train"
    ):
        study(tmp_path).stage("trian")


@pytest.mark.parametrize("value", ["0", "-1", "true", "'x'"])
def test_a_time_limit_is_a_number_above_0(value: str, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"cell_timeout is .*, not a number above 0"):
        study(tmp_path, f"[tool.headrace]\ncell_timeout = {value}\n").number("cell_timeout")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("", 'needs params = "package.module:Name"'),
        ("params = 'no_such_module:X'", "no_such_module cannot be imported: ModuleNotFoundError"),
        ("params = 'json:loads'", "json comes from another tree"),
        ("params = 'headrace_unit_mine:X'", "but headrace_unit_mine has no X"),
        ("params = 'headrace_unit_mine:Y'", "which is not a pydantic model"),
    ],
)
def test_a_setting_that_names_no_object_of_the_study_is_refused(
    setting: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.path", [*project.sys.path])
    monkeypatch.delitem(project.sys.modules, "headrace_unit_mine", raising=False)
    (tmp_path / "src").mkdir()
    (tmp_path / "src/headrace_unit_mine.py").write_text("Y = 1\n", "utf-8")
    with pytest.raises(ProjectError) as error:
        study(tmp_path, f"[tool.headrace]\n{setting}\n").load("params")
    assert message in str(error.value)


def test_a_member_of_a_matrix_has_files_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project.os, "environ", {"DVC_STAGE": "backtest/dvc.yaml:backtest@6"})
    assert project.run_name("backtest") == "backtest-6"
    assert project.run_name("train") == "train"
    assert project.file_name("a@b") == "a-b"
