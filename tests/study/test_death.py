"""A stage that is interrupted, killed or left alone ends with all it started; the next is whole."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator

import psutil
import pytest
from mini_study import Mini
from waiting_stage import BOUND_S, begin, have_ended, noted

from lab import bake

WAITS = """\
import os, subprocess, time
child = subprocess.Popen(["sleep", "600"], start_new_session=True)
with open("pids.new", "w") as file: print(os.getpid(), child.pid, file=file)
os.replace("pids.new", "pids")
while os.path.exists("wait"): time.sleep(0.02)
child.kill()
with open("model", "w") as file: print("whole", file=file)
"""


@pytest.fixture
def waiting(mini: Mini) -> Mini:
    """A project under DVC, whose stage waits until the file `wait` is gone."""
    mini.cells(WAITS)
    mini.write("wait", "")
    mini.write(".gitignore", "/wait\n/pids\n/started\n/.headrace\n/metrics\n")
    mini.replace("dvc.yaml", "    outs:\n", "    outs:\n      - model\n")
    bake.run(mini.root, "git", "init", "--quiet")
    bake.run(mini.root, "dvc", "init", "--quiet")
    mini.write("runs/.gitignore", "/*.ipynb\n/failed\n/.partial\n")
    return mini


@pytest.fixture
def dvc(waiting: Mini) -> Iterator[subprocess.Popen[str]]:
    """`dvc repro`, with the stage in its waiting cell; what is left of it ends with the test."""
    process = _start(waiting)
    yield process
    _end(process)


def _start(project: Mini) -> subprocess.Popen[str]:
    return begin(project, "dvc", "repro")


def _end(process: subprocess.Popen[str]) -> None:
    for process_in_session in psutil.process_iter():
        try:
            if os.getsid(process_in_session.pid) == process.pid:
                process_in_session.kill()
        except (psutil.Error, ProcessLookupError):
            continue
    process.communicate()


def _recovers(project: Mini) -> None:
    """The next run recovers without help, and what it makes is whole."""
    (project.root / "wait").unlink()
    left = project.root / "runs/.train.ipynb.a1b2.ipynb"  # as a kill in the midst of writing leaves
    left.touch()
    result = bake.run(project.root, "dvc", "repro", check=False, env=bake.environment())
    assert result.returncode == 0, result.stdout
    assert (project.root / "model").read_text() == "whole\n"
    assert "up to date" in bake.run(project.root, "dvc", "status", env=bake.environment()).stdout
    assert not list((project.root / "runs/.partial").glob("*"))
    assert not left.exists()


def _dies_with(project: Mini, process: subprocess.Popen[str], number: signal.Signals) -> None:
    os.kill(process.pid, number)
    process.wait(BOUND_S)
    assert have_ended(*noted(project))
    assert not (project.root / "model").exists()
    assert not (project.root / "runs/train.ipynb").exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_stage_and_its_children_die_with_the_dvc_that_started_them(
    waiting: Mini, dvc: subprocess.Popen[str], number: signal.Signals
) -> None:
    _dies_with(waiting, dvc, number)
    _recovers(waiting)


def _interrupted(project: Mini, process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGINT)
    printed, _ = process.communicate(timeout=BOUND_S)
    assert process.returncode != 0
    assert "Stage train was interrupted (SIGINT) in cell 4 of notebooks/01_train.ipynb" in printed
    assert "Traceback" not in printed
    assert have_ended(*noted(project))
    partial = json.loads((project.root / "runs/failed/train.ipynb").read_text())
    assert "pids" in "".join(partial["cells"][-1]["source"])
    assert not (project.root / "runs/train.ipynb").exists()


def test_ctrl_c_ends_a_stage_with_a_message_and_keeps_the_notebook(
    waiting: Mini, dvc: subprocess.Popen[str]
) -> None:
    _interrupted(waiting, dvc)
    _recovers(waiting)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_stage_that_is_killed_says_in_which_cell(
    waiting: Mini, dvc: subprocess.Popen[str], number: signal.Signals
) -> None:
    os.kill(noted(waiting)[0], number)
    printed, _ = dvc.communicate(timeout=BOUND_S)
    assert "failed in cell 4 of notebooks/01_train.ipynb:\n    import os, subprocess" in printed
    assert f"The process died in it, by {number.name}." in printed
    assert (waiting.root / "runs/failed/train.ipynb").exists()
    assert have_ended(*noted(waiting))
    _recovers(waiting)


DEATHS = {
    "killed": ("os.kill(os.getpid(), 9)", "by SIGKILL"),
    "left without a word": ("os._exit(0)", "with exit code 0"),
    "crashed": ("__import__('ctypes').string_at(0)", "by SIGSEGV"),
}


@pytest.mark.parametrize("death", DEATHS)
def test_a_stage_that_died_keeps_what_its_finished_cells_showed(mini: Mini, death: str) -> None:
    source, how = DEATHS[death]
    mini.cells("print('hours of work \\ud800')\nmax_iter", f"import os\n{source}")
    result = mini.run()
    assert result.returncode == 1
    assert f"The process died in it, {how}" in result.stdout
    cells = json.loads((mini.root / "runs/failed/train.ipynb").read_text())["cells"]
    assert cells[-2]["outputs"][0]["text"] == ["hours of work \ud800\n"]
    assert cells[-2]["outputs"][1]["data"]["text/plain"] == ["20"]
    assert not list((mini.root / "runs/.partial").glob("*"))


OVERTIME = {
    "catching every error": "import time\nwhile True:\n    try: time.sleep(1)\n    except: pass",
    "with a timer of its own": "import signal, time\n"
    "signal.signal(signal.SIGALRM, lambda *_: None)\n"
    "while True: signal.setitimer(signal.ITIMER_REAL, 1); time.sleep(1)",
    "in C": "_ = sum(range(10**13))",
    "awaiting and catching": "import asyncio\nwhile True:\n    try: await asyncio.sleep(1)\n"
    "    except BaseException: pass",
}


@pytest.mark.parametrize("source", OVERTIME.values(), ids=OVERTIME)
def test_a_cell_that_does_not_heed_its_time_limit_is_ended(mini: Mini, source: str) -> None:
    mini.replace("pyproject.toml", "[tool.headrace]\n", "[tool.headrace]\ncell_timeout = 1\n")
    mini.cells("print('before')", source, "print('never')")
    result = mini.run()
    assert result.returncode == 1
    assert "failed in cell 5 of notebooks/01_train.ipynb" in result.stdout
    assert "the cell's or the notebook's time is up" in result.stdout
    assert "before\\n" in (mini.root / "runs/failed/train.ipynb").read_text()


def test_an_interruption_before_the_first_cell_says_so(waiting: Mini) -> None:
    slow = (
        "import os, time\nopen('pids', 'w').close()\nwhile os.path.exists('wait'): time.sleep(0.02)"
    )
    waiting.write("src/mini/params.py", slow)
    process = begin(waiting, "headrace", "run", "train")
    os.killpg(process.pid, signal.SIGINT)
    printed, _ = process.communicate(timeout=BOUND_S)
    assert process.returncode == 1
    assert "Stage train was interrupted before its first cell. Next: dvc repro train" in printed
    assert "Traceback" not in printed


def test_an_interruption_after_the_last_cell_says_so(waiting: Mini) -> None:
    slow = "open('pids', 'w').close()\n    while os.path.exists('wait'): time.sleep(0.02)"
    waiting.cells(f"import atexit, os, time\ndef end():\n    {slow}\n_ = atexit.register(end)")
    process = begin(waiting, "headrace", "run", "train")
    os.killpg(process.pid, signal.SIGINT)
    printed, _ = process.communicate(timeout=BOUND_S)
    assert process.returncode == 1
    assert "Stage train was interrupted after cell 4. Next: dvc repro train" in printed
    assert "Traceback" not in printed


def test_sigterm_to_the_command_alone_ends_the_stage(waiting: Mini) -> None:
    process = begin(waiting, "headrace", "run", "train")
    process.terminate()
    process.communicate(timeout=BOUND_S)
    assert process.returncode == 130
    assert have_ended(*noted(waiting))


@pytest.mark.long
@pytest.mark.parametrize("kind", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_a_hundred_times(waiting: Mini, kind: str) -> None:
    for _ in range(100):
        process = _start(waiting)
        try:
            if kind == "SIGINT":
                _interrupted(waiting, process)
            else:
                _dies_with(waiting, process, signal.Signals[kind])
        finally:
            _end(process)
    _recovers(waiting)
