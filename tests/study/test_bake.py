"""Both doors of cookiecutter, and what happens to hostile answers at its prompts."""

import io
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cookiecutter.exceptions import CookiecutterException
from cookiecutter.main import cookiecutter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from lab import bake, paths, wheel

DEFAULTS = json.loads((paths.template / "cookiecutter.json").read_text()) | {
    "project_name": "Late flights",
    "description": "Before departure: will this flight arrive 15 minutes late or more?",
}
NAME, AUTHOR, LINE = (DEFAULTS[key] for key in ("project_name", "author", "description"))
SIDE_BY_SIDE = ["--directory", "template"]


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the template's files as git sees them, with the signpost beside them."""
    return bake.copy_template(tmp_path_factory.mktemp("clean"))


def cli(
    where: Path, into: Path, *words: str, answers: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run cookiecutter's command with these answers to what it asks."""
    return subprocess.run(
        ["cookiecutter", str(where), "-o", str(into), *words],
        input=answers,
        env=bake.environment(HOME=str(into.parent)),
        text=True,
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize("door", [[], SIDE_BY_SIDE], ids=["signpost", "directory"])
def test_a_command_of_the_readme_bakes_without_a_question(
    clean: Path, tmp_path: Path, door: list[str]
) -> None:
    result = cli(clean, tmp_path / "out", *door, "--no-input")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "out/late-flights/dvc.yaml").is_file()


@pytest.mark.parametrize("door", [[], SIDE_BY_SIDE], ids=["signpost", "directory"])
def test_a_command_of_the_readme_asks_five_questions_and_uses_the_answers(
    clean: Path, tmp_path: Path, door: list[str]
) -> None:
    choose = "" if door else "1\n"
    result = cli(
        clean, tmp_path / "out", *door, answers=f"{choose}\nMy trains\nAda\nAre they late?\n\n"
    )
    assert result.returncode == 0, result.stderr
    for words in DEFAULTS["__prompts__"].values():
        for text in words.values() if isinstance(words, dict) else [words]:
            assert text in result.stdout
    assert len(DEFAULTS["__prompts__"]) <= 5
    project = tomllib.loads((tmp_path / "out/my-trains/pyproject.toml").read_text())["project"]
    assert project["name"] == "my-trains-study"
    assert project["authors"] == [{"name": "Ada"}]
    assert project["description"] == "Are they late?"


def test_the_address_of_a_repository_bakes_too(clean: Path, tmp_path: Path) -> None:
    bake.commit(clean)
    result = cli(f"git+file://{clean}", tmp_path / "out", *SIDE_BY_SIDE, "--no-input")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "out/late-flights/dvc.yaml").is_file()


@pytest.mark.parametrize(("start", "first"), [("flights", "01_collect"), ("blank", "01_prepare")])
def test_cruft_updates_the_template_s_files_and_never_the_user_s(
    clean: Path, tmp_path: Path, start: str, first: str
) -> None:
    clean = Path(shutil.copytree(clean, tmp_path / "template"))
    bake.commit(clean)
    words = ["cruft", "create", f"file://{clean}", *SIDE_BY_SIDE, "--no-input"]
    words += ["--extra-context", json.dumps({"start": start, "project_slug": "late-flights"})]
    bake.run(tmp_path, *words, "--output-dir", str(tmp_path / "out"))
    study = tmp_path / "out/late-flights"
    bake.commit(study)
    assert bake.run(study, "cruft", "check").returncode == 0
    user_files = ["src/study/features.py", "params.yaml", f"notebooks/{first}.ipynb", "dvc.yaml"]
    user_files += ["README.md", "tests/test_model.py"]
    template_files = ["Makefile"]
    for name in user_files + template_files:
        path = clean / "template" / paths.study.name / ("" if start == "flights" else start) / name
        path.write_text(path.read_text() + "\n# newer\n")
    bake.commit(clean, "A newer template")
    bake.run(study, "cruft", "update", "--skip-apply-ask")
    newer = [
        name for name in user_files + template_files if "# newer" in (study / name).read_text()
    ]
    assert newer == template_files
    assert bake.run(study, "cruft", "check").returncode == 0


def test_the_same_answers_give_the_same_bytes(baked: Path, tmp_path: Path) -> None:
    second = bake.bake(tmp_path)
    names = _files(baked)
    assert names == _files(second)
    assert all((baked / name).read_bytes() == (second / name).read_bytes() for name in names)


def test_the_baked_files_are_the_template_s_files(baked: Path) -> None:
    """An ignore file of the template is live inside this repository, and could hide some."""
    inside = f"template/{paths.study.name}/"
    names = (name.removeprefix(inside) for name in bake.template_files() if name.startswith(inside))
    assert _files(baked) == [name for name in names if not name.startswith("blank/")]


def test_no_jinja_is_left_in_a_study(baked: Path) -> None:
    workflows = baked / ".github"
    rendered = [
        name
        for name in _files(baked)
        if not name.endswith(".whl")
        if "cookiecutter." in (text := (baked / name).read_text("utf-8"))
        or ("{{" in text and workflows not in (baked / name).parents and not name.endswith(".py"))
    ]
    assert rendered == []


def test_a_study_holds_at_most_75_files_and_none_of_the_tool_s(baked: Path) -> None:
    names = _files(baked)
    assert len(names) <= 75
    assert {Path(name).parts[1] for name in names if name.startswith("src/")} == {"study"}
    assert [name for name in names if name.startswith("vendor/")] == [
        f"vendor/{wheel.build().name}"
    ]


def test_a_study_keeps_the_template_s_bytes_but_in_three_files(baked: Path, clean: Path) -> None:
    changed = [
        name
        for name in _files(baked)
        if (baked / name).read_bytes()
        != (clean / "template" / paths.study.name / name).read_bytes()
    ]
    assert changed == ["LICENSE", "README.md", "pyproject.toml"]


def test_a_person_s_own_git_settings_change_nothing(tmp_path: Path) -> None:
    settings_text = "[user]\n\temail = ada@example.org\n[commit]\n\tgpgsign = true\n"
    (tmp_path / ".gitconfig").write_text(settings_text)
    listed = bake.run(tmp_path, "git", "config", "--list", env=bake.environment(HOME=str(tmp_path)))
    assert "user.email" not in listed.stdout
    assert "commit.gpgsign" not in listed.stdout


def test_answers_on_the_command_line_reach_the_study(clean: Path, tmp_path: Path) -> None:
    result = cli(clean, tmp_path / "out", *SIDE_BY_SIDE, "--no-input", "project_slug=other")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "out/other").is_dir()


HOSTILE_NAMES = [
    'A "quoted" name',
    "It's a name",
    '"""',
    "'''",
    "back\\slash",
    "ends in a backslash\\",
    "C:\\temp\\new",
    "{braces}",
    "{{ 7 * 7 }}",
    "{{ cookiecutter }}",
    "{% for x in y %}",
    "{# comment #}",
    "{{ ''.__class__.__mro__ }}",
    "${HOME}",
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned",
    "| touch pwned",
    "&& touch pwned",
    "../..",
    "../../etc/passwd",
    "/etc/passwd",
    "~/x",
    ".",
    "..",
    ".git",
    "-rf",
    "--help",
    "class",
    "None",
    "import os",
    "2013 flights",
    "7",
    "   spaces   ",
    "tab\there",
    "bell\x07",
    "escape\x1b[31m",
    "nul\x00byte",
    "emoji 🛫",
    "💥" * 40,
    "beyond \U0001d4bb\U0001d4c1\U0001d4be",
    "right\u202eto left",
    "zero\u200bwidth",
    "line\u2028separator",
    "Straße nach Köln",
    "航班延误",
    "рейсы",
    "a" * 300,
    "é" * 300,
    "<script>alert(1)</script>",
    "<!-- comment -->",
    "[link](javascript:alert(1))",
    "![image](x)",
    "# heading #",
    "*bold* _under_ ~~struck~~ `code`",
    "| table |",
    "&amp; &lt;",
    "a: b",
    "- item",
    "[table]",
    "name = 'x'",
    "pandas",
    "headrace",
    "study",
    "con",
    "100%",
    "%(name)s",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_project_name_is_refused_or_is_data(
    clean: Path, tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert len(HOSTILE_NAMES) >= 40
    _refused_or_data(clean, tmp_path, capfd, project_name=name)


@pytest.mark.parametrize("field", ["author", "description"])
@pytest.mark.parametrize(
    "text",
    ['"; import os', "\\", "\\u0041", '"""', "🛫", "a\x7f", "x" * 300, "{{ 1 }}", "-", "1. x"],
)
def test_a_hostile_author_or_description_is_refused_or_is_data(
    clean: Path, tmp_path: Path, field: str, text: str, capfd: pytest.CaptureFixture[str]
) -> None:
    _refused_or_data(clean, tmp_path, capfd, **{field: text})


@pytest.mark.parametrize(
    "slug",
    ["../up", "a/b", "absolute", "A", "a b", "-a", "a--b", "é", "a.b", "a" * 51, "a\\b", ".git"],
)
def test_a_hostile_folder_name_is_refused(
    clean: Path, tmp_path: Path, slug: str, capfd: pytest.CaptureFixture[str]
) -> None:
    if slug == "absolute":
        slug = str(tmp_path / "out/absolute")
    assert not _refused_or_data(clean, tmp_path, capfd, project_slug=slug)


@pytest.mark.parametrize("field", ["project_name", "author", "description"])
@pytest.mark.parametrize("text", ["two\nlines", "carriage\rreturn", "trailing\n", '"\nimport os\n'])
def test_an_answer_of_two_lines_is_refused(
    clean: Path, tmp_path: Path, field: str, text: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """A prompt cannot hold one, but `--no-input` and a replay file can."""
    (tmp_path / "out").mkdir()
    with pytest.raises(CookiecutterException):
        cookiecutter(
            str(clean / "template"),
            no_input=True,
            extra_context={field: text},
            output_dir=str(tmp_path / "out"),
        )
    _require_refusal(tmp_path, capfd.readouterr().err)


TEXT = st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=60)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield one new folder after the other."""
    return (tmp_path_factory.mktemp("random") for _ in iter(int, 1))


@pytest.fixture
def type_answers(
    clean: Path, places: Iterator[Path], capfd: pytest.CaptureFixture[str]
) -> Callable[..., bool]:
    """Return what types answers at the prompts in a new folder, and holds the promises."""
    return lambda **answers: _refused_or_data(clean, next(places), capfd, **answers)


CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
random_answers = given(project_name=TEXT, author=TEXT, description=TEXT)


@settings(max_examples=40, deadline=None, suppress_health_check=CHECKS)
@random_answers
def test_random_answers_are_refused_or_are_data(
    type_answers: Callable[..., bool], **answers: str
) -> None:
    type_answers(**answers)


@pytest.mark.long
@settings(max_examples=2000, deadline=None, suppress_health_check=CHECKS)
@random_answers
def test_thousands_of_random_answers_are_refused_or_are_data(
    type_answers: Callable[..., bool], **answers: str
) -> None:
    type_answers(**answers)


def _refused_or_data(
    clean: Path, place: Path, capfd: pytest.CaptureFixture[str], **answers: str
) -> bool:
    """Type the answers at the prompts; tell whether a study was made. Either way, hold promises."""
    out = place / "out"
    out.mkdir()
    typed = "".join(answers.get(key, "") + "\n" for key in DEFAULTS["__prompts__"])
    # The prompt itself takes white space off both ends.
    keys = ("project_name", "author", "description")
    expected = {key: answers.get(key, "").strip() or DEFAULTS[key] for key in keys}
    before, sys.stdin = sys.stdin, io.StringIO(typed)
    try:
        study = Path(cookiecutter(str(clean / "template"), output_dir=str(out)))
    except CookiecutterException:
        _require_refusal(place, capfd.readouterr().err)
        return False
    finally:
        sys.stdin = before
    assert [path.name for path in place.iterdir()] == ["out"]
    assert list(out.iterdir()) == [study]
    _require_answers(study, expected)
    return True


def _require_refusal(place: Path, output: str) -> None:
    assert [path.name for path in place.iterdir()] == ["out"]
    assert [path for path in (place / "out").rglob("*") if path.is_file()] == []
    sentences = [line for line in output.splitlines() if line.startswith(("The ", "Error"))]
    assert len(sentences) == 1, output
    assert "Traceback" not in output


def _require_answers(study: Path, expected: dict[str, str]) -> None:
    """Assert that the answers stand in the study as data, and that nothing was executed."""
    project = tomllib.loads((study / "pyproject.toml").read_text("utf-8"))["project"]
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*-study", project["name"])
    assert project["authors"] == [{"name": expected["author"]}]
    assert project["description"] == expected["description"]
    tokens = MarkdownIt().parse((study / "README.md").read_text("utf-8"))
    assert _words(tokens[1].children) == _one_space(expected["project_name"])
    line = next(token for token in tokens if token.content.startswith("**In one line:**"))
    label_end = next(i for i, child in enumerate(line.children) if child.type == "strong_close")
    assert _words(line.children[label_end + 1 :]) == _one_space(expected["description"])
    assert expected["author"] in (study / "LICENSE").read_text("utf-8")
    assert not list(study.rglob("*pwned*"))


def _words(children: object) -> str:
    assert isinstance(children, list)
    assert {child.type for child in children} <= {"text", "text_special"}, children
    return _one_space("".join(child.content for child in children))


def _one_space(text: str) -> str:
    return " ".join(text.split())


def _files(study: Path) -> list[str]:
    return sorted(str(path.relative_to(study)) for path in study.rglob("*") if path.is_file())
