"""`headrace run` executes a stage, and what it writes is whole, in normal form and complete."""

import json
import re
from collections.abc import Callable

import nbformat
import pexpect
import pytest
from mini_study import Mini

from lab import bake


def test_params_yaml_wins_over_the_defaults_in_value_and_type(mini: Mini) -> None:
    mini.replace("params.yaml", "name: first", 'name: "it\'s \\"é\\" {x}\\n\\\\"')
    mini.cells("print(repr((seed, max_iter, rate, name)))")
    assert mini.run().returncode == 0
    assert mini.printed() == repr((7, 20, 0.5, 'it\'s "é" {x}\n\\')) + "\n"


def test_a_whole_number_may_stand_for_a_fraction(mini: Mini) -> None:
    mini.replace("params.yaml", "rate: 0.5", "rate: 1")
    mini.cells("print(rate)")
    assert mini.run().returncode == 0
    assert mini.printed() == "1\n"


def test_the_same_inputs_give_the_same_bytes_in_two_folders(
    make_mini: Callable[[str], Mini],
) -> None:
    runs = []
    for name in ("one", "a folder/two"):
        project = make_mini(name)
        project.cells("class A: pass\nA()", "print(hash('x') != 0)", "import os\nlen(os.listdir())")
        zone = ("Asia/Tokyo", "America/New_York")[len(runs)]
        assert project.run(PYTHONHASHSEED=str(len(runs)), TZ=zone).returncode == 0
        runs.append((project.root / "runs/train.ipynb").read_bytes())
    assert runs[0] == runs[1]


def test_a_run_is_a_valid_notebook_without_times_or_paths(mini: Mini) -> None:
    assert mini.run().returncode == 0
    path = mini.root / "runs/train.ipynb"
    nbformat.validate(nbformat.read(path, as_version=4))
    text = path.read_text()
    assert [
        word for word in ("papermill", "start_time", "duration", str(mini.root)) if word in text
    ] == []


def test_the_source_notebook_is_left_as_it_was(mini: Mini) -> None:
    before = (mini.root / "notebooks/01_train.ipynb").read_bytes()
    assert mini.run().returncode == 0
    assert (mini.root / "notebooks/01_train.ipynb").read_bytes() == before


def test_a_stage_runs_from_any_folder_of_its_project(mini: Mini) -> None:
    mini.cells("import os\nprint(os.path.basename(os.getcwd()))")
    assert mini.run(folder="src/mini").returncode == 0
    assert mini.printed() == f"{mini.root.name}\n"


def test_a_clone_runs_its_own_code_and_not_the_original_s(make_mini: Callable[[str], Mini]) -> None:
    original, clone = make_mini("original"), make_mini("clone")
    for project, word in ((original, "original"), (clone, "clone")):
        project.write("src/mini/words.py", f'word = "{word}"\n')
        project.cells("from mini.words import word\nprint(word)")
    assert clone.run(PYTHONPATH=str(original.root / "src")).returncode == 0
    assert clone.printed() == "clone\n"


def test_threads_are_set_before_anything_is_imported(mini: Mini) -> None:
    mini.replace("params.yaml", "threads: 1", "threads: 3")
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "GOMP_SPINCOUNT")
    mini.cells(f"import os\nprint(*(os.environ[name] for name in {names}))")
    assert mini.run(OMP_NUM_THREADS="64").returncode == 0
    assert mini.printed() == "3 3 1000\n"


def test_a_single_value_of_compute_can_be_listed(mini: Mini) -> None:
    mini.replace("params.yaml", "threads: 1", "threads: 3")
    mini.replace("dvc.yaml", "- compute\n", "- compute.threads\n")
    mini.cells('import os\nprint(os.environ["OMP_NUM_THREADS"])')
    assert mini.run().returncode == 0
    assert mini.printed() == "3\n"


def test_what_a_user_s_ipython_starts_with_is_no_part_of_a_run(mini: Mini) -> None:
    mini.write("home/.ipython/profile_default/startup/00.py", "planted = 1\n")
    mini.cells("print('planted' in globals())")
    assert mini.run(HOME=str(mini.root / "home")).returncode == 0
    assert mini.printed() == "False\n"


def test_how_fast_a_cell_prints_does_not_change_its_run(mini: Mini) -> None:
    mini.cells("import sys, time\nfor i in range(5):\n    print(i, flush=True); time.sleep(0.05)")
    assert mini.run().returncode == 0
    cells = mini.result()["cells"]
    assert [len(cell.get("outputs", [])) for cell in cells][-1] == 1  # type: ignore[attr-defined]
    assert mini.printed() == "0\n1\n2\n3\n4\n"


def test_cells_without_an_id_get_the_same_one_every_time(mini: Mini) -> None:
    path = mini.root / "notebooks/01_train.ipynb"
    path.write_text(re.sub(r'"id": "c\d",', "", path.read_text()))
    runs = []
    for _ in range(2):
        assert mini.run().returncode == 0
        runs.append((mini.root / "runs/train.ipynb").read_bytes())
    assert runs[0] == runs[1]


def test_a_stage_that_lists_no_compute_runs_on_one_thread(mini: Mini) -> None:
    mini.replace("dvc.yaml", "      - compute\n", "")
    mini.cells('import os\nprint(os.environ["OMP_NUM_THREADS"])')
    assert mini.run().returncode == 0
    assert mini.printed() == "1\n"


def test_a_run_says_what_it_cost(mini: Mini) -> None:
    mini.cells("block = bytearray(300 * 1024**2)\nblock[::4096] = b'x' * len(block[::4096])")
    assert mini.run().returncode == 0
    cost = json.loads((mini.root / "metrics/cost/train.json").read_text())
    assert set(cost) >= {"wall_s", "cpu_s", "peak_rss_mib"}
    assert cost["wall_s"] > 0
    assert cost["peak_rss_mib"] > 300


def test_a_matrix_stage_takes_its_values_as_parameters(mini: Mini) -> None:
    mini.replace("dvc.yaml", "    params:", "    matrix:\n      month: [5, 6]\n    params:")
    mini.cells("print(month * 2)", defaults='seed=0\nmax_iter=1\nrate=0.1\nname=""\nmonth = 1')
    result = mini.run(DVC_STAGE="train@6")
    assert result.returncode == 0, result.stdout
    assert mini.printed("train-6") == "12\n"


def test_a_matrix_stage_without_its_key_is_refused(mini: Mini) -> None:
    mini.replace("dvc.yaml", "    params:", "    matrix:\n      month: [5, 6]\n    params:")
    result = mini.run()
    assert result.returncode == 1
    assert "Next: dvc repro with one of train@5, train@6" in result.stdout


FAILURES = {
    "an error": (
        "x = 1\ny = 1 / 0",
        "cell 4 of notebooks/01_train.ipynb, line 2:\n    y = 1 / 0\nZeroDiv",
    ),
    "an error in src": (
        "from mini import bad\nbad.fail()",
        "at src/mini/bad.py, line 2, in fail\nValueError",
    ),
    "no Python": ("x = = 1", "SyntaxError"),
    "an error of ours": (
        "from headrace.errors import DataError\nraise DataError('Mend it. Next: this')",
        "\nMend it. Next: this\n",
    ),
    "death": ("import os\nos._exit(3)", "The process died in it"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_cell_that_fails_is_named_and_the_notebook_is_kept(mini: Mini, failure: str) -> None:
    assert mini.run().returncode == 0
    before = (mini.root / "runs/train.ipynb").read_bytes()
    source, message = FAILURES[failure]
    mini.write("src/mini/bad.py", 'def fail() -> None:\n    raise ValueError("no")\n')
    mini.cells(source, "print('never')")
    result = mini.run()
    assert result.returncode == 1
    assert message in result.stdout
    assert "headrace debug train" in result.stdout
    assert "Traceback" not in result.stdout
    assert (mini.root / "runs/failed/train.ipynb").is_file()
    assert (mini.root / "runs/train.ipynb").read_bytes() == before


def test_a_failed_run_that_is_mended_leaves_nothing_behind(mini: Mini) -> None:
    mini.cells("1 / 0")
    assert mini.run().returncode == 1
    mini.cells("1 / 1")
    assert mini.run().returncode == 0
    assert not (mini.root / "runs/failed/train.ipynb").exists()


def test_debug_without_a_failed_run_says_so(mini: Mini) -> None:
    result = mini.run("debug", "train")
    assert result.returncode == 1
    assert "There is no failed run of train" in result.stdout


def test_text_that_utf_8_cannot_hold_is_kept(mini: Mini) -> None:
    mini.cells("print('a\\ud800b')\n'\\udcff'")
    result = mini.run()
    assert result.returncode == 0, result.stdout
    assert mini.printed() == "a\ud800b\n"


def test_a_terminal_shows_the_cell_that_is_running_and_is_left_clean(mini: Mini) -> None:
    mini.cells("import os, time\nwhile not os.path.exists('seen'): time.sleep(0.02)")
    terminal = pexpect.spawn(
        "headrace run train", cwd=mini.root, env=bake.environment(), encoding="utf-8", timeout=60
    )
    terminal.expect(r"  train  4/4  \d+ s  Train")
    mini.write("seen", "")
    rest = terminal.read()
    assert re.search(r"\r\x1b\[K  train: \d", rest)
    assert rest.endswith("\r\x1b[K")


def test_where_nobody_looks_progress_is_two_plain_lines(mini: Mini) -> None:
    printed = mini.run().stdout
    assert re.fullmatch(
        r"  train: notebooks/01_train.ipynb, 4 cells\n  train: [\d.]+ s, peak memory \d+ MiB\n",
        printed,
    )


def test_sync_copies_params_into_the_cell_and_keeps_its_comments(mini: Mini) -> None:
    notebook, step = mini.run("sync").stdout.splitlines()
    assert notebook == "notebooks/01_train.ipynb"
    assert step == "Next: dvc repro. No stage that is up to date has to run again for it"
    text = (mini.root / "notebooks/01_train.ipynb").read_text()
    assert "seed = 7  # seed" in text
    assert "name = 'first'" in text
    assert mini.run("sync").stdout == "nothing to change\n"


def test_schema_is_written_once(mini: Mini) -> None:
    assert mini.run("schema").stdout == "params.schema.json written\n"
    assert mini.run("schema").stdout == "params.schema.json is up to date\n"
    assert '"max_iter"' in (mini.root / "params.schema.json").read_text()


def test_an_error_within_a_cell_that_went_on_fails_the_stage(mini: Mini) -> None:
    mini.cells("get_ipython().run_cell('1 / 0')\nprint('went on')", "print('next')")
    result = mini.run()
    assert result.returncode == 1
    assert "failed in cell 4 of notebooks/01_train.ipynb" in result.stdout
    assert "ZeroDivisionError: division by zero" in result.stdout
    assert "next" in (mini.root / "runs/failed/train.ipynb").read_text()


def test_an_unknown_magic_is_named(mini: Mini) -> None:
    mini.cells("%nosuch")
    result = mini.run()
    assert result.returncode == 1
    assert "UsageError: Line magic function `%nosuch` not found." in result.stdout


def test_figures_are_shown_though_the_study_s_model_imports_matplotlib(mini: Mini) -> None:
    mini.replace("src/mini/params.py", "from pydantic", "import matplotlib.pyplot\nfrom pydantic")
    mini.cells("import matplotlib.pyplot as plt\nplt.figure(figsize=(1, 1)).add_subplot();")
    result = mini.run()
    assert result.returncode == 0, result.stdout
    assert "image/png" in (mini.root / "runs/train.ipynb").read_text()


UNEXPECTED = {
    "a loop that is stopped": "import asyncio\nasyncio.get_running_loop().stop()",
    "no stdout": "import sys\nsys.stdout = None\ndisplay(1)",
    "a display that is no text": "display({'text/plain': object()}, raw=True)",
    "a built-in name that is broken": "import builtins\nbuiltins.isinstance = None",
    "a library that is broken": "import json\njson.dumps = json.dump = None\n1",
}


@pytest.mark.parametrize("source", UNEXPECTED.values(), ids=UNEXPECTED)
def test_what_nobody_expects_is_a_message_and_keeps_the_notebook(mini: Mini, source: str) -> None:
    mini.cells("print('hours of work')", source, "await __import__('asyncio').sleep(0)")
    result = mini.run()
    assert result.returncode == 1
    assert "Stage train failed in cell" in result.stdout
    assert "headrace debug train" in result.stdout
    assert "Traceback" not in result.stdout
    assert "hours of work\\n" in (mini.root / "runs/failed/train.ipynb").read_text()
    assert not list((mini.root / "runs/.partial").glob("*"))


ODD_NOTEBOOKS = {
    "no tags": ('"metadata": {}', '"metadata": {"tags": null}', ""),
    "no kernel": ('"kernelspec": {', '"kernelspec": null, "other": {', ""),
    "an id that stands twice": ('"id": "c3"', '"id": "c2"', ""),
    "a source that is a number": (
        '"source": "print(max_iter)"',
        '"source": 3',
        "is 3 and not text",
    ),
    "a kernel that is not there": (
        '"python3"',
        '"conda-base-py"',
        "names the kernel conda-base-py",
    ),
}


@pytest.mark.parametrize("oddity", ODD_NOTEBOOKS)
def test_an_odd_notebook_runs_or_is_refused_with_a_message(mini: Mini, oddity: str) -> None:
    old, new, message = ODD_NOTEBOOKS[oddity]
    mini.replace("notebooks/01_train.ipynb", old, new)
    result = mini.run()
    assert "Traceback" not in result.stdout
    assert "Warning" not in result.stdout
    assert result.returncode == (1 if message else 0), result.stdout
    assert message in result.stdout
