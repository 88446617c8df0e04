"""`headrace check` takes DVC's forms of dvc.yaml, and says in time what it cannot take."""

import re
import textwrap
from pathlib import Path

import pytest
from clean_study import CODE, NOTEBOOK, Tidy
from in_process import numeric_imports
from mini_study import DEFAULTS, cell, notebook

PARAMS = "    params:\n      - seed\n      - compute\n      - train\n"
MORE = "      - train\n      - conf/more.yaml: [y]\n      - conf/more.toml:\n"


@pytest.fixture
def tidy(tmp_path: Path) -> Tidy:
    """A study without a finding."""
    return Tidy(tmp_path)


@pytest.fixture
def more(tidy: Tidy) -> Tidy:
    """The same, with parameters of other files."""
    tidy.replace("dvc.yaml", "      - train\n", MORE)
    tidy.write("conf/more.yaml", "y: 2\n")
    tidy.write("conf/more.toml", "z = 'text'\nunused = 1979-05-27\n")
    tidy.code(defaults=f"{DEFAULTS}\ny = 0.5\nz = ''")
    return tidy


def each(tidy: Tidy, head: str, defaults: str = DEFAULTS) -> Tidy:
    """Make a stage of many of the study's one, with a notebook that writes nothing."""
    tidy.replace("dvc.yaml", "  train:\n", f"  train:\n    {head}\n")
    for out in ("models/model.bin", "runs/train.ipynb", "metrics/train.json"):
        stem, _, suffix = out.rpartition(".")
        tidy.replace("dvc.yaml", f"- {out}", f"- {stem}-${{key}}.{suffix}")
    cells = (cell("from mini import model, paths"), cell("paths.table.read_text()"))
    tidy.write(NOTEBOOK, notebook(cell(defaults, "parameters"), *cells))
    return tidy


def test_parameters_of_other_files_leave_nothing_to_report(more: Tidy) -> None:
    assert more.check().endswith(" passed.\n")


OTHER_FILES = {
    "missing": (
        lambda t: (t.root / "conf/more.yaml").unlink(),
        "dvc.yaml:16: The stage's params do not match its notebook: params of stage 'train' list"
        " conf/more.yaml, which is missing. [parameters-listed]\n  Next: git checkout HEAD",
    ),
    "another name": (
        lambda t: t.write("conf/more.yaml", "yy: 2\n"),
        "lists y in params, but conf/more.yaml has none. Did you mean yy?",
    ),
    "another type": (
        lambda t: t.write("conf/more.yaml", "y: text\n"),
        f"{NOTEBOOK}:cell 2:5: The notebook and conf/more.yaml disagree: {NOTEBOOK}: the default"
        " of y is 0.5 (float), but conf/more.yaml says 'text' (str).",
    ),
    "a date": (
        lambda t: t.write("conf/more.toml", "z = 1979-05-27\n"),
        "z is datetime.date(1979, 5, 27), which JSON does not know",
    ),
    "no YAML": (lambda t: t.write("conf/more.yaml", "y: [\n"), "conf/more.yaml"),
    "no TOML": (lambda t: t.write("conf/more.toml", "z = \n"), "conf/more.toml cannot be read: "),
    "no list": (lambda t: t.replace("dvc.yaml", "[y]", "y"), "must be names in params.yaml, or"),
}


@pytest.mark.parametrize("kind", OTHER_FILES)
def test_what_is_wrong_with_another_file_is_found_before_a_stage_runs(
    more: Tidy, kind: str
) -> None:
    change, message = OTHER_FILES[kind]
    change(more)
    report = more.check("repro")
    assert message in report
    assert report.count("Next: ") == 1


MEMBERS = {
    "a matrix": ("matrix: {fold: [1, 2]}", "fold = 0"),
    "a matrix of vars": ("matrix: {fold: '${folds}'}", "fold = 0"),
    "a matrix of mappings": ("matrix: {cfg: [{lr: 1}, {lr: 2}]}", "cfg = {}"),
    "a thousand": (f"matrix: {{fold: {[*range(1000)]}}}", "fold = 0"),
}


@pytest.mark.parametrize("kind", MEMBERS)
def test_a_stage_of_many_has_no_finding(tidy: Tidy, kind: str) -> None:
    head, default = MEMBERS[kind]
    tidy.replace("dvc.yaml", "stages:\n", "vars:\n  - folds: [1, 2]\nstages:\n")
    assert each(tidy, head, f"{DEFAULTS}\n{default}").check("repro").endswith(" passed.\n")


def test_a_mistake_in_a_stage_of_many_is_one_finding(tidy: Tidy) -> None:
    each(tidy, f"matrix: {{fold: {[*range(1000)]}}}")
    report = tidy.check("repro")
    assert f"given fold, but the parameters cell of {NOTEBOOK} has no such name" in report
    assert report.startswith("dvc.yaml:3: ")
    assert report.endswith("  Next: add a line such as `fold = 0` to it\n1 finding\n")


def test_members_of_several_types_have_a_default_that_all_agree_with(tidy: Tidy) -> None:
    each(tidy, 'matrix: {m: [1, 2.5, true, "a b"]}', f"{DEFAULTS}\nm = 1")
    report = tidy.check("repro")
    assert f"{NOTEBOOK}:cell 1:5: The notebook and dvc.yaml disagree: " in report
    assert "the default of m is 1 (int), but dvc.yaml says 'a b' (str). [param" in report
    assert "  Next: write m = 'a b' there, or m = None where its types differ\n" in report
    tidy.write(NOTEBOOK, (tidy.root / NOTEBOOK).read_text().replace("m = 1", "m = None"))
    assert tidy.check("repro").endswith(" passed.\n")


KEYS = {
    "a typo": (
        ("- models/model.bin", "- models/model.bin: {chached: false}"),
        "dvc.yaml:17: The pipeline file cannot be used: DVC refuses"
        " stages.train.outs.0.models/model.bin.chached: extra keys not allowed. Did you mean cache?"
        " [dvc-yaml]\n  Next: correct chached, or remove it\n",
    ),
    "another name": (
        ("    deps:", "    dep: [x]\n    deps:"),
        "dvc.yaml:5: The pipeline file cannot be used: DVC refuses stages.train.dep: extra keys not"
        " allowed. Did you mean deps? [dvc-yaml]\n  Next: correct dep, or remove it\n",
    ),
    "a block of anchors": (
        ("stages:", "x-base: &base {}\nstages:"),
        "dvc.yaml:2: The pipeline file cannot be used: DVC refuses x-base: extra keys not allowed."
        " [dvc-yaml]\n  Next: correct x-base, or remove it\n",
    ),
    "no command": (
        ("    cmd: headrace run train\n", ""),
        "required key not provided. [dvc-yaml]\n  Next: add cmd\n",
    ),
}


@pytest.mark.parametrize("kind", KEYS)
def test_what_dvc_s_schema_refuses_is_found_in_its_line(tidy: Tidy, kind: str) -> None:
    change, message = KEYS[kind]
    tidy.replace("dvc.yaml", *change)
    assert message in tidy.check("dvc-yaml")


def test_dvc_is_not_imported_for_a_file_that_its_schema_takes(tidy: Tidy) -> None:
    tidy.replace("dvc.yaml", "- models/model.bin", "- models/model.bin: {cache: false, desc: x}")
    code, imported = numeric_imports(tidy.root, "check")
    assert code == "0"
    assert "dvc" not in imported


def test_a_template_that_names_nothing_is_found_in_its_line(tidy: Tidy) -> None:
    tidy.replace("dvc.yaml", "- data/table.csv", "- ${none}/table.csv")
    assert tidy.check("repro") == (
        "dvc.yaml:5: The pipeline file cannot be used: failed to parse 'stages.train.deps': Could"
        " not find 'none'. [dvc-yaml]\n  Next: fix dvc.yaml\n1 finding\n"
    )


def test_templates_are_filled_in_before_a_study_is_looked_at(tidy: Tidy) -> None:
    tidy.replace("dvc.yaml", "- data/table.csv", "- ${where}/table.csv")
    tidy.replace("dvc.yaml", "stages:\n", "vars:\n  - conf/vars.yaml\nstages:\n")
    tidy.write("conf/vars.yaml", "where: data\n")
    assert tidy.check().endswith(" passed.\n")
    tidy.write("conf/vars.yaml", "where: date\n")
    assert "reads data/table.csv, which is neither a dep nor an out" in tidy.check("repro")


COMMANDS = {
    "a variable": "OMP_NUM_THREADS=1 headrace run train && echo ok",
    "a list": "[headrace run train, echo done]",
    "a path": ".venv/bin/headrace run train",
    "lines": '"echo begin\\nheadrace run train\\n"',
    "a module": "python -m headrace run train",
    "a shell": "bash -c 'headrace run train'",
    "options of a shell": "/bin/bash -euo pipefail -c 'cd . && headrace run train'",
    "a shell in a shell": """sh -c "bash -lc 'headrace run train' > log" """,
    "a shell in lines": "\"echo begin\\nbash -c 'headrace run train'\\n\"",
    "lines of a list": '["# don\'t\\nheadrace run train\\necho end"]',
    "redirections": "headrace run train > log.txt 2>&1 < /dev/null | tee other",
    "a subshell": "(headrace run train) 2> >(tee log)",
    "a comment": '"headrace run train # and not headrace run other"',
    "a further line": '["headrace run \\\\\\n  train"]',
    "its file": "headrace run dvc.yaml:train",
    "a word of the shell": "headrace run train $MORE",
}


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_notebook_may_be_run_among_other_commands(tidy: Tidy, kind: str) -> None:
    tidy.replace("dvc.yaml", "headrace run train", COMMANDS[kind])
    assert tidy.check().endswith(" passed.\n")


OTHERS = {
    "a typo": ("", "headrace run trian", "Stage train runs `headrace run trian`"),
    "after its own": ("", "headrace run train && headrace run other", "`headrace run other`"),
    "in a shell": ("", "bash -c 'headrace run trian'", "Stage train runs `headrace run trian`"),
    "an option": ("", "headrace run train --lr 0.1", "`headrace run train --lr 0.1`, but headrace"),
    "an option first": ("", "headrace run --lr=0.1 train", "takes the name of a stage and nothing"),
    "an option of the shell": ("", "headrace run train --lr $LR", "and nothing else"),
    "a second name": ("", "headrace run train other > log", "`headrace run train other`, but"),
    "no name": ("", "echo && headrace run && echo", "Stage train runs `headrace run`, but"),
    "an item": ("foreach: [prep, train2]", "headrace run ${item}", "train@prep runs `headrace run"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_the_name_of_another_stage_is_found_before_dvc_removes_an_output(
    tidy: Tidy, kind: str
) -> None:
    each, command, message = OTHERS[kind]
    text = (tidy.root / "dvc.yaml").read_text().replace("headrace run train", command)
    stages, _, body = text.partition("  train:\n")
    if each:
        body = f"    {each}\n    do:\n{textwrap.indent(body, '  ')}"
    tidy.write("dvc.yaml", f"{stages}  train:\n{body}")
    report = tidy.check("repro")
    assert message in report
    assert report.count("[stage-name]") == 1
    assert re.search(
        r"Next: write headrace run train, (or give \w+ a stage|and give it val)", report
    )
    assert tidy.check("stage-without-notebook").endswith(" passed.\n")


@pytest.mark.parametrize("command", ["headrace run $NAME && headrace run train"])
def test_a_name_that_the_shell_fills_in_is_let_be(tidy: Tidy, command: str) -> None:
    tidy.replace("dvc.yaml", "headrace run train", command)
    assert tidy.check("stage-name").endswith(" passed.\n")


@pytest.mark.parametrize(
    "text", ["foreach: [a@b]\n    do:\n      ", "", "matrix: {m: [a@b]}\n    "]
)
def test_a_name_that_dvc_would_not_find_is_refused(tidy: Tidy, text: str) -> None:
    name = "each" if text else "a@b"
    tidy.write("dvc.yaml", f"stages:\n  {name}:\n    {text}cmd: headrace run {name}\n")
    report = tidy.check("dvc-yaml")
    assert report.startswith("dvc.yaml:1: ")
    assert ": DVC finds no stage " in report
    assert "Next: write another character for @ in stage" in report


@pytest.mark.parametrize(
    "command",
    [
        "train",
        "echo 'headrace run train'",
        "headrace runs train",
        "'",
        "grep -c 'headrace run train' f",
    ],
)
def test_what_does_not_run_the_notebook_is_reported(tidy: Tidy, command: str) -> None:
    tidy.replace("dvc.yaml", "cmd: headrace run train", f'cmd: "{command}"')
    assert "not a notebook of its own" in tidy.check("stage-without-notebook")


def test_a_stage_without_parameters_needs_no_parameters_cell(tidy: Tidy) -> None:
    tidy.write(NOTEBOOK, notebook(cell("# Train", kind="markdown"), *map(cell, CODE)))
    report = tidy.check("repro")
    assert report.count("needs one cell with the tag") == 1
    assert report.endswith("1 finding\n")
    tidy.replace("dvc.yaml", PARAMS, "")
    assert tidy.check("repro").endswith(" passed.\n")


def test_parameters_on_another_host_are_no_file_of_git(tidy: Tidy) -> None:
    tidy.replace("dvc.yaml", "      - train\n", "      - s3://bucket/conf.yaml: [train]\n")
    report = tidy.check("repro")
    assert "list s3://bucket/conf.yaml, which is on another host" in report
    assert "Next: copy it into the study, and list that" in report
    assert "git checkout" not in report
