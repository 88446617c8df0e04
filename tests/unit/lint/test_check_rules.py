"""What each rule of `headrace check` reports, and what it does not."""

import hashlib
import io
import json
import os
import re
import sys
import textwrap
import time
from pathlib import Path
from types import ModuleType

import pytest
from clean_study import NOTEBOOK, Tidy
from mini_study import DEFAULTS, cell, notebook
from nbstripout._nbstripout import main as nbstripout

from headrace.core import hash_cache
from headrace.core.imports import Graph
from headrace.core.stage import Stage
from headrace.lint import notebook_ast
from headrace.lint.cells import ABSOLUTE, _complete_strings
from headrace.lint.paths_used import Files, uses
from lab import bake


@pytest.fixture
def tidy(tmp_path: Path) -> Tidy:
    """A study without a finding."""
    return Tidy(tmp_path)


# Notebooks: what nbstripout would take out, and what editors leave

COUNTED = {"output_type": "execute_result", "data": {}, "metadata": {}, "execution_count": 1}
PRINTED = {"output_type": "stream", "name": "stdout", "text": "x"}
VOLATILE: dict[str, tuple[int, dict[str, object]]] = {
    "outputs": (3, {"outputs": [PRINTED]}),
    "a count": (3, {"execution_count": 1}),
    "kept outputs": (3, {"outputs": [PRINTED], "metadata": {"keep_output": True}}),
    "kept by a tag": (3, {"outputs": [PRINTED], "metadata": {"tags": ["keep_output"]}}),
    "kept, with a count": (3, {"outputs": [COUNTED], "metadata": {"tags": ["keep_output"]}}),
    "not kept": (3, {"outputs": [PRINTED], "metadata": {"keep_output": False}}),
    "an initial cell": (3, {"outputs": [PRINTED], "metadata": {"init_cell": True}}),
    "no initial cell": (3, {"outputs": [PRINTED], "metadata": {"init_cell": False}}),
    **{
        f"cell {key}": (3, {"metadata": {key: value}})
        for key, value in {
            "collapsed": True,
            "ExecuteTime": {},
            "execution": {},
            "heading_collapsed": False,
            "hidden": True,
            "scrolled": "auto",
            "editable": False,
            "slideshow": {"slide_type": ""},
        }.items()
    },
    "in a text cell": (1, {"metadata": {"hidden": True}}),
    **{
        f"notebook {key}": (0, {key: {"name": "x"}})
        for key in ("widgets", "language_info", "keep_output", "title")
    },
}
MARKS: dict[str, tuple[int, dict[str, object]]] = {
    "papermill's": (3, {"metadata": {"papermill": {}}}),
    "JupyterLab's view": (3, {"metadata": {"jupyter": {"outputs_hidden": True}}}),
    "VS Code's cell": (3, {"metadata": {"vscode": {"languageId": "python"}}}),
    "PyCharm's cell": (3, {"metadata": {"pycharm": {"name": "#%%\n"}}}),
    "Colab's cell": (1, {"metadata": {"id": "x", "colab_type": "text"}}),
    "Databricks' cell": (3, {"metadata": {"application/vnd.databricks.v1+cell": {}}}),
    **{
        f"notebook {key}": (0, {key: {"name": "x"}})
        for key in ("signature", "papermill", "toc", "vscode", "interpreter", "colab")
    },
    **{
        f"kernel {name}, {shown}": (
            0,
            {"kernelspec": {"name": name, "display_name": shown, "language": "python"}},
        )
        for name, shown in (
            ("python3", "Python 3 (ipykernel)"),
            ("python3", ".venv (3.11.7)"),
            ("python3711jvsc74a57bd0aee8b7b246df8f9039afb4144a1f6fd8d2ca17a180786b69acc140d2", "x"),
        )
    },
}
"""What an editor or another tool leaves that nbstripout does not know."""


def _is_stripped(tidy: Tidy, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Tell whether nbstripout would change the notebook."""
    words = ["nbstripout", "--verify", "--keep-id", "--extra-keys", "metadata.language_info"]
    monkeypatch.setattr(sys, "argv", [*words, str(tidy.root / NOTEBOOK)])
    for stream in ("stdin", "stdout"):  # it closes them
        monkeypatch.setattr(sys, stream, io.TextIOWrapper(io.BytesIO()))
    try:
        return bool(nbstripout())
    except SystemExit as end:
        return bool(end.code)


@pytest.mark.parametrize("kind", VOLATILE)
def test_a_notebook_is_unclean_where_nbstripout_would_change_it(
    tidy: Tidy, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, changes = VOLATILE[kind]
    tidy.spoil(number, **changes)
    changed = _is_stripped(tidy, monkeypatch)
    assert ("[notebook-outputs]" in tidy.check("notebook-outputs")) == changed
    tidy.run("fix")
    assert not _is_stripped(tidy, monkeypatch)


@pytest.mark.parametrize("kind", MARKS)
def test_the_mark_of_an_editor_is_found_and_fixed(tidy: Tidy, kind: str) -> None:
    before = json.loads((tidy.root / NOTEBOOK).read_text("utf-8"))
    number, changes = MARKS[kind]
    tidy.spoil(number, **changes)
    assert "[notebook-outputs]" in tidy.check("notebook-outputs")
    tidy.run("fix")
    assert tidy.check().endswith(" passed.\n")
    after = json.loads((tidy.root / NOTEBOOK).read_text("utf-8"))
    assert after == before


def test_a_kernel_of_another_language_keeps_its_name(tidy: Tidy) -> None:
    tidy.spoil(0, kernelspec={"name": "ir", "display_name": "R 4.4", "language": "R"})
    assert tidy.check("notebook-outputs").endswith(" passed.\n")


def test_scratch_has_no_rules_but_the_one_on_large_outputs(tidy: Tidy) -> None:
    wild = cell("def f():\n    !ls /home/me/x") | {"outputs": [PRINTED], "execution_count": 3}
    tidy.write("notebooks/scratch/wild.ipynb", notebook(wild))
    tidy.add()
    assert tidy.check().endswith(" passed.\n")


# Cells


@pytest.mark.parametrize(
    "text",
    ["/home/me/x", "/data/a b/x.csv", "/flights.csv", "~/x", "~me/x", "C:\\x", "D:/x", "file:///x"],
)
def test_a_path_of_one_machine_is_absolute(text: str) -> None:
    assert ABSOLUTE.fullmatch(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "~",
            "~ 5 %",
            "C:",
            "1/2",
            "/ 100 / 2",
            "s3://a/b",
            "(/a/b)",
            "$\\frac{a}{b}$",
            "\\alpha",
        ),
        *("/", "/month", " / ", "km/h", "a/b.csv", "https://x.org/a/b", "//div/span", "/ per hour"),
    ],
)
def test_a_text_that_is_no_path_of_one_machine_is_not_absolute(text: str) -> None:
    assert not ABSOLUTE.fullmatch(text)


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("base + '/api/v1'", 0),
        ("f'{base}/api/v1'", 0),
        ("f'/home/me/{name}'", 1),
        ("'/home/me' + name", 1),
        ("open('/home/me/x')", 1),
        ("'''/home/me'''", 0),
    ],
)
def test_only_a_text_that_nothing_stands_before_is_a_path(
    tmp_path: Path, code: str, count: int
) -> None:
    (tmp_path / "x.ipynb").write_text(notebook(cell(code)))
    tree = notebook_ast.read(tmp_path / "x.ipynb", "x").cells[0].tree
    texts = [str(node.value) for node in _complete_strings(tree)]
    assert sum(text.startswith("/home") or text == "/api/v1" for text in texts) == count


MAGICS = {
    "%time x = 1": [1],
    "!ls": [1],
    "files = !ls": [1],
    "x = %who": [1],
    "frame.head?": [1],
    "?frame": [1],
    "%%bash\nls | wc": [1],
    "%%time\nx = (1 +\n     2)": [1],
    "x = (7\n     %3)": [],
    '"""\n%time\n"""': [],
    "x = 1  # what?": [],
    "if x:\n    %time y = 1\n    z = 2": [2],
    "/print x": [1],
    "    x = 1\n    y = 2": [],
}


@pytest.mark.parametrize("code", MAGICS)
def test_a_magic_is_what_python_cannot_read_and_ipython_can(tmp_path: Path, code: str) -> None:
    (tmp_path / "x.ipynb").write_text(notebook(cell(code)))
    parsed = notebook_ast.read(tmp_path / "x.ipynb", "x").cells[0]
    assert parsed.magics == MAGICS[code]
    assert not isinstance(parsed.parsed, SyntaxError)


def test_a_notebook_of_another_language_has_no_rules_on_its_code(tidy: Tidy) -> None:
    content = json.loads(notebook(cell("x <- function() 1", "parameters")))
    content["metadata"]["kernelspec"] = {"name": "ir", "language": "R"}
    (tidy.root / NOTEBOOK).write_text(json.dumps(content))
    assert "[cell-" not in tidy.check()


def test_the_parameters_cell_may_be_long_and_blank_lines_do_not_count(tidy: Tidy) -> None:
    extra = "".join(f"\np{number} = {number}" for number in range(10))
    tidy.code("\n\n".join(f"a{number} = 1" for number in range(10)), defaults=DEFAULTS + extra)
    assert tidy.check("cell-length").endswith(" passed.\n")


# Parameters

INVALID = {
    "unknown": (("params.yaml", "seed: 7", "sead: 7"), "params.yaml:1", "Did you mean seed?"),
    "missing": (("params.yaml", "  rate: 0.5\n", ""), "params.yaml:4", "train.rate of stage"),
    "range": (("params.yaml", "max_iter: 20", "max_iter: 0"), "params.yaml:5", "max_iter is 0"),
    "no YAML": (("params.yaml", "rate: 0.5", "rate: [0.5"), "params.yaml:7", "expected"),
    "a date": (("params.yaml", "first", "2013-09-01"), "params.yaml:7", "train.name is a date"),
    "a name": (("dvc.yaml", "- train\n", "- train.rtae\n"), "dvc.yaml:15", "Did you mean rate?"),
    "twice": (("dvc.yaml", "- train\n", "- train\n      - seed\n"), "dvc.yaml:13", "two places"),
    "too few": (("dvc.yaml", "      - seed\n", ""), "dvc.yaml:12", "does not list seed"),
}


@pytest.mark.parametrize("kind", INVALID)
def test_a_parameter_error_is_reported_once_and_in_its_line(tidy: Tidy, kind: str) -> None:
    change, place, message = INVALID[kind]
    tidy.replace(*change)
    printed = tidy.check()
    assert printed.startswith(f"{place}: ")
    assert message in printed
    assert printed.count("Next: ") == 1


@pytest.mark.parametrize("message", ["rate and train.name need {}", "train.rate < train.max_iter"])
def test_a_rule_of_the_model_on_several_values_is_reported_at_the_one_that_it_names(
    tidy: Tidy, message: str
) -> None:
    rule = (
        '\n    @model_validator(mode="after")\n    def rule(self) -> "Params":\n'
        f"        raise ValueError({message!r})\n"
    )
    path = tidy.root / "src/mini/params.py"
    imported = path.read_text().replace("import BaseModel,", "import model_validator, BaseModel,")
    path.write_text(imported + rule)
    printed = tidy.check("params-yaml")
    line = 7 if "train.name" in message.partition("<")[0] else 6
    assert printed.startswith(f"params.yaml:{line}: params.yaml cannot be used: {message}.")
    assert "Next: correct it; the rule is in src/mini/params.py\n" in printed


def test_a_block_that_the_notebook_does_not_use_is_reported_at_its_line(tidy: Tidy) -> None:
    tidy.code(defaults="max_iter = 1\nrate = 0.1\nname = ''")
    printed = tidy.check()
    assert printed.startswith("dvc.yaml:13: ")
    assert "stage train lists seed, but its notebook uses no value of it" in printed


def test_a_misspelt_name_is_one_mistake(tidy: Tidy) -> None:
    tidy.code(defaults=DEFAULTS.replace("max_iter", "max_itr"))
    printed = tidy.check()
    assert printed.startswith("params.yaml:5: ")
    assert "has no such name. Did you mean max_itr?" in printed
    assert printed.endswith("\n1 finding\n")


def test_a_cached_metric_that_git_tracks_belongs_to_git(tidy: Tidy) -> None:
    tidy.write("metrics/train.json", "{}")
    tidy.add()
    tidy.replace("dvc.yaml", "cache: false", "cache: true")
    assert re.findall(r"\[(\S+)\]$", tidy.check(), re.M) == ["cached-metrics"]


def test_a_matrix_s_own_names_are_parameters_too(tidy: Tidy) -> None:
    tidy.replace("dvc.yaml", "  train:\n", "  train:\n    matrix: {month: [1, 2]}\n")
    assert "given month, but the parameters cell" in tidy.check("parameters-agree")
    tidy.code(defaults=f"{DEFAULTS}\nmonth = 1")
    assert tidy.check("parameters-agree").endswith(" passed.\n")


# Imports

MODULES = {
    "own/__init__.py": '"""Only words."""\n',
    "own/a.py": "from own import b\nfrom . import c\nimport numpy\n",
    "own/b.py": "import typing\nif typing.TYPE_CHECKING:\n    from own import e\n",
    "own/c.py": "def late():\n    from .sub import deep\n",
    "own/e.py": "from own import a\n",
    "own/sub/__init__.py": "from own.sub.deep import value\n",
    "own/sub/deep.py": "from ..b import x\n",
    "single.py": "import single\n",
}


@pytest.mark.parametrize(
    ("code", "files"),
    [
        ("import pandas", set()),
        ("import single", {"single.py"}),
        (
            "from own import e as other",
            {
                "own/e.py",
                *(deep := {"own/a.py", "own/b.py", "own/c.py"}),
                *(package := {"own/sub/__init__.py", "own/sub/deep.py"}),
            },
        ),
        ("import own.a", deep | package),
        ("from own.b import anything", {"own/b.py"}),
        ("from own.sub import value", package | {"own/b.py"}),
        ("from own import *", set()),
        ("from headrace.errors import nearest", set()),
        ("def f():\n    import single", {"single.py"}),
    ],
)
def test_what_is_imported_counts_with_all_that_it_imports(
    tmp_path: Path, code: str, files: set[str]
) -> None:
    for name, text in MODULES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "x.ipynb").write_text(notebook(cell(code)))
    tree = notebook_ast.read(tmp_path / "x.ipynb", "x").cells[0].tree
    assert set(Graph(tmp_path, tmp_path).files(tree)) == files


def test_an_indirect_import_is_reported_with_its_chain(tidy: Tidy) -> None:
    tidy.write("src/mini/model.py", "from mini import a\n\nfit = a.fit\n")
    tidy.write("src/mini/a.py", "from mini.b import fit\n")
    tidy.write("src/mini/b.py", "fit = len\n")
    printed = tidy.check()
    assert (
        f"{NOTEBOOK} imports mini.model, which imports mini.a, which imports mini.b, but" in printed
    )
    assert "3 findings" not in printed


# Reads and writes

PATHS = ModuleType("own.paths")
MENTIONS = {
    "from own import paths\ndata.read(paths.table)": [("data/table.csv", "reads")],
    "import own.paths as p\ndata.write(x, p.table)": [("data/table.csv", "writes")],
    "import own.paths\nown.paths.table.exists()": [("data/table.csv", "reads")],
    "from own.paths import table as t\nopen(t)": [("data/table.csv", "reads")],
    "from own import paths\nopen(paths.table, 'w')": [("data/table.csv", "writes")],
    "from own import paths\npaths.table.open(mode='wb')": [("data/table.csv", "writes")],
    "from own import paths\nfor t in [paths.table]:\n    f(t)": [("data/table.csv", "names")],
    "from own import paths\nx.to_csv(paths.folder / 'x.csv')": [("data/x.csv", "writes")],
    "from own import paths\nx.to_csv(paths.folder / name)": [("data", "names")],
    "from own import paths\nf(paths.table.parent)": [("data", "names")],
    "from own import paths\nf(paths.away('x'), paths.nosuch)": [],
    "from own import paths\nwrite(read(paths.table), paths.folder)": [
        ("data/table.csv", "reads"),
        ("data", "writes"),
    ],
    "pd.read_csv('data/x.csv')": [("data/x.csv", "reads")],
    "pd.read_csv('x.csv', sep=';')": [("x.csv", "reads")],
    "x.to_parquet(path='data/x.parquet')": [("data/x.parquet", "writes")],
    "joblib.dump(model, 'models/m.pkl')": [("models/m.pkl", "writes")],
    "f('data/here.csv')": [("data/here.csv", "names")],
    "Path('data/here.csv').read_text()": [("data/here.csv", "reads")],
    "f('made.bin')": [("made.bin", "names")],
    "read('made')": [("made", "reads")],
    "table['made']": [],
    "read('https://x.org/x.csv')": [],
    "x.to_period('M')": [],
    "pd.to_datetime('2013.01')": [],
    "x.to('cuda')": [],
    "f('x.csv')": [],
    "data.source_table('flights.csv.zip')": [],
    "open(f'data/{name}.csv')": [],
    "x = 'a sentence. With words'": [],
    f"x = 'a sentence. {'Words ' * 60}end'": [],
    "open('started', 'w')": [],
}


@pytest.mark.parametrize("code", MENTIONS)
def test_a_file_is_named_by_the_paths_module_or_a_literal(tmp_path: Path, code: str) -> None:
    PATHS.table, PATHS.folder = tmp_path / "data/table.csv", tmp_path / "data"  # type: ignore[attr-defined]
    (tmp_path / "data").mkdir()
    (tmp_path / "data/here.csv").touch()
    (tmp_path / "x.ipynb").write_text(notebook(cell(code)))
    used = uses(
        notebook_ast.read(tmp_path / "x.ipynb", "x"), Files(tmp_path, PATHS, {"made.bin", "made"})
    )
    assert [(use.path, use.verb) for use in used] == MENTIONS[code]


def test_a_folder_of_outs_may_be_named_and_one_s_own_out_read(tidy: Tidy) -> None:
    tidy.code("paths.folder.exists()", "paths.model.read_text()\nprint(paths.root)")
    assert tidy.check().endswith(" passed.\n")


def test_writing_a_file_that_is_only_a_dep_is_reported(tidy: Tidy) -> None:
    tidy.code("paths.table.write_text('')")
    assert "writes data/table.csv, which is not among its outs" in tidy.check()


def test_a_file_that_is_written_and_then_read_is_reported_once(tidy: Tidy) -> None:
    tidy.code("paths.other.write_text('')", "paths.other.read_text()")
    printed = tidy.check()
    assert "[undeclared-write]\n" in printed
    assert "1 finding\n" in printed


def test_a_file_with_an_unclear_use_is_left_to_the_user_unless_git_tracks_it(
    tidy: Tidy,
) -> None:
    tidy.write("data/other.csv", "a\n")
    tidy.code("print(paths.other)")
    printed = tidy.check()
    assert "Stage train names data/other.csv, which is neither a dep nor an out" in printed
    assert "make fix" not in printed
    bake.run(tidy.root, "git", "add", "--force", "data/other.csv")
    assert "make fix (it adds data/other.csv" in tidy.check()


def test_without_a_paths_module_only_literals_are_looked_at(tidy: Tidy) -> None:
    tidy.replace("pyproject.toml", 'paths = "mini.paths"\n', "")
    tidy.code("paths.other.write_text('')", "open('data/other.csv')")
    printed = tidy.check()
    assert "[undeclared-read]" in printed
    assert "[undeclared-write]" not in printed


@pytest.mark.parametrize(
    ("dep", "path", "covered"),
    [
        ("data/x.csv", "data/x.csv", True),
        ("data", "data/x.csv", True),
        ("dat", "data/x.csv", False),
        ("./data/", "data/x.csv", True),
        ("data/*.csv", "data/6.csv", False),
        ("data/[1].csv", "data/1.csv", False),
        ("data/[1].csv", "data/[1].csv", True),
    ],
)
def test_a_dep_covers_itself_and_what_lies_in_it(dep: str, path: str, covered: bool) -> None:
    entry = Stage("x", {"deps": [dep]}).deps[0]
    assert entry.covers(path) == covered


def test_a_stage_s_own_folder_is_where_its_paths_begin() -> None:
    stage = Stage("x", {"wdir": "sub", "deps": ["a", "../b", {"c": None}, "s3://d"]})
    assert [dep.path for dep in stage.deps] == ["sub/a", "b", "sub/c", "s3://d"]


# git and secrets


def test_a_file_that_dvc_added_and_git_tracks_is_reported(tidy: Tidy) -> None:
    tidy.write("raw.csv.dvc", "outs:\n- path: raw.csv\n")
    tidy.write("raw.csv", "a\n")
    tidy.add()
    assert tidy.check().startswith("raw.csv.dvc: raw.csv is an output that DVC keeps")


SECRETS = {
    "a key of AWS": "AKIA" + "IOSFODNN7EXAMPLE",
    "a private key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "a token of GitHub": "ghp_" + "a1B2" * 9,
    "a password in an address": "https://me:hunter2" + "@example.org",  # pragma: allowlist secret
}


@pytest.mark.parametrize("kind", SECRETS)
def test_a_secret_is_reported_by_place_and_kind_and_never_shown(tidy: Tidy, kind: str) -> None:
    tidy.write("notes.md", f"# Notes\n\nkey: {SECRETS[kind]}\n")
    tidy.add()
    for _ in range(2):  # what is not clean is not remembered as clean
        printed = tidy.check("secret")
        assert printed.startswith("notes.md:3: Possible secret (")
        assert SECRETS[kind] not in printed


@pytest.mark.parametrize(
    "text",
    ["{}  # pragma: allowlist secret", "# pragma: allowlist nextline secret\n{}"],
)
def test_a_secret_that_a_comment_allows_is_not_reported(tidy: Tidy, text: str) -> None:
    tidy.write("notes.py", text.format(SECRETS["a key of AWS"]) + "\n")
    tidy.add()
    assert tidy.check().endswith(" passed.\n")


def test_only_what_git_tracks_is_looked_through_for_secrets(tidy: Tidy) -> None:
    tidy.write("notes.py", SECRETS["a key of AWS"])
    assert tidy.check().endswith(" passed.\n")


# dvc.lock


def test_a_stage_that_was_never_run_is_behind_where_others_were(tidy: Tidy) -> None:
    tidy.lock()
    content = json.loads((tidy.root / "dvc.lock").read_text())
    content["stages"] = {"other@1": content["stages"].pop("train")}
    (tidy.root / "dvc.lock").write_text(json.dumps(content))
    assert "dvc.yaml:3: Stage train is behind: dvc.lock has no record of it." in tidy.check()


def test_an_output_of_another_commit_is_brought_back_by_dvc_checkout(tidy: Tidy) -> None:
    tidy.lock()
    (tidy.root / "runs/train.ipynb").write_text("{}", "utf-8")
    message = tidy.check("lock-behind")
    assert "Stage train is behind: runs/train.ipynb changed" in message
    assert "Next: dvc checkout, which brings what dvc.lock records; or make repro" in message


def test_the_members_of_a_matrix_are_compared_by_their_own_records(tidy: Tidy) -> None:
    tidy.lock()
    content = json.loads((tidy.root / "dvc.lock").read_text())
    record = content["stages"].pop("train")
    content["stages"] = {"train@1": record, "train@2": record}
    (tidy.root / "dvc.lock").write_text(json.dumps(content))
    tidy.replace("dvc.yaml", "  train:\n", "  train:\n    matrix: {month: [1, 2]}\n")
    assert tidy.check("lock-behind").endswith(" passed.\n")
    tidy.write("src/mini/model.py", "x = 1\n")
    assert tidy.check("lock-behind").count("src/mini/model.py changed") == 2


def test_a_large_file_that_was_changed_with_its_size_and_times_kept_is_noticed(
    tidy: Tidy, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time_ns  # for the memory of hashes, two seconds have passed
    monkeypatch.setattr(hash_cache.time, "time_ns", lambda: now() + 2 * 10**9)
    tidy.write("data/table.csv", "x" * 2**20)
    tidy.lock()
    assert tidy.check().endswith(" passed.\n")
    path = tidy.root / "data/table.csv"
    assert str(path) in (tidy.root / ".headrace/hashes.json").read_text()
    status = path.stat()
    with path.open("r+b") as file:
        file.write(b"y")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert "data/table.csv changed" in tidy.check("lock-behind")


def _set_old_time(path: Path) -> None:
    os.utime(path, (0, 0))


def test_a_file_that_dvc_takes_for_the_old_one_is_touched_before_a_run(tidy: Tidy) -> None:
    tidy.lock()
    tidy.write("src/mini/model.py", "x = 1\n")
    _set_old_time(tidy.root / "src/mini/model.py")
    assert "Next: touch src/mini/model.py, then make repro" in tidy.check("lock-behind")


def test_an_output_that_dvc_takes_for_the_recorded_one_is_removed_first(tidy: Tidy) -> None:
    tidy.lock()
    output = tidy.root / "models/model.bin"
    md5 = hashlib.md5(output.read_bytes()).hexdigest()
    kept = tidy.root / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
    tidy.write(str(kept.relative_to(tidy.root)), output.read_text())
    tidy.write("models/model.bin", "other")
    assert "Next: dvc checkout, which brings" in tidy.check("lock-behind")
    _set_old_time(output)
    step = "Next: rm -f models/model.bin && dvc checkout models/model.bin, then make repro"
    assert step in tidy.check("lock-behind")
    kept.write_text("other")
    name = kept.relative_to(tidy.root)
    step = f"Next: rm -f models/model.bin {name} && dvc repro train, then make repro"
    assert step in tidy.check("lock-behind")


def _run_with(tidy: Tidy, source: str) -> None:
    """Have the stage's run be one with these parameters, as dvc.lock has it."""
    tidy.lock(notebook(cell(DEFAULTS, "parameters"), cell(source, "injected-parameters")))


def test_a_run_with_other_parameters_than_recorded_is_found(tidy: Tidy) -> None:
    _run_with(tidy, "# Parameters\nseed = 7\nmax_iter = 20\nrate = 0.5\nname = 'first'\n")
    assert tidy.check("run-parameters").endswith(" passed.\n")
    _run_with(tidy, "# Parameters\nseed = 7\nmax_iter = 600\nrate = 0.5\nname = 'first'\n")
    message = tidy.check("run-parameters")
    assert "dvc.lock records: max_iter was 600, and 20 is recorded. [run-parameters]" in message
    assert "Next: dvc repro --force train" in message
    entry = ".dvc/cache/runs/ab/abc/def"
    tidy.write(entry, (tidy.root / "dvc.lock").read_text())
    assert f"Next: rm -f {entry} && dvc repro --force train" in tidy.check("run-parameters")


LISTED = "      - seed\n      - compute\n      - train\n"
FIRST = "max_iter = 20\nrate = 0.5\nname = 'first'\n"
FILE = {"seed": 7, "train": {"max_iter": 20, "rate": 0.5, "name": "first"}}
HONEST = {
    "a block, and a whole file that has one of its names too": (
        "[seed, train, {conf.yaml: }]",
        {"params.yaml": FILE, "conf.yaml": {"max_iter": 99}},
    ),
    "a whole file with a name at its top and in a block": (
        "[{params.yaml: }]",
        {"params.yaml": FILE | {"evaluate": {"seed": 2}}},
    ),
    "single names of two blocks": (
        "[seed, train.max_iter, {conf.yaml: [a.b.rate]}]",
        {"params.yaml": {"seed": 7, "train.max_iter": 20}, "conf.yaml": {"a.b.rate": 0.5}},
    ),
    "an axis with the name of a key in a whole file": (
        "[train, {conf.yaml: }]\n    matrix: {seed: [7]}",
        {"params.yaml": {"train": FILE["train"]}, "conf.yaml": {"seed": 2}},
    ),
}


@pytest.mark.parametrize("form", HONEST)
def test_what_a_stage_was_given_is_read_from_a_record_as_from_files(tidy: Tidy, form: str) -> None:
    listed, recorded = HONEST[form]
    member = "train@7" if "matrix" in listed else "train"
    tidy.replace("dvc.yaml", f"params:\n{LISTED}", f"params: {listed}\n")
    tidy.replace("dvc.yaml", "runs/train.ipynb", f"runs/{member.replace('@', '-')}.ipynb")
    _record(tidy, member, f"seed = 7\n{FIRST}", params=recorded)
    assert tidy.check("run-parameters").endswith(" passed.\n")
    _record(tidy, member, f"seed = 7\n{FIRST.replace('20', '600')}", params=recorded)
    message = "max_iter was 600, and 20 is recorded. [run-parameters]"
    assert message in tidy.check("run-parameters")


def _record(tidy: Tidy, member: str, source: str, **changes: object) -> None:
    """Have the run of a member be one with these parameters, and its record hold these changes."""
    _run_with(tidy, source)
    run = f"runs/{member.replace('@', '-')}.ipynb"
    (tidy.root / "runs/train.ipynb").rename(tidy.root / run)
    tidy.replace("dvc.lock", "runs/train.ipynb", run)
    lock = json.loads((tidy.root / "dvc.lock").read_text())
    lock["stages"] = {member: lock["stages"]["train"] | changes}
    tidy.write("dvc.lock", json.dumps(lock))


MEMBERS = {
    "a foreach": ("foreach: {a: {lr: 0.1, n: 2}}", "item = {'n': 2, 'lr': 0.1}\n", "train@a"),
    "a foreach of vars": (
        "vars: [{all: {a: {lr: 0.1, n: 2}}}]\n    foreach: ${all}",
        "item = {'n': 2, 'lr': 0.1}\n",
        "train@a",
    ),
    "a matrix": ("matrix: {m: [{lr: 0.1, n: 2}]}", "m = {'n': 2, 'lr': 0.1}\n", "train@m0"),
}


@pytest.mark.parametrize("form", MEMBERS)
def test_a_member_s_values_that_dvc_does_not_record_are_compared_with_its_run(
    tidy: Tidy, form: str
) -> None:
    definition, source, member = MEMBERS[form]
    body = (tidy.root / "dvc.yaml").read_text().partition("  train:\n")[2]
    body = body.replace("runs/train.ipynb", f"runs/{member.replace('@', '-')}.ipynb")
    variables, _, definition = definition.rpartition("\n    ")
    if "foreach" in definition:
        body = f"    do:\n{textwrap.indent(body, '  ')}"
    text = f"{variables}\nstages:\n  train:\n    {definition}\n{body}"
    tidy.write("dvc.yaml", text)
    _record(tidy, member, f"seed = 7\n{FIRST}{source}")
    assert tidy.check("member-values").endswith(" passed.\n")
    tidy.replace("dvc.yaml", "lr: 0.1", "lr: 0.5")
    message = tidy.check("repro")
    assert f"Stage {member} ran with other values than dvc.yaml has, which DVC does" in message
    assert "{'lr': 0.5, 'n': 2}. [member-values]" in message
    assert f"Next: dvc repro --force {member}" in message
    tidy.write("src/mini/model.py", "x = 1\n")  # so that DVC runs it again
    assert tidy.check("member-values").endswith(" passed.\n")


def test_a_member_s_run_is_compared_where_it_is_not_among_the_outs(tidy: Tidy) -> None:
    run = "runs/train-m0.ipynb"
    tidy.replace("dvc.yaml", "  train:\n", "  train:\n    matrix: {m: [{lr: 0.1, n: 2}]}\n")
    _record(tidy, "train@m0", f"seed = 7\n{FIRST}m = {{'n': 2, 'lr': 0.1}}\n")
    tidy.replace("dvc.yaml", "      - runs/train.ipynb\n", "")
    lock = json.loads((tidy.root / "dvc.lock").read_text())
    outs = lock["stages"]["train@m0"]["outs"]
    lock["stages"]["train@m0"]["outs"] = [out for out in outs if out["path"] != run]
    entry = tidy.root / ".dvc/cache/runs/ab/abc/def"
    entry.parent.mkdir(parents=True)
    entry.write_text(json.dumps(lock["stages"]["train@m0"]))
    entry.with_name("other").write_text("outs: []")
    tidy.write("dvc.lock", json.dumps(lock))
    assert tidy.check("member-values", "run-parameters").endswith(" passed.\n")
    tidy.replace("dvc.yaml", "lr: 0.1", "lr: 0.5")
    message = tidy.check("repro")
    assert "Stage train@m0 ran with other values than dvc.yaml has" in message
    assert f"Next: rm -f {entry.relative_to(tidy.root)} && dvc repro --force train@m0" in message
    # A run of another record, as after a checkout, says nothing.
    tidy.replace("params.yaml", "max_iter: 20", "max_iter: 30")
    tidy.replace("dvc.lock", '"max_iter": 20', '"max_iter": 30')
    assert tidy.check("member-values", "run-parameters").endswith(" passed.\n")
    tidy.replace("dvc.yaml", "lr: 0.5", "lr: 0.1")
    (tidy.root / run).unlink()
    assert tidy.check("member-values").endswith(" passed.\n")


@pytest.mark.parametrize(
    ("requirement", "is_found"),
    [
        ("lightgbm", True),
        ("lightgbm>=4 ; python_version >= '3.12'", True),
        ("importlib-metadata ; python_version < '3.9'", False),
        ("Numpy>=1", False),
        ("ours @ git+https://example.org/ours", False),
        ("mini[lab]", False),
    ],
)
def test_a_package_is_unlocked_only_where_setup_would_want_it(
    tidy: Tidy, requirement: str, is_found: bool
) -> None:
    tidy.write("requirements.lock", "numpy==2.4.1\nours @ git+https://example.org/ours@1\n")
    own = f'[project]\nname = "mini"\ndependencies = ["{requirement}"]\n\n'
    settings = (tidy.root / "pyproject.toml").read_text()
    tidy.write("pyproject.toml", own + settings[settings.index("[tool.headrace]") :])
    assert ("[unlocked-dependency]" in tidy.check("unlocked-dependency")) is is_found


@pytest.mark.parametrize(
    ("file", "listed", "added"),
    [
        ("dvc.yaml", "metrics/cost/*.json", ""),
        ("dvc.yaml", "metrics/cost/other.json", "metrics/cost/train.json"),
    ],
)
def test_a_cost_that_a_pattern_covers_is_registered(
    tidy: Tidy, file: str, listed: str, added: str
) -> None:
    text = (tidy.root / file).read_text()
    tidy.write(file, f"{text}\nmetrics:\n  - {listed}\n")
    found = tidy.check("unregistered-cost")
    assert (added in found) if added else found == "1 check passed.\n"
