"""A stage ends as `python script.py` ends, whatever it left running."""

import subprocess
import sys
import time
import zipfile

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
    subprocess.run(["kill", (mini.root / "child").read_text().strip()], check=True)


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
    )
    assert mini.run().returncode == 0
    assert (mini.root / "left").read_text() == "whole"
    assert zipfile.ZipFile(mini.root / "left.zip").read("a") == b"whole"


ENDLESS = """\
import threading, time
from headrace.execution import process_end
threading.Thread(target=time.sleep, args=(600,), name="endless").start()
process_end.end_process({code}, grace=0.2)
"""


@pytest.mark.parametrize("code", [0, 1])
def test_a_thread_that_never_ends_is_named_and_not_waited_for(mini: Mini, code: int) -> None:
    words = [sys.executable, "-c", ENDLESS.format(code=code)]
    result = bake.run(mini.root, *words, check=False, env=bake.environment())
    assert result.returncode == code
    assert "Ended what still ran 0 s after the last cell: endless." in result.stdout
