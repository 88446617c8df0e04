"""The engine: in this process, the same again, and safe when it ends before its time."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import nbformat
import pytest
from mini_study import Mini, cell, notebook

from headrace.execution import sandbox
from lab import bake

V4 = nbformat.v4


def _run(folder: Path, *sources: str, tags: str = "", **rules: Any) -> tuple[Any, int | None]:
    """Run cells in a process of their own; return their outputs, and where the run stopped."""
    node = V4.new_notebook(
        cells=[V4.new_code_cell(source, metadata={"tags": tags.split()}) for source in sources]
    )
    (folder / "in.ipynb").write_text(nbformat.writes(node))
    program = f"""
        import nbformat
        from headrace.execution import in_process_executor as executor
        node = nbformat.read("in.ipynb", as_version=4)
        stopped = executor.run(node, executor.Rules(**{rules!r}))
        print(stopped)
        nbformat.write(node, "out.ipynb")
    """
    environment = bake.environment()
    printed = bake.run(
        folder, sys.executable, "-c", textwrap.dedent(program), env=environment
    ).stdout
    cells = json.loads((folder / "out.ipynb").read_text())["cells"]
    return [cell["outputs"] for cell in cells], None if "None" in printed else int(printed)


def _text(outputs: list[dict[str, Any]], name: str = "stdout") -> str:
    return "".join("".join(o["text"]) for o in outputs if o.get("name") == name)


BEYOND_PYTHON = {
    "a child process": "import subprocess\n_ = subprocess.run(['echo', 'there'])",
    "the system": "import os\n_ = os.system('echo there')",
    "a descriptor": "import os\n_ = os.write(1, b'there\\n')",
    "C's own buffer": "import ctypes\n_ = ctypes.CDLL(None).puts(b'there')",
    "a thread": (
        "import threading\nx = threading.Thread(target=print, args=('there',)); x.start(); x.join()"
    ),
    "a forked child": (
        "import multiprocessing as mp\n"
        "x = mp.get_context('fork').Process(target=print, args=('there',)); x.start(); x.join()"
    ),
}


@pytest.mark.parametrize("writer", BEYOND_PYTHON)
def test_what_is_written_past_python_lands_in_its_cell_and_in_order(
    tmp_path: Path, writer: str
) -> None:
    source = f"print('before')\n{BEYOND_PYTHON[writer]}"
    after = "" if writer == "C's own buffer" else "\nprint('after')"
    (first, second), stopped = _run(tmp_path, source + after, "print('next')")
    assert stopped is None
    assert _text(first) == "before\nthere\n" + ("after\n" if after else "")
    assert _text(second) == "next\n"


def test_a_background_child_that_keeps_the_output_open_holds_nothing_up(tmp_path: Path) -> None:
    source = "import subprocess\nchild = subprocess.Popen(['sleep', '600'])\nprint(child.pid)"
    (outputs,), stopped = _run(tmp_path, source)
    os.kill(int(_text(outputs)), signal.SIGKILL)
    assert stopped is None


@pytest.mark.parametrize("source", ["raise SystemExit(0)", "import sys\nsys.exit()", "exit()"])
def test_asking_to_leave_fails_the_stage(mini: Mini, source: str) -> None:
    mini.cells(source, "print('never')")
    result = mini.run()
    assert result.returncode == 1
    assert "cell 4 of notebooks/01_train.ipynb" in result.stdout
    assert not (mini.root / "runs/train.ipynb").exists()


def test_a_cell_that_takes_too_long_stops_the_run(tmp_path: Path) -> None:
    sources = ["print('a')", "while True: pass", "print('never')"]
    outputs, stopped = _run(tmp_path, *sources, timeout=0.5, allow_errors=True)
    assert stopped == 1
    assert outputs[1][0]["ename"] == "CellTimeout"
    assert outputs[2] == []


def test_a_notebook_that_takes_too_long_stops_in_the_cell_that_is_running(tmp_path: Path) -> None:
    outputs, stopped = _run(tmp_path, "print('a')", "while True: pass", total=0.5, timeout=600)
    assert stopped == 1
    assert outputs[1][0]["ename"] == "CellTimeout"


@pytest.mark.parametrize("setting", ["cell_timeout", "notebook_timeout"])
def test_a_study_can_limit_its_cells_and_its_notebooks(mini: Mini, setting: str) -> None:
    mini.replace("pyproject.toml", "[tool.headrace]\n", f"[tool.headrace]\n{setting} = 0.5\n")
    mini.cells("while True: pass")
    result = mini.run()
    assert result.returncode == 1
    assert "the cell's or the notebook's time is up" in result.stdout
    mini.replace("pyproject.toml", f"{setting} = 0.5", f"{setting} = -1")
    assert f"{setting} is -1, not a number above 0" in mini.run().stdout


def test_errors_may_be_allowed_in_every_cell(tmp_path: Path) -> None:
    outputs, stopped = _run(tmp_path, "1 / 0", "print('on')", allow_errors=True)
    assert stopped is None
    assert _text(outputs[1]) == "on\n"


def test_a_child_of_a_cell_takes_signals_as_any_process_does(tmp_path: Path) -> None:
    source = (
        "import multiprocessing as mp, time\n"
        "child = mp.get_context('fork').Process(target=time.sleep, args=(600,))\n"
        "child.start(); time.sleep(0.2); child.terminate(); child.join()\nprint(child.exitcode)"
    )
    (outputs,), stopped = _run(tmp_path, source)
    assert stopped is None
    assert (_text(outputs), _text(outputs, "stderr")) == ("-15\n", "")


def test_a_child_of_a_cell_has_python_s_own_signal_handlers_from_its_first_line(
    tmp_path: Path,
) -> None:
    """A handler of ours could wait for ever in a lock, such as that of a pool which ends it."""
    source = (
        "import os, signal\n"
        "names = ('SIGINT', 'SIGTERM')\n"
        "handlers = lambda: [repr(signal.getsignal(getattr(signal, name))) for name in names]\n"
        "reading, writing = os.pipe()\n"
        "if os.fork() == 0: os.write(writing, str(handlers()).encode()); os._exit(0)\n"
        "os.wait(); print(os.read(reading, 999).decode())"
    )
    (outputs,), stopped = _run(tmp_path, source)
    assert stopped is None
    assert "default_int_handler" in _text(outputs)
    assert "Handlers.SIG_DFL" in _text(outputs)


FALLING_THROUGH = {
    "at its cell's end": "",
    "by an error": "if pid == 0: 1 / 0",
    "by leaving": "if pid == 0: raise SystemExit(3)",
    "in a cell that awaits": "await __import__('asyncio').sleep(0)",
}


@pytest.mark.parametrize("source", FALLING_THROUGH.values(), ids=FALLING_THROUGH)
def test_a_forked_child_that_falls_through_runs_nothing_further(mini: Mini, source: str) -> None:
    mini.cells(
        f"import os\npid = os.fork()\nif pid: os.waitpid(pid, 0)\n{source}",
        "with open('ran', 'a') as file: print(os.getpid(), file=file)",
    )
    result = mini.run()
    assert result.returncode == 0, result.stdout
    assert result.stdout.count("train: ") == 2
    assert len((mini.root / "ran").read_text().splitlines()) == 1


def test_a_process_can_run_one_notebook_after_another(tmp_path: Path) -> None:
    source = "import numpy, subprocess, sys\nprint(numpy.arange(3))"
    program = f"""
        import nbformat
        from headrace.execution import in_process_executor as executor
        for _ in range(2):
            node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell({source!r})])
            assert executor.run(node) is None, node.cells[0].outputs
            print(node.cells[0].outputs[0].text, end="")
    """
    words = [sys.executable, "-c", textwrap.dedent(program)]
    assert bake.run(tmp_path, *words, env=bake.environment()).stdout == "[0 1 2]\n" * 2


def test_what_a_task_prints_after_its_cell_is_added_and_replaces_nothing(tmp_path: Path) -> None:
    source = (
        "import asyncio\nasync def f(): print('later')\nt = asyncio.create_task(f())\nprint('a')"
    )
    (first, _), stopped = _run(tmp_path, source, "1")
    assert stopped is None
    assert _text(first) == "a\nlater\n"


def _papermill(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ["papermill", "in.ipynb", "out.ipynb", "--no-progress-bar", *words]
    return bake.run(folder, *command, check=False, env=bake.environment(**environment))


def test_papermill_s_own_command_gives_the_same_outputs(tmp_path: Path, mini: Mini) -> None:
    mini.cells("print(max_iter)\nmax_iter")
    assert mini.run().returncode == 0
    text = (mini.root / "notebooks/01_train.ipynb").read_text()
    folder = tmp_path / "door"
    folder.mkdir()
    (folder / "in.ipynb").write_text(text)
    result = _papermill(folder, "--engine", "headrace", "-p", "max_iter", "20")
    assert result.returncode == 0, result.stdout
    outputs = json.loads((folder / "out.ipynb").read_text())["cells"][-1]["outputs"]
    assert outputs == mini.result()["cells"][-1]["outputs"]  # type: ignore[index]


@pytest.mark.parametrize("source", ["1 / 0", "raise SystemExit(0)"])
def test_papermill_s_own_command_fails_where_a_cell_does(tmp_path: Path, source: str) -> None:
    (tmp_path / "in.ipynb").write_text(notebook(cell("print('a')"), cell(source), cell("2")))
    result = _papermill(tmp_path, "--engine", "headrace")
    assert result.returncode == 1
    assert "PapermillExecutionError" in result.stdout
    assert "print('a')" in (tmp_path / "out.ipynb").read_text()


BY_PAPERMILL = {
    "leaving without a word": ("import os; os._exit(0)", 1, "A cell left by os._exit(0)."),
    "death": ("import os; os.kill(os.getpid(), 9)", -9, ""),
    "an unknown magic": ("%nosuch", 1, "Line magic function `%nosuch` not found"),
    "text that UTF-8 cannot hold": ("print('\\ud800')", 0, ""),
    "no heed of a time limit": (
        "import time\nwhile True:\n    try: time.sleep(1)\n    except: pass",
        1,
        "Cell 2 did not end: its time is up.",
    ),
}


@pytest.mark.parametrize("name", BY_PAPERMILL)
def test_by_papermill_s_command_nothing_ends_in_silence_or_loses_outputs(
    tmp_path: Path, name: str
) -> None:
    source, code, message = BY_PAPERMILL[name]
    (tmp_path / "in.ipynb").write_text(notebook(cell("print('before')"), cell(source)))
    result = _papermill(tmp_path, "--engine", "headrace", "--execution-timeout", "2")
    assert result.returncode == code, result.stdout
    assert message in result.stdout
    assert "before\\n" in (tmp_path / "out.ipynb").read_text()


def _kernel(home: Path, name: str) -> None:
    """Install a kernel under another name, which stands for another language's."""
    folder = home / ".local/share/jupyter/kernels" / name
    folder.mkdir(parents=True)
    words = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": words, "display_name": name, "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec))


def test_another_kernel_than_python_s_runs_by_papermill_in_normal_form(mini: Mini) -> None:
    home = mini.root / "home"
    _kernel(home, "other")
    path = mini.root / "notebooks/01_train.ipynb"
    mini.cells("import sys\nprint('ipykernel_launcher' in sys.argv[0])\nobject()")
    path.write_text(path.read_text().replace('"name": "python3"', '"name": "other"'))
    result = mini.run(HOME=str(home), XDG_DATA_HOME="")
    assert result.returncode == 0, result.stdout
    assert mini.printed() == "True\n"
    text = (mini.root / "runs/train.ipynb").read_text()
    assert "<object at 0x…>" in text
    assert "papermill" not in text


def test_what_a_user_has_at_home_or_around_changes_no_byte(mini: Mini, tmp_path: Path) -> None:
    mini.cells(
        "import time, locale, os\n{'a', 'b', 'c', 'd'}, time.tzname, hash('x')",
        "os.environ['OMP_NUM_THREADS'], time.strftime('%c', time.gmtime(0)), f'{1234:n}'",
        "import matplotlib.pyplot as plt\nplt.figure(figsize=(1, 1)).add_subplot().plot([1, 2]);",
        "%config InlineBackend.figure_formats = ['svg']\nplt.plot([1, 2]);",
    )
    runs = []
    for index, zone in enumerate(("Asia/Tokyo", "America/New_York")):
        home = tmp_path / f"home{index}"
        rc = home / ".config/matplotlib/matplotlibrc"
        rc.parent.mkdir(parents=True)
        rc.write_text(f"figure.facecolor: {index / 2}\n")
        around = {"PYTHONHASHSEED": str(index), "TZ": zone, "OMP_NUM_THREADS": str(index + 3)}
        around |= {"HOME": str(home), "LANG": ("C", "de_DE.UTF-8")[index], "COLUMNS": "40"}
        result = mini.run(**around)
        assert result.returncode == 0, result.stdout
        runs.append((mini.root / "runs/train.ipynb").read_bytes())
    assert runs[0] == runs[1]


def test_two_cold_runs_of_a_study_in_two_places_give_the_same_bytes(
    quick: Path, tmp_path: Path
) -> None:
    study = bake.bake(tmp_path)
    sandbox.set_parameters(study / "params.yaml", {"prepare.fraction": 0.05, "train.max_iter": 10})
    bake.commit(study)
    around = {"HOME": str(tmp_path / "home"), "TZ": "Asia/Tokyo", "LANG": "C"}
    around |= {"PYTHONHASHSEED": "5", "OMP_NUM_THREADS": "7"}
    bake.run(study, "dvc", "repro", env=bake.environment(**around))
    written = [path.relative_to(quick) for path in (quick / "metrics").glob("*.json")]
    written += [
        Path("dvc.lock"),
        *(path.relative_to(quick) for path in (quick / "runs").glob("*.ipynb")),
    ]
    assert len(written) == 12
    assert [
        path for path in written if (study / path).read_bytes() != (quick / path).read_bytes()
    ] == []
