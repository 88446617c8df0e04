"""`headrace check` reports each problem with its location and the next step."""

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from clean_study import NOTEBOOK, Tidy
from mini_study import DEFAULTS, cell, notebook

from headrace.bundle import archive
from headrace.lint.check import RULES  # which has imported all rules
from lab import bake, paths

AWS = "AKIA" + "IOSFODNN7EXAMPLE"  # in two parts, or this file held one
PLENTY = "x" * (2**20 + 1)


@pytest.fixture
def tidy(tmp_path: Path) -> Tidy:
    """A study without a finding."""
    return Tidy(tmp_path)


def _no_stage(tidy: Tidy, path: str = "notebooks/02_other.ipynb") -> None:
    tidy.write(path, notebook(cell("1 + 1")))


def _large_file(tidy: Tidy) -> None:
    tidy.write("notes.txt", PLENTY)
    tidy.add()


def _scratch_outputs(tidy: Tidy) -> None:
    output = {"output_type": "stream", "name": "stdout", "text": PLENTY}
    tidy.write("notebooks/scratch/try.ipynb", notebook(cell("print(1)") | {"outputs": [output]}))
    tidy.add()


def _secret(tidy: Tidy) -> None:
    tidy.write("src/mini/cloud.py", f'"""A cloud."""\n\nKEY = "{AWS}"\n')
    tidy.add()


def _tracked_twice(tidy: Tidy) -> None:
    tidy.write("models/model.bin", "model")
    bake.run(tidy.root, "git", "add", "--force", "models/model.bin")


def _unknown_figure(tidy: Tidy) -> None:
    tidy.write("metrics/monitor.json", '{"2013-10": {"drift": {"psi": 0.1}}}')
    rule = "live:\n  it moved:\n    figure: drift.ps\n    above: 1\n    level: act\n    do: Look\n"
    tidy.write("gates.yaml", rule)


def _unknown_log_never(tidy: Tidy) -> None:
    with (tidy.root / "params.yaml").open("a") as file:
        file.write("serve:\n  log_never: [wether]\n")
    with (tidy.root / "dvc.yaml").open("a") as file:
        file.write("artifacts: {model: {path: models/bundle.tar, type: model}}\n")
    schema = json.dumps({"properties": {"weather": {}}}).encode()
    tidy.write("models/bundle.tar", archive.pack({"schema.json": schema}).decode())


def _lock_behind(tidy: Tidy) -> None:
    tidy.lock()
    tidy.write("src/mini/model.py", "x = 1\n")


def _run_parameters(tidy: Tidy) -> None:
    tidy.lock(notebook(cell("max_iter = 600", "injected-parameters")))


def _member_values(tidy: Tidy) -> None:
    stages, _, body = (tidy.root / "dvc.yaml").read_text().partition("  train:\n")
    body = textwrap.indent(body.replace("runs/train.", "runs/train-a."), "  ")
    each = f"{stages}  train:\n    foreach: {{a: {{lr: 0.5}}}}\n    do:\n{body}"
    tidy.lock(notebook(cell("item = {'lr': 0.1}", "injected-parameters")))
    tidy.replace("dvc.lock", '"stages": {\n  "train"', '"stages": {\n  "train@a"')
    tidy.replace("dvc.lock", "runs/train.", "runs/train-a.")
    (tidy.root / "runs/train.ipynb").rename(tidy.root / "runs/train-a.ipynb")
    tidy.write("dvc.yaml", each)


def _extra(tidy: Tidy) -> None:
    """Give the study an environment of its own, which holds headrace and all it needs."""
    shutil.rmtree(tidy.root / ".venv", ignore_errors=True)
    command = [sys.executable, "-m", "venv", "--without-pip", "--symlinks", ".venv"]
    subprocess.run(command, cwd=tidy.root, check=True)


def _imports(tidy: Tidy) -> None:
    tidy.write("src/mini/model.py", "from mini import deep\n\nfit = deep.fit\n")
    tidy.write("src/mini/deep.py", "def fit(lines: list[str]) -> str:\n    return 'model'\n")


Plant = tuple[Callable[[Tidy], object], str, str]
PLANTS: dict[str, Plant] = {
    "dvc-yaml": (lambda t: t.write("dvc.yaml", "stages: [\n"), "dvc.yaml:1", "fix dvc.yaml"),
    "params-yaml": (
        lambda t: t.replace("params.yaml", "max_iter: 20", "max_itr: 20"),
        "params.yaml:5",
        "correct params.yaml",
    ),
    "parameters-cell": (
        lambda t: t.code(defaults=f"{DEFAULTS}\nimport os"),
        f"{NOTEBOOK}:cell 2:5",
        "move it into a later cell",
    ),
    "parameters-listed": (
        lambda t: t.replace("dvc.yaml", "      - train\n", "      - trian\n"),
        "dvc.yaml:15",
        "correct the name, or add it",
    ),
    "parameters-agree": (
        lambda t: t.code(defaults=DEFAULTS.replace("10", '"10"')),
        f"{NOTEBOOK}:cell 2:2",
        "headrace sync",
    ),
    "notebook-json": (
        lambda t: t.write(NOTEBOOK, "{\n"),
        f"{NOTEBOOK}:1",
        f"git checkout HEAD {NOTEBOOK}",
    ),
    "notebook-outputs": (
        lambda t: t.spoil(4, execution_count=3),
        f"{NOTEBOOK}:cell 4:1",
        "make fix",
    ),
    "notebook-without-stage": (
        _no_stage,
        "notebooks/02_other.ipynb",
        "give it a stage in dvc.yaml",
    ),
    "stage-without-notebook": (
        lambda t: t.replace("dvc.yaml", "headrace run train", "python -m mini.model"),
        "dvc.yaml:4",
        "write its steps into a notebook",
    ),
    "stage-name": (
        lambda t: t.replace("dvc.yaml", "headrace run train", "headrace run trian"),
        "dvc.yaml:4",
        "write headrace run train",
    ),
    "stage-notebook": (
        lambda t: t.replace("dvc.yaml", f"      - {NOTEBOOK}\n", ""),
        "dvc.yaml:5",
        "such as notebooks/01_train.ipynb",
    ),
    "notebook-missing": (
        lambda t: (t.root / NOTEBOOK).rename(t.root / "notebooks/01_trainer.ipynb"),
        "dvc.yaml:6",
        f"git checkout HEAD {NOTEBOOK}",
    ),
    "scratch-outputs": (_scratch_outputs, "notebooks/scratch/try.ipynb", "Clear Outputs"),
    "cell-syntax": (lambda t: t.code("1 +\n"), f"{NOTEBOOK}:cell 6:1", "make lab"),
    "cell-length": (
        lambda t: t.code("\n\n".join(f"a{n} = {n}" for n in range(11))),
        f"{NOTEBOOK}:cell 6:1",
        "split it",
    ),
    "cell-def": (
        lambda t: t.code("1\ndef f():\n    pass"),
        f"{NOTEBOOK}:cell 6:2",
        "into a module",
    ),
    "cell-magic": (
        lambda t: t.code("x = 1\n%matplotlib inline"),
        f"{NOTEBOOK}:cell 6:2",
        "write it in Python",
    ),
    "cell-chdir": (lambda t: t.code("import os\nos.chdir('x')"), f"{NOTEBOOK}:cell 6:2", "paths"),
    "cell-sys-path": (
        lambda t: t.code("import sys\n\nsys.path.append('x')"),
        f"{NOTEBOOK}:cell 6:3",
        "import from src/study",
    ),
    "cell-absolute-path": (
        lambda t: t.code("x = '/home/me/data'"),
        f"{NOTEBOOK}:cell 6:1",
        "give the file a name in the paths module",
    ),
    "undeclared-import": (_imports, "dvc.yaml:5", "make fix (it adds src/mini/deep.py"),
    "undeclared-read": (
        lambda t: t.code("paths.other.read_text()"),
        f"{NOTEBOOK}:cell 6:1",
        "make fix (it adds data/other.csv",
    ),
    "undeclared-write": (
        lambda t: t.code("paths.other.write_text('')"),
        f"{NOTEBOOK}:cell 6:1",
        "list data/other.csv in the stage's outs",
    ),
    "unlisted-lock": (
        lambda t: t.replace("dvc.yaml", "      - requirements.lock\n", ""),
        "dvc.yaml:5",
        "make fix (it adds requirements.lock",
    ),
    "unregistered-cost": (
        lambda t: t.write(
            "dvc.yaml", (t.root / "dvc.yaml").read_text() + "\nmetrics:\n  - metrics/cost/a.json\n"
        ),
        "dvc.yaml:23",
        "make fix",
    ),
    "cached-metrics": (
        lambda t: t.replace("dvc.yaml", ":\n          cache: false\n", "\n"),
        "dvc.yaml:20",
        "make fix",
    ),
    "tracked-twice": (_tracked_twice, "dvc.yaml:17", "git rm -r --cached models/model.bin"),
    "large-file": (_large_file, "notes.txt", "git rm --cached notes.txt"),
    "secret": (_secret, "src/mini/cloud.py:3", "remove and revoke it"),
    "environment": (
        lambda t: t.write("requirements.lock", "# locked\nnumpy==0.1 \\\n    --hash=sha256:0\n"),
        "requirements.lock:2",
        "make --always-make setup",
    ),
    "gates-yaml": (
        lambda t: t.write("gates.yaml", "metrics:\n  m.json:\n    a: {beter: lower}\n"),
        "gates.yaml:3",
        "write one of better",
    ),
    "live-figures": (_unknown_figure, "gates.yaml:3", "use a figure that it has"),
    "log-never": (_unknown_log_never, "params.yaml:9", "name one of its inputs"),
    "unlocked-dependency": (
        lambda t: t.replace(
            "pyproject.toml", "[project]", '[project]\ndependencies = ["lightgbm>=4 ; 1 == 1"]'
        ),
        "pyproject.toml:2",
        "make lock setup",
    ),
    "environment-extra": (
        _extra,
        "requirements.lock",
        "add it to pyproject.toml and make lock",
    ),
    "lock-behind": (_lock_behind, "dvc.lock:4", "make repro"),
    "run-parameters": (_run_parameters, "runs/train.ipynb", "dvc repro --force train"),
    "member-values": (_member_values, "dvc.yaml:3", "dvc repro --force train@a"),
}


def test_every_rule_has_a_planted_instance() -> None:
    assert list(PLANTS) == list(dict.fromkeys(PLANTS))
    assert set(PLANTS) == set(RULES)


@pytest.mark.parametrize("rule", PLANTS)
def test_a_rule_finds_its_planted_instance_and_says_where_and_what_next(
    tidy: Tidy, rule: str
) -> None:
    plant, place, step = PLANTS[rule]
    assert tidy.check(rule) == "1 check passed.\n"
    plant(tidy)
    printed = tidy.own_check(rule) if rule == "environment-extra" else tidy.check(rule)
    match = re.fullmatch(
        r"(\S+?(?::cell \d+)?(?::\d+)?): .+ \[(.+)\]\n  Next: (.+)\n(.+)\n", printed
    )
    assert match, printed
    assert (match[1], match[2]) == (place, rule)
    assert step in match[3]
    assert re.fullmatch(r"1 finding(; 1 fixable with make fix)?", match[4])


def test_a_tidy_study_has_no_finding_before_and_after_it_was_run(tidy: Tidy) -> None:
    assert tidy.check() == f"All {len(RULES)} checks passed.\n"
    tidy.lock()
    assert tidy.check() == f"All {len(RULES)} checks passed.\n"
    changed = bake.run(tidy.root, "git", "status", "--porcelain", "--untracked-files=no").stdout
    assert "M" not in changed


def test_rules_are_listed_with_problem_and_next_step(tidy: Tidy) -> None:
    printed = tidy.run("check", "--list").stdout
    rule = r"^(\S+)(?: \(repro\))?\n  \S.*\n(?:  (?!Next: ).*\n)*  Next: \S"
    assert re.findall(rule, printed, re.M) == sorted(RULES)


@pytest.mark.parametrize("to", ["| true", ">&-"])
def test_a_closed_pipe_is_no_traceback(tidy: Tidy, to: str) -> None:
    printed = bake.run(tidy.root, "bash", "-c", f"headrace check --list {to}; echo end").stdout
    assert printed == "end\n"


def test_an_unknown_rule_is_refused_with_the_nearest_name(tidy: Tidy) -> None:
    assert "There is no rule cell-lenght. Did you mean cell-length?" in tidy.check("cell-lenght")


def test_before_a_run_only_the_rules_that_would_spoil_it_are_checked(tidy: Tidy) -> None:
    _lock_behind(tidy)
    tidy.code("def f():\n    pass")
    assert tidy.check("repro").endswith(" passed.\n")
    tidy.code("paths.other.read_text()")
    assert "[undeclared-read]" in tidy.check("repro")


def test_check_imports_none_of_the_slow_libraries(tidy: Tidy) -> None:
    code = (
        "import sys; from headrace.cli.main import main; main(['check']);"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    printed = bake.run(tidy.root, sys.executable, "-c", code).stdout
    assert " passed." in printed
    slow = {"dvc", "pandas", "numpy", "nbformat", "papermill", "nbstripout", "jsonschema", "git"}
    assert not slow & set(printed.split())


def test_findings_stand_in_the_order_of_files_and_lines_and_are_counted(tidy: Tidy) -> None:
    tidy.code("def f():\n    %time g()", "x = '~/x'")
    tidy.replace("dvc.yaml", ":\n          cache: false\n", "\n")
    lines = tidy.check().splitlines()
    assert [line.partition(": ")[0] for line in lines[:-1:2]] == [
        "dvc.yaml:20",
        f"{NOTEBOOK}:cell 6:1",
        f"{NOTEBOOK}:cell 6:2",
        f"{NOTEBOOK}:cell 7:1",
    ]
    assert lines[-1] == "4 findings; 1 fixable with make fix"


IGNORED = {
    "cell-def": "a rule",
    f"cell-def {NOTEBOOK}": "a rule in a file",
}


@pytest.mark.parametrize("key", IGNORED)
def test_a_finding_that_is_ignored_for_a_reason_is_not_reported(tidy: Tidy, key: str) -> None:
    tidy.code("def f():\n    pass")
    table = f'[tool.headrace.ignore]\n"{key}" = "it is shown, not used"\n'
    tidy.write("pyproject.toml", (tidy.root / "pyproject.toml").read_text() + table)
    assert tidy.check().endswith(" passed.\n")
    tidy.code("x = '~/x'")
    assert "[cell-absolute-path]" in tidy.check()


def test_a_stage_can_be_ignored_by_its_name(tidy: Tidy) -> None:
    tidy.replace("dvc.yaml", "    cmd: headrace run train", "    cmd: echo")
    table = '[tool.headrace.ignore]\n"stage-without-notebook train" = "it prints"\n'
    tidy.write("pyproject.toml", (tidy.root / "pyproject.toml").read_text() + table)
    assert tidy.check("stage-without-notebook").endswith(" passed.\n")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('"cell-dfe" = "why"', "there is no rule cell-dfe. Did you mean cell-def?"),
        ('"cell-def" = " "', '"cell-def" has no reason. Next: write one'),
        ('"cell-def" = 3', '"cell-def" has no reason'),
    ],
)
def test_ignoring_takes_a_rule_and_a_reason(tidy: Tidy, line: str, message: str) -> None:
    table = f"[tool.headrace.ignore]\n{line}\n"
    tidy.write("pyproject.toml", (tidy.root / "pyproject.toml").read_text() + table)
    assert message in tidy.check()


# The studies that are ours


@pytest.fixture
def fresh(baked: Path, tmp_path: Path) -> Path:
    """A study as it was made, under git."""
    study = Path(shutil.copytree(baked, tmp_path / "fresh"))
    bake.commit(study)
    return study


def test_a_fresh_study_has_no_finding(fresh: Path) -> None:
    printed = bake.run(fresh, "headrace", "check").stdout
    assert printed == f"All {len(RULES)} checks passed.\n"


def test_a_study_that_was_run_has_no_finding_in_the_tree_and_in_a_clone(
    copy: Path, tmp_path: Path
) -> None:
    assert bake.run(copy, "headrace", "check").stdout.endswith(" passed.\n")
    bake.run(tmp_path, "git", "clone", "--quiet", str(copy), "clone")
    assert bake.run(tmp_path / "clone", "headrace", "check").stdout.endswith(" passed.\n")


def test_the_template_as_it_lies_has_no_finding(tmp_path: Path) -> None:
    bake.copy_template(tmp_path)
    bake.run(tmp_path, "git", "init", "--quiet")
    bake.run(tmp_path, "git", "add", "--all")
    study = tmp_path / paths.study.relative_to(paths.root)
    assert bake.run(study, "headrace", "check").stdout.endswith(" passed.\n")


def test_the_root_s_own_study_has_no_finding_but_what_a_run_fixes() -> None:
    rules = sorted(set(RULES) - {"lock-behind"})
    assert " passed." in bake.run(paths.root, "headrace", "check", *rules).stdout


# Broken files: one does not hide another, and none is a traceback


def test_a_broken_notebook_hides_no_other_finding(tidy: Tidy) -> None:
    tidy.write("notebooks/02_other.ipynb", "[]")
    tidy.code("def f():\n    pass")
    tidy.replace("params.yaml", "max_iter: 20", "max_iter: 0")
    printed = tidy.check()
    assert re.findall(r"\[(\S+)\]$", printed, re.M) == [
        "cell-def",
        "notebook-without-stage",
        "notebook-json",
        "params-yaml",
    ]


HOSTILE_NOTEBOOKS: dict[str, bytes] = {
    "empty": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "no cells": b"{}",
    "cells of text": b'{"cells": ["x"]}',
    "no text at all": b"\xff\xfe\x00",
    "cells without anything": b'{"cells": [{}, {"cell_type": "code"}]}',
    "odd types": b'{"cells": [{"cell_type": "code", "source": 3, "metadata": [], "outputs": 1}],'
    b' "metadata": 3}',
    "odd tags": b'{"cells": [{"cell_type": "code", "source": [], "metadata": {"tags": null}}]}',
    "odd tags and outputs": b'{"cells": [{"cell_type": "code", "source": [1], "outputs": 3, '
    b'"metadata": {"tags": 3, "keep_output": 1}}]}',
    "odd kernel": b'{"cells": [], "metadata": {"kernelspec": []}}',
    "before version 4": b'{"worksheets": [{"cells": [{"cell_type": "code", "input": ["1"]}]}]}',
    "deep": b"[" * 100_000,
    "a NUL": b'{"cells": [{"cell_type": "code", "source": "a\\u0000b", "metadata": {}}]}',
    "deep code": b'{"cells": [{"cell_type": "code", "source": "' + b"-" * 5000 + b'1"}]}',
    "long sum": b'{"cells": [{"cell_type": "code", "source": "' + b"1+" * 3000 + b'1"}]}',
    "half a number": b'{"cells": [{"cell_type": "code", "source": "\\ud800"}]}',
}


@pytest.mark.parametrize("kind", HOSTILE_NOTEBOOKS)
def test_no_notebook_is_a_traceback(tidy: Tidy, kind: str) -> None:
    (tidy.root / NOTEBOOK).write_bytes(HOSTILE_NOTEBOOKS[kind])
    assert NOTEBOOK in tidy.check()


HOSTILE_DVC: dict[str, str] = {
    "no stages": "stages: {}\n",
    "stages that are none": "stages:\n",
    "a list of stages": "stages: [train]\n",
    "a stage of text": "stages:\n  train: headrace run train\n",
    "no list of deps": "stages:\n  train:\n    cmd: headrace run train\n    deps: x\n",
    "a number of deps": "stages:\n  train:\n    cmd: headrace run train\n    deps: 3\n",
    "deps with settings": f"stages:\n  train:\n    cmd: headrace run train\n    deps:\n"
    f"      - {NOTEBOOK}: {{}}\n      - path: {{x: 1}}\n      - [1]\n      - null\n",
    "other params files": f"stages:\n  train:\n    cmd: headrace run train\n    deps:\n"
    f"      - {NOTEBOOK}\n    params:\n      - other.yaml:\n          - x\n      - 3\n",
    "params as a mapping": f"stages:\n  train:\n    cmd: headrace run train\n    deps:\n"
    f"      - {NOTEBOOK}\n    params: {{a: b}}\n",
    "a list of commands": "stages:\n  train:\n    cmd: [a, b]\n    outs: {a: b}\n",
    "foreach": "stages:\n  train:\n    foreach: [1, 2]\n    do:\n      cmd: echo ${item}\n"
    "      outs:\n        - models/${item}.bin\n",
    "foreach of nothing": "stages:\n  train:\n    foreach: [1]\n    do: 3\n",
    "an odd matrix": f"stages:\n  train:\n    matrix: {{a: 3}}\n    cmd: headrace run train\n"
    f"    deps:\n      - {NOTEBOOK}\n",
    "an empty matrix": f"stages:\n  train:\n    matrix: {{a: []}}\n    cmd: headrace run train\n"
    f"    deps:\n      - {NOTEBOOK}\n",
    "remote paths": f"stages:\n  train:\n    cmd: headrace run train\n    deps:\n"
    f"      - {NOTEBOOK}\n      - s3://x/y\n    outs:\n      - /tmp/x\n      - ../y\n",
    "odd metrics": "stages:\n  train:\n    cmd: headrace run train\n    metrics:\n      - a: b\n",
    "a wdir": "stages:\n  train:\n    cmd: headrace run train\n    wdir: [1]\n    deps: [x]\n",
    "itself": "stages: &a\n  train: *a\n",
    "not UTF-8": "stages:\n  tr\udcffin: {}\n",
}


@pytest.mark.parametrize("kind", HOSTILE_DVC)
@pytest.mark.parametrize("command", ["check", "fix"])
def test_no_dvc_yaml_is_a_traceback(tidy: Tidy, kind: str, command: str) -> None:
    tidy.lock()
    (tidy.root / "dvc.yaml").write_bytes(HOSTILE_DVC[kind].encode("utf-8", "surrogateescape"))
    printed = tidy.run(command).stdout
    assert "Traceback" not in printed
    assert printed


HOSTILE_FILES: dict[str, tuple[str, str]] = {
    "a lock of text": ("dvc.lock", "x"),
    "a lock of other stages": ("dvc.lock", "stages: {train: 3}\n"),
    "a lock without a command": ("dvc.lock", "stages: {train: {deps: []}}\n"),
    "odd params in the lock": ("dvc.lock", "stages: {train: {cmd: x, params: [1], deps: []}}\n"),
    "params in the lock of text": (
        "dvc.lock",
        "stages: {train: {cmd: x, params: {params.yaml: x}}}",
    ),
    "a module that is none": ("src/mini/model.py", "def ("),
    "paths that fail": ("src/mini/paths.py", "1 / 0\n"),
    "no model": ("src/mini/params.py", "x"),
    "an odd lock": ("requirements.lock", "a==b ; nonsense\nc @ file:///x\n==\n"),
    "a memory that is none": (".headrace/hashes.json", "[3"),
    "another memory": (".headrace/hashes.json", '{"md5": 3, "clean": {"x": 3}}'),
    "params of text": ("params.yaml", "x"),
}

OTHER_TOOLS_TELL = {"a module that is none", "an odd lock"}


@pytest.mark.parametrize("kind", HOSTILE_FILES)
def test_no_file_is_a_traceback(tidy: Tidy, kind: str) -> None:
    name, text = HOSTILE_FILES[kind]
    tidy.write(name, text)
    printed = tidy.check()
    assert (" passed." in printed) == (".headrace" in name or kind in OTHER_TOOLS_TELL)


def test_names_and_texts_that_no_terminal_can_show_are_shown_all_the_same(tidy: Tidy) -> None:
    Path(os.fsdecode(os.fsencode(tidy.root) + b"/n\xff.txt")).write_text(PLENTY)
    tidy.write(
        NOTEBOOK, (tidy.root / NOTEBOOK).read_text().replace("from mini", "%x \\ud800\\nfrom mini")
    )
    tidy.add()
    printed = tidy.run("check", PYTHONIOENCODING="ascii").stdout
    assert "Git tracks n\\udcff.txt" in printed
    assert "`%x \\ud800` is IPython syntax" in printed


def test_without_git_the_rules_on_it_say_nothing(tidy: Tidy) -> None:
    _large_file(tidy)
    shutil.rmtree(tidy.root / ".git")
    assert tidy.check().endswith(" passed.\n")


def test_a_cache_of_hashes_that_cannot_be_written_does_no_harm(tidy: Tidy) -> None:
    tidy.write(".headrace", "a file in the place of the folder")
    assert tidy.check().endswith(" passed.\n")
