"""A study's folder, its settings and its own modules."""

from pathlib import Path

import pytest

from headrace.core import project
from headrace.core.project import Project
from headrace.core.stage import file_name
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


MATRIX = "stages: {each: {matrix: {k: [6, 7]}, cmd: headrace run each}, train: {cmd: x}}\n"


def test_dvc_says_which_member_of_which_file_runs(tmp_path: Path) -> None:
    mine = study(tmp_path, "[tool.headrace]\n")
    for name in ("dvc.yaml", "months/dvc.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(MATRIX.replace("cmd: headrace run each", "cmd: x"), "utf-8")
    for address, name, found in (
        ("each@6", "each", ("dvc.yaml", "each@6")),
        ("months/dvc.yaml:each@7", "each", ("months/dvc.yaml", "each@7")),
        ("../months/dvc.yaml:each@7", "each", ("months/dvc.yaml", "each@7")),
        ("../dvc.yaml:each@7", "each", ("dvc.yaml", "each@7")),
        ("months/dvc.yaml:train", "train", ("months/dvc.yaml", "train")),
        ("each@6", "train", ("dvc.yaml", "train")),
        ("", "each@7", ("dvc.yaml", "each@7")),
        ("each@6", "each@7", ("dvc.yaml", "each@7")),
    ):
        stage = mine.stage(name, {"DVC_STAGE": address})
        assert (stage.file, stage.name) == found
    assert file_name("a@b") == "a-b"


def test_a_stage_may_be_named_with_its_file_as_messages_name_it(tmp_path: Path) -> None:
    mine = study(tmp_path, "[tool.headrace]\n")
    for name, members in (("dvc.yaml", "[6, 7]"), ("months/dvc.yaml", "[p q, r]")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        text = MATRIX.replace("[6, 7]", members).replace("cmd: headrace run each", "cmd: x")
        (tmp_path / name).write_text(text, "utf-8")
    for stage in mine.all_stages.values():
        assert mine.stage(f"{stage.file}:{stage.name}", {}) == stage
        assert mine.stage(stage.target, {}) == stage
    with pytest.raises(ProjectError, match=r"no stage 'no/dvc.yaml:train'.*Stages: each, train\."):
        mine.stage("no/dvc.yaml:train", {})
    with pytest.raises(ProjectError) as error:
        mine.stage("months/dvc.yaml:each", {})
    assert str(error.value).endswith(
        " Next: dvc repro with one of 'months/dvc.yaml:each@p q', months/dvc.yaml:each@r"
    )


def test_a_member_of_a_stage_that_is_one_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(ProjectError) as error:
        study(tmp_path).stage("train@1", {})
    assert str(error.value) == "Stage 'train' is one stage, without members. Next: name it train"


def test_a_stage_of_a_thousand_members_is_described_in_a_line(tmp_path: Path) -> None:
    mine = study(tmp_path, "[tool.headrace]\n")
    text = MATRIX.replace("[6, 7]", str([*range(1000)]))
    (tmp_path / "dvc.yaml").write_text(text, "utf-8")
    with pytest.raises(ProjectError) as error:
        mine.stage("each")
    assert str(error.value) == (
        "Stage 'each' stands for 1000 stages. Next: dvc repro with one of each@0, each@1, each@2,"
        " each@3, each@4, each@5, each@6, each@7 and 992 more"
    )
    with pytest.raises(
        ProjectError, match=r"has no 'each@1000'\. Did you mean each@100\?"
    ) as error:
        mine.stage("each@1000")
    assert len(str(error.value)) < 200
    with pytest.raises(ProjectError, match=r"Did you mean each\? Stages: each, train\. Next"):
        mine.stage("eahc")
