"""A stage ends as `python script.py` ends, whatever it left running."""

import sys
import time
import zipfile
from pathlib import Path
from subprocess import CompletedProcess

import psutil
import pytest
from mini_study import Mini

from lab import bake

LEFT_RUNNING = {
    "joblib's workers": "from joblib import Parallel, delayed\n"
    "Parallel(n_jobs=2)(delayed(abs)(i) for i in range(4))",
    "an executor of processes": "from concurrent.futures import ProcessPoolExecutor\n"
    "pool = ProcessPoolExecutor(2)\nlist(pool.map(abs, range(4)))",
    "a pool": "import multiprocessing\npool = multiprocessing.get_context('fork').Pool(2)\n"
    "pool.map(abs, range(4))",
    "an executor of threads": "from concurrent.futures import ThreadPoolExecutor\n"
    "threads = ThreadPoolExecutor(2)\nlist(threads.map(abs, range(4)))",
    "a daemon": "import threading, time\n"
    "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()",
    "an event loop": "import asyncio\nloop = asyncio.new_event_loop()\n"
    "threading.Thread(target=loop.run_forever, daemon=True).start()\n"
    "task = asyncio.create_task(asyncio.sleep(600))",
    "a child": "import subprocess\nchild = subprocess.Popen(['sleep', '600'])\n"
    "with open('child', 'w') as file: print(child.pid, file=file)",
}


def test_a_stage_ends_with_its_cells_whatever_they_left_running(mini: Mini) -> None:
    mini.cells(*LEFT_RUNNING.values())
    began = time.monotonic()
    result = mini.run()
    assert result.returncode == 0, result.stdout
    assert "Traceback" not in result.stdout
    assert "Ended what still ran" not in result.stdout
    assert time.monotonic() - began < 100  # joblib's workers alone would keep it for 300
    assert not psutil.pid_exists(int((mini.root / "child").read_text()))


def test_a_thread_may_finish_its_work_and_an_exit_function_runs_after_it(mini: Mini) -> None:
    mini.cells(
        "import atexit, threading, time\nlines = []\n"
        "def work():\n    time.sleep(0.5)\n    lines.append('whole')\n"
        "threading.Thread(target=work).start()\n"
        "def write():\n    with open('late', 'w') as file: file.write(' '.join(lines))\n"
        "_ = atexit.register(write)"
    )
    assert mini.run().returncode == 0
    assert (mini.root / "late").read_text() == "whole"


def test_a_file_that_a_cell_left_open_is_written(mini: Mini) -> None:
    mini.cells(
        "import zipfile\nfile = open('left', 'w')\n_ = file.write('whole')",
        "archive = zipfile.ZipFile('left.zip', 'w')\narchive.writestr('a', 'whole')",
        "held = [open('runs/held', 'w')]\nheld.append(held)\n_ = held[0].write('whole')",
    )
    mini.replace("dvc.yaml", "    outs:\n", "    outs:\n      - runs/held\n")
    assert mini.run().returncode == 0
    assert (mini.root / "left").read_text() == "whole"
    assert (mini.root / "runs/held").read_text() == "whole"
    assert zipfile.ZipFile(mini.root / "left.zip").read("a") == b"whole"


def test_a_stage_whose_cell_removed_its_working_directory_ends_in_silence(mini: Mini) -> None:
    mini.cells(
        "import os, tempfile\nfolder = tempfile.mkdtemp(); os.chdir(folder); os.rmdir(folder)"
    )
    result = mini.run()
    assert result.returncode == 0
    assert "Traceback" not in result.stdout


LEAVING = {
    "an exit function leaves": ("atexit.register(lambda: os._exit(0))", "with exit code 0"),
    "with an error": ("atexit.register(lambda: os._exit(3))", "with exit code 3"),
    "an exit function is killed": (
        "atexit.register(lambda: os.kill(os.getpid(), 9))",
        "by SIGKILL",
    ),
    "another program takes over": (
        "atexit.register(lambda: os.execv('/bin/true', ['true']))",
        "with exit code 0",
    ),
    "a variable leaves": (
        "class Leaving:\n    def __del__(self, leave=os._exit): leave(0)\nleaving = Leaving()",
        "with exit code 0",
    ),
    "a thread leaves": (
        "def leave():\n    threading.main_thread().join()\n    os._exit(0)\n"
        "threading.Thread(target=leave).start()",
        "with exit code 0",
    ),
}


@pytest.mark.parametrize("kind", LEAVING)
def test_a_stage_that_leaves_before_its_end_has_not_succeeded_and_says_so(
    mini: Mini, kind: str
) -> None:
    source, how = LEAVING[kind]
    mini.cells(f"import atexit, os, threading\n{source};")
    result = mini.run()
    assert result.returncode == 1
    assert (
        f"Stage train died after cell 4 of notebooks/01_train.ipynb: it ended {how}, and its"
        in (result.stdout)
    )
    assert "Next: dvc repro train" in result.stdout
    assert "Traceback" not in result.stdout


def test_a_failed_stage_stays_one_and_says_so_once_however_its_process_ends(mini: Mini) -> None:
    mini.cells("import atexit, os\n_ = atexit.register(lambda: os._exit(0))", "1 / 0")
    result = mini.run()
    assert result.returncode == 1
    assert result.stdout.count("Stage train ") == 1
    assert "Stage train failed in cell 5 of notebooks/01_train.ipynb, line 1" in result.stdout


def test_a_child_that_an_exit_function_forked_does_not_end_the_stage(mini: Mini) -> None:
    mini.cells("import atexit, os\n_ = atexit.register(lambda: os.fork() and os.wait())")
    mini.replace("dvc.yaml", "requirements.lock", "dep")
    mini.write("dep", "")
    assert mini.run().returncode == 0
    mini.cells(
        "import atexit, os, pathlib, time\n"
        "def fork():\n    if os.fork(): os.wait(); pathlib.Path('dep').write_text('other')\n"
        "_ = atexit.register(fork)"
    )
    assert "dep changed while train ran" in mini.run().stdout


@pytest.mark.parametrize(("name", "code"), [("new.txt", 1), ("new.swp", 0)])
def test_what_appears_in_a_folder_counts_unless_dvc_ignores_it(
    mini: Mini, name: str, code: int
) -> None:
    mini.write(".dvcignore", "*.swp\n")
    mini.write("dep/old.txt", "")
    mini.replace("dvc.yaml", "requirements.lock", "dep")
    mini.cells(f"open('dep/{name}', 'w').close()")
    result = mini.run()  # without any import of dvc's before its threads have ended
    assert result.returncode == code, result.stdout
    assert ("dep/new.txt changed while train ran" in result.stdout) == bool(code)
    assert "Traceback" not in result.stdout


ENDLESS = """\
import threading, time
from headrace.execution import process_end
threading.Thread(target=time.sleep, args=(600,), name="endless").start()
process_end.end_process({code}, grace=0.2)
"""

HANGING = """\
import atexit, time
from headrace.execution import process_end
{source}
process_end.end_process(0, grace=0.2)
"""
HANGS = {
    "an exit function": "atexit.register(lambda: time.sleep(600))",
    "the end of a variable": "class Slow:\n    def __del__(self): time.sleep(600)\n"
    "process_end.clear_at_end({'slow': Slow()})",
}


@pytest.mark.parametrize("kind", HANGS)
def test_what_hangs_at_the_end_is_named_for_what_it_is(mini: Mini, kind: str) -> None:
    words = [sys.executable, "-c", HANGING.format(source=HANGS[kind])]
    result = bake.run(mini.root, *words, check=False, env=bake.environment())
    assert result.returncode == 0
    assert f"Ended what still ran 0 s after the last cell: {kind}." in result.stdout


@pytest.mark.parametrize("code", [0, 1])
def test_a_thread_that_never_ends_is_named_and_not_waited_for(mini: Mini, code: int) -> None:
    words = [sys.executable, "-c", ENDLESS.format(code=code)]
    result = bake.run(mini.root, *words, check=False, env=bake.environment())
    assert result.returncode == code
    assert "Ended what still ran 0 s after the last cell: endless." in result.stdout


LEFT = {
    "a child in a session of its own": "import subprocess\n"
    "_ = subprocess.Popen(['/bin/sh', '-c', {command!r}], start_new_session=True)",
    "a child of a shell": "import subprocess\n"
    "_ = subprocess.run(['/bin/sh', '-c', '/bin/sh -c \"$0\" &', {command!r}])",
    "a daemon": "import os, subprocess\n"
    "if os.fork() == 0:\n    os.setsid()\n"
    "    if os.fork() == 0: os.execv('/bin/sh', ['sh', '-c', {command!r}])\n    os._exit(0)\n"
    "_ = os.wait()",
    "a fork": "import os, time\nif os.fork() == 0: os.execv('/bin/sh', ['sh', '-c', {command!r}])",
    "one that ignores SIGTERM": "import subprocess\n"
    "_ = subprocess.Popen(['/bin/sh', '-c', 'trap \"\" TERM; ' + {command!r}])",
}
"""How a cell may leave a process running, with a command that takes its process id as `$$`."""
PID = "echo $$ > pid.new; mv pid.new pid; "
UNTIL = "\nimport os, time\nwhile not os.path.exists('pid'): time.sleep(0.02)"


def _left(mini: Mini, kind: str, command: str) -> CompletedProcess[str]:
    """Run a stage with the out `model` that leaves a process running, which must not outlive it."""
    mini.replace("dvc.yaml", "    outs:\n", "    outs:\n      - model\n")
    made = "_ = open('model', 'w').write('whole')"
    mini.cells(made, LEFT[kind].format(command=PID + command) + UNTIL)
    result = mini.run()
    pid = int((mini.root / "pid").read_text())
    assert not psutil.pid_exists(pid), result.stdout
    return result


@pytest.mark.parametrize("kind", LEFT)
def test_a_process_that_a_stage_left_running_ends_with_it_and_is_named(
    mini: Mini, kind: str
) -> None:
    result = _left(mini, kind, "while :; do sleep 60; done; echo late >> model")
    assert result.returncode == 0, result.stdout
    assert "Ended what train left running: s" in result.stdout
    assert (mini.root / "model").read_text() == "whole"


WRITING = {
    "with the file open": "exec 3>> model; while :; do sleep 60; done",
    "now and then": "while :; do echo late >> model; sleep 0.05; done",
    "under a temporary name": "exec 3> .model.x7; while :; do sleep 60; done",
    "as it is told to end": "trap 'echo late >> model; exit' TERM; while :; do sleep 0.05; done",
    "through memory": f"exec {sys.executable} -c \"import mmap, time; file = open('model', 'r+b');"
    ' memory = mmap.mmap(file.fileno(), 0); file.close(); time.sleep(600)"',
}


@pytest.mark.parametrize("command", WRITING.values(), ids=WRITING)
def test_a_stage_fails_however_what_it_left_running_writes(mini: Mini, command: str) -> None:
    result = _left(mini, "a daemon", command)
    assert result.returncode == 1
    assert "Stage train came to its end while " in result.stdout
    assert "was still writing model. Next: let the notebook wait" in result.stdout
    assert "Traceback" not in result.stdout


def test_shared_memory_of_workers_is_removed_after_the_stage(mini: Mini) -> None:
    mini.cells(
        "from multiprocessing import shared_memory\n"
        "memory = shared_memory.SharedMemory(create=True, size=8)\n"
        "print(memory.name, file=open('name', 'w'))"
    )
    assert mini.run().returncode == 0
    assert not Path("/dev/shm", (mini.root / "name").read_text().strip()).exists()


HELD = """\
import multiprocessing, os, subprocess, threading, time
from headrace.execution import left_processes, process_end
from headrace.core import project
study = project.find_project()
stage = study.stage("train")
process_end.check_at_end(lambda threads: left_processes.end(stage, study.root, threads))
def write():
    with open("model", "w") as model:
        model.write("half")
        model.flush()
        time.sleep(600)
{cell}
while not os.path.exists("model"): time.sleep(0.02)
process_end.end_process(0, grace=0.2)
"""
# The pool's end lets the main thread go on while what ignores SIGTERM is still waited for.
HOLDERS = {
    "a thread that never ends": "threading.Thread(target=write).start()",
    "a daemon": "threading.Thread(target=write, daemon=True).start()",
    "an open file": "threading.kept = open('model', 'w')",
    "a pool's worker": "from concurrent.futures import ProcessPoolExecutor\n"
    "pool = ProcessPoolExecutor(1, multiprocessing.get_context('fork'))\n"
    "def work():\n"
    "    subprocess.Popen(['sh', '-c', 'trap \"\" TERM; exec sleep 4 >&- 2>&-'])\n"
    "    write()\n"
    "task = pool.submit(work)",
}


@pytest.mark.parametrize("cell", HOLDERS.values(), ids=HOLDERS)
def test_a_stage_fails_where_what_never_ends_holds_an_output(mini: Mini, cell: str) -> None:
    mini.replace("dvc.yaml", "    outs:\n", "    outs:\n      - model\n")
    words = [sys.executable, "-c", HELD.format(cell=cell)]
    result = bake.run(mini.root, *words, check=False, env=bake.environment())
    assert result.returncode == 1
    assert "was still writing model. Next: let the notebook wait" in result.stdout
