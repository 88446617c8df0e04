"""`headrace fix` fixes what it reports, and changes no other byte."""

import difflib
import textwrap
from pathlib import Path

import nbformat
import pytest
import yaml
from clean_study import DVC, NOTEBOOK, Tidy

from headrace.lint import fixes

PRINTED = {"output_type": "stream", "name": "stdout", "text": "x"}


@pytest.fixture
def tidy(tmp_path: Path) -> Tidy:
    """A study without a finding."""
    return Tidy(tmp_path)


def _fix(tidy: Tidy) -> str:
    """Return what `headrace fix` says; what it did, it does not do again."""
    before = _files(tidy)
    result = tidy.run("fix")
    assert result.returncode == 0, result.stdout
    after = _files(tidy)
    assert (before == after) == (result.stdout == "Nothing to fix.\n")
    assert tidy.run("fix").stdout == "Nothing to fix.\n"
    assert _files(tidy) == after
    return result.stdout


def _files(tidy: Tidy) -> dict[str, bytes]:
    paths = (path for path in tidy.root.rglob("*") if path.is_file() and path.suffix != ".pyc")
    hidden = (".git", ".headrace")
    return {str(p): p.read_bytes() for p in paths if not set(hidden) & set(p.parts)}


def _added(before: str, after: str) -> list[str]:
    """Return the lines that were added; none was taken away."""
    changes = list(difflib.ndiff(before.splitlines(), after.splitlines()))
    assert not [line for line in changes if line.startswith("- ")]
    return [line[2:] for line in changes if line.startswith("+ ")]


def test_a_tidy_study_is_left_as_it_is(tidy: Tidy) -> None:
    assert _fix(tidy) == "Nothing to fix.\n"


def test_missing_deps_are_listed_after_the_last_one(tidy: Tidy) -> None:
    tidy.replace("dvc.yaml", "      - requirements.lock\n", "")
    tidy.write("src/mini/model.py", "from mini import deep\n\nfit = deep.fit\n")
    tidy.write("src/mini/deep.py", "def fit(lines: list[str]) -> str:\n    return 'model'\n")
    tidy.code("paths.other.read_text()")
    before = (tidy.root / "dvc.yaml").read_text()
    assert _fix(tidy).splitlines() == [
        "dvc.yaml: stage train: src/mini/deep.py added to the deps",
        "dvc.yaml: stage train: requirements.lock added to the deps",
        "dvc.yaml: stage train: data/other.csv added to the deps",
    ]
    after = (tidy.root / "dvc.yaml").read_text()
    assert _added(before, after) == [
        "      - src/mini/deep.py",
        "      - requirements.lock",
        "      - data/other.csv",
    ]
    assert after.index("- src/mini/paths.py\n") < after.index("- src/mini/deep.py\n")
    assert tidy.check().endswith(" passed.\n")


def test_a_cached_metric_is_kept_in_git(tidy: Tidy) -> None:
    tidy.replace("dvc.yaml", ":\n          cache: false\n", "  # one figure\n")
    assert _fix(tidy) == "dvc.yaml: stage train: cache: false set for metrics/train.json\n"
    expected = DVC.replace("train.json:\n", "train.json:  # one figure\n")
    assert (tidy.root / "dvc.yaml").read_text() == expected


@pytest.mark.parametrize("key", ["outputs", "execution_count"])
def test_a_notebook_is_stripped_and_keeps_all_else(tidy: Tidy, key: str) -> None:
    before = nbformat.read(tidy.root / NOTEBOOK, as_version=4)
    tidy.spoil(3, **{key: [PRINTED] if key == "outputs" else 3})
    assert _fix(tidy) == f"{NOTEBOOK}: stripped\n"
    assert nbformat.read(tidy.root / NOTEBOOK, as_version=4) == before


def test_what_is_ignored_is_not_fixed(tidy: Tidy) -> None:
    table = '[tool.headrace.ignore]\n"unlisted-lock train" = "it computes nothing"\n'
    tidy.write("pyproject.toml", (tidy.root / "pyproject.toml").read_text() + table)
    tidy.replace("dvc.yaml", "      - requirements.lock\n", "")
    assert _fix(tidy) == "Nothing to fix.\n"


def test_a_dep_that_would_close_a_circle_is_not_added(tidy: Tidy) -> None:
    other = (
        "  later:\n    cmd: headrace run later\n    deps:\n      - models/model.bin\n"
        "    outs:\n      - data/other.csv\n"
    )
    tidy.write("dvc.yaml", DVC + other)
    tidy.code("paths.other.read_text()")
    assert "[undeclared-read]" in tidy.check()
    assert "data/other.csv" not in _fix(tidy)


def test_a_broken_dvc_yaml_is_left_as_it_is(tidy: Tidy) -> None:
    tidy.write("dvc.yaml", "stages: [\n")
    assert _fix(tidy) == "Nothing to fix.\n"


KEYS = ("stages", "train", "deps")
LISTS = {
    "as it is": ("stages:\n  train:\n    deps:\n      - a\n", "      - b/c.py\n"),
    "not indented": ("stages:\n  train:\n    deps:\n    - a\n    outs: [x]\n", "    - b/c.py\n"),
    "wide": ("stages:\n  train:\n    deps:\n      -   a\n", "      -   b/c.py\n"),
    "no last line end": ("stages:\n  train:\n    deps:\n      - a", "\n      - b/c.py"),
    "Windows lines": (
        "stages:\r\n  train:\r\n    deps:\r\n      - a\r\n    cmd: x\r\n",
        "      - b/c.py\r\n",
    ),
    "a comment": (
        "stages:\n  train:\n    deps:\n      - a # b\n    # c\n    cmd: x\n",
        "      - b/c.py\n",
    ),
    "quoted": ("stages:\n  train:\n    deps:\n      - 'a b'\n    cmd: x\n", "      - b/c.py\n"),
    "settings": (
        "stages:\n  train:\n    deps:\n      - a:\n          x: 1\n    cmd: x\n",
        "      - b/c.py\n",
    ),
    "no settings": ("stages:\n  train:\n    deps:\n      - a:\n    cmd: x\n", "      - b/c.py\n"),
    "flow": ("stages:\n  train:\n    deps: [a]\n", ""),
    "an alias": ("x: &x\n  - a\nstages:\n  train:\n    deps: *x\n", ""),
    "an anchor": (
        "stages:\n  train:\n    deps: &x\n      - a\n  other:\n    deps: *x\n",
        "",
    ),
    "merged": ("x: &x\n  deps:\n    - a\nstages:\n  train:\n    <<: *x\n", ""),
    "none": ("stages:\n  train:\n    cmd: x\n", ""),
    "no YAML": ("stages: [", ""),
    "in a list": ("stages:\n  train:\n    deps:\n      - - a\n", "      - b/c.py\n"),
}


@pytest.mark.parametrize("kind", LISTS)
def test_a_dep_is_one_line_more_or_nothing(kind: str) -> None:
    text, line = LISTS[kind]
    fixed, applied = fixes.apply(text, [fixes.AddDep("train", KEYS, "b/c.py")])
    assert bool(applied) == bool(line)
    assert fixed.replace(line, "", 1) == text
    assert len(fixed) == len(text) + len(line)


@pytest.mark.parametrize(
    "name", ["a: b", "- x", "#x", "null", "1", "a'b", "*x", "é.py", "true", " x"]
)
def test_a_dep_of_any_name_is_read_as_that_name(name: str) -> None:
    text = "stages:\n  train:\n    deps:\n      - a\n"
    fixed, _ = fixes.apply(text, [fixes.AddDep("train", KEYS, name)])
    deps = yaml.safe_load(fixed)["stages"]["train"]["deps"]
    assert deps in (["a", name], ["a"])
    assert name in ("null", "true") or deps == ["a", name]


METRICS = {
    "- m.json\n": "- m.json:\n    cache: false\n",
    "- m.json # x\n": "- m.json: # x\n    cache: false\n",
    "- 'm.json'": "- 'm.json':\n    cache: false",
    "- m.json:\n": "- m.json:\n    cache: false\n",
    "- m.json:\n    cache: true\n": "- m.json:\n    cache: false\n",
    "- m.json:\n      type: json\n": "- m.json:\n      cache: false\n      type: json\n",
    "- m.json: {cache: true}\n": "- m.json: {cache: false}\n",
    "- m.json: {}\n": None,
    "- m.json: {type: json}\n": None,
}


@pytest.mark.parametrize("listed", METRICS)
def test_a_metric_gets_its_setting_or_nothing(listed: str) -> None:
    keys = ("stages", "train", "metrics", 0)
    before, after = (
        f"stages:\n  train:\n    metrics:\n{textwrap.indent(part, '      ')}"
        for part in (listed, METRICS[listed] or listed)
    )
    fixed, applied = fixes.apply(before, [fixes.Uncache("train", keys, "m.json")])
    assert fixed == after
    assert bool(applied) == bool(METRICS[listed])
