"""The template as it lies: short, plain, without surprises."""

import ast
import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

import headrace
from headrace.core import pipeline
from lab import bake, fingerprint, measure, paths

STUDY = paths.study.name
JINJA_MAY_BE_IN = {
    "cookiecutter.json",
    "hooks/post_gen_project.py",
    "hooks/pre_gen_project.py",
    f"{STUDY}/LICENSE",
    *(
        f"{STUDY}/{start}{name}"
        for start in ("", "blank/")
        for name in ("README.md", "pyproject.toml")
    ),
}
NOTEBOOKS = sorted((paths.study / "notebooks").glob("*.ipynb")) + sorted(
    (paths.root / "notebooks").glob("*.ipynb")
)
WORKFLOWS = sorted(paths.root.glob(".github/workflows/*")) + sorted(
    paths.study.glob(".github/workflows/*")
)
TRACKED = subprocess.run(
    ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    cwd=paths.root,
    check=True,
    capture_output=True,
    text=True,
).stdout.split("\0")[:-1]


def _cells(path: Path, kind: str) -> list[str]:
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == kind]


def test_jinja_is_only_where_it_may_be_and_little_of_it() -> None:
    counts = measure.jinja_lines()
    python = {name for name in counts if name.endswith(".py") and "/src/" in name}
    assert python == set()
    assert set(counts) == JINJA_MAY_BE_IN
    assert sum(counts.values()) <= 26


def test_jinja_is_only_expressions() -> None:
    for name in JINJA_MAY_BE_IN:
        assert not re.search(r"\{[%#]", (paths.template / name).read_text("utf-8")), name


def test_the_template_s_pyproject_is_toml_as_it_lies() -> None:
    tomllib.loads((paths.study / "pyproject.toml").read_text("utf-8"))


def test_a_study_s_makefile_fits_on_one_screen() -> None:
    assert len((paths.study / "Makefile").read_text("utf-8").splitlines()) <= 40


@pytest.mark.parametrize("folder", [paths.root, paths.study], ids=["root", "study"])
def test_every_make_target_says_what_it_does(folder: Path) -> None:
    text = (folder / "Makefile").read_text("utf-8")
    declared = re.search(r"^\.PHONY: (.*)$", text, re.M)
    assert declared
    described = re.findall(r"^([a-z -]+):.*## ", text, re.M)
    assert sorted(" ".join(described).split()) == sorted(declared[1].split())


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_source_notebook_is_a_model_notebook(path: Path) -> None:
    content = json.loads(path.read_text("utf-8"))
    code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code)
    parameters = [cell for cell in code if "parameters" in cell["metadata"].get("tags", [])]
    declared = "".join(parameters[0]["source"])  # a name to a line, as many as there are
    assert 10 <= len(content["cells"]) <= 14
    assert _cells(path, "markdown")[0].startswith("# ")
    assert re.search(r"\*\*In\*\* .* \*\*Out\*\* .* \*\*Run\*\* ", _cells(path, "markdown")[0])
    assert "assert " in _cells(path, "code")[-1]
    for source in _cells(path, "code"):
        assert len(source.splitlines()) <= 10 or source == declared
        names = {type(node).__name__ for node in ast.walk(ast.parse(source))}
        assert not names & {"FunctionDef", "AsyncFunctionDef", "ClassDef", "Lambda"}
        assert not re.search(r"os\.chdir|sys\.path|^\s*[%!]|[\"']/", source, re.M)


@pytest.mark.parametrize("folder", [paths.root, paths.study], ids=["root", "study"])
def test_every_module_a_notebook_imports_is_a_dep_of_its_stage(folder: Path) -> None:
    """Also what those modules import in turn: an edit must reach every stage that it changes."""
    source = folder / ("src/study" if folder == paths.study else "notebooks/lab")
    imports = {
        path.stem: _own_imports(path.read_text("utf-8"), source.name)
        for path in source.glob("*.py")
    }
    files = pipeline.read_all(folder)
    for name, stage in [item for stages in files.values() for item in stages.items()]:
        if not stage.cmd.startswith("headrace run"):
            continue
        modules = _own_imports("\n".join(_cells(folder / stage.notebook, "code")), source.name)
        while new := {name for module in modules for name in imports[module]} - modules:
            modules |= new
        prefix = str(source.relative_to(folder))
        deps = [dep.path for dep in stage.deps]
        listed = {Path(dep).stem for dep in deps if dep.startswith(prefix)}
        notebooks = [dep for dep in deps if dep.startswith("notebooks/")]
        vouches = len(notebooks) > 1 or "models/bundle.tar" in deps  # it loads that code
        assert modules <= listed if vouches else modules == listed, name


def _own_imports(text: str, package: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module == package:
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{package}."):
            names.add(str(node.module).partition(".")[2])
    return names


@pytest.mark.parametrize("folder", [paths.root, paths.study], ids=["root", "study"])
def test_dvc_yaml_keeps_the_house_rules(folder: Path) -> None:
    content = yaml.safe_load((folder / "dvc.yaml").read_text("utf-8"))
    for name, stage in content["stages"].items():
        assert "$" not in stage["cmd"], f"{name}: DVC does not quote what it puts into a command"
        if stage["cmd"].startswith("headrace"):
            assert "requirements.lock" in stage["deps"], (
                f"{name}: another environment, another result"
            )
            assert f"runs/{name}.ipynb" in stage["outs"]
            assert f"metrics/cost/{name}.json" in content["metrics"]
        for out in stage.get("outs", []):
            path = out if isinstance(out, str) else next(iter(out))
            assert Path(path).suffix, f"{name}: {out} seems to be a folder"
            assert isinstance(out, str) or out[path] == {"cache": False}
        for metric in stage.get("metrics", []):
            assert next(iter(metric.values())) == {"cache": False}
    for plot in content.get("plots", []):
        settings = plot if isinstance(plot, str) else next(iter(plot.values()))
        assert isinstance(settings, str) or {"title", "x_label", "y_label"} <= settings.keys()


def _pins(path: Path) -> dict[str, set[str]]:
    pins: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9-]+)==(\S+)", path.read_text("utf-8"), re.M):
        pins.setdefault(name, set()).add(version)
    return pins


def test_the_root_s_lock_is_the_study_s_and_a_little_more() -> None:
    root, study = _pins(paths.root / "requirements.lock"), _pins(paths.study / "requirements.lock")
    assert study.pop("headrace") == {headrace.__version__}  # here it is its source
    assert study.items() <= root.items()
    assert len(root) - len(study) <= 12  # import-linter holds the layers, by grimp


@pytest.mark.parametrize("folder", [paths.root, paths.study], ids=["root", "study"])
def test_a_lock_holds_hashes_and_no_addresses(folder: Path) -> None:
    text = (folder / "requirements.lock").read_text("utf-8")
    assert "://" not in text
    assert text.count("==") <= text.count("--hash=sha256:")
    dependencies = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"][
        "dependencies"
    ]
    names = {re.split(r"[<>=[]", line)[0] for line in dependencies}
    assert names <= _pins(folder / "requirements.lock").keys()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_pin_actions_by_commit_and_ask_for_little(path: Path) -> None:
    text = path.read_text("utf-8")
    used = re.findall(r"uses: (\S+)", text)
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action) for action in used)
    content = yaml.safe_load(text)
    assert content["permissions"] in ({}, {"contents": "read"})
    permissions = {name: job.get("permissions", {}) for name, job in content["jobs"].items()}
    writes = {
        (job, right)
        for job, rights in permissions.items()
        for right, level in rights.items()
        if level != "read"
    }
    may = {
        "comment.yml": {("comment", "pull-requests")},
        "live.yml": {("monitor", "issues")},
        "release.yml": {("image", "packages")},
        "retrain.yml": {("challenger", "contents"), ("challenger", "pull-requests")},
    }
    assert writes == may.get(path.name, set())


def test_git_holds_nothing_large_and_no_path_of_a_machine() -> None:
    home = str(Path.home())
    for name in TRACKED:
        path = paths.root / name
        assert path.stat().st_size < 2**20, name
        if len(home) > len("/root"):
            assert home not in path.read_bytes().decode("latin-1"), name


def test_the_readme_s_picture_shows_the_stages_of_the_pipeline() -> None:
    picture = (paths.root / "docs/pipeline.svg").read_text("utf-8")
    stages = yaml.safe_load((paths.study / "dvc.yaml").read_text("utf-8"))["stages"]
    assert re.findall(r'class="stage"[^>]*>([a-z_]+)<', picture) == list(stages)
    head = (paths.root / "README.md").read_text("utf-8").splitlines()[:25]
    assert any("docs/pipeline.svg" in line for line in head)
    assert any(line.startswith("```console") for line in head)


def test_what_the_hook_does_has_no_effect() -> None:
    tree = ast.parse((paths.template / "hooks/pre_gen_project.py").read_text("utf-8"))
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert called <= {
        "text.isprintable",
        "text.strip",
        "len",
        "sys.exit",
        "re.fullmatch",
        "TEXTS.items",
    }
    assert sorted(path.name for path in (paths.template / "hooks").glob("*.py")) == [
        "post_gen_project.py",  # which tidies up the study that was made: see test_blank
        "pre_gen_project.py",
    ]


def test_the_fingerprint_moves_with_the_template_s_files(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [name for name in bake.template_files() if not name.endswith(".whl")]
    assert "template/cookiecutter.json" in names
    before = fingerprint.fingerprint()
    assert before == fingerprint.fingerprint()
    for subset in (names[1:], names[:-1]):
        monkeypatch.setattr(bake, "template_files", lambda subset=subset: subset)
        assert fingerprint.fingerprint() != before
