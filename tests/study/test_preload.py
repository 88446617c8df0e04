"""Stages below one `dvc repro` are forks of a process that has imported what they import."""

import json
import os
import signal
import socket
import subprocess
import sys
import sysconfig
from pathlib import Path

import psutil
import pytest
from stage_chain import SERVER, Chain, servers
from waiting_stage import BOUND_S, begin, have_ended, noted

from headrace.execution import preload_client
from lab import bake

PARENT = "import os\nprint(open(f'/proc/{os.getppid()}/cmdline').read().split('\\0')[2])"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="preload is Linux's")


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return Chain(tmp_path / "chain")


LIBRARIES = (
    "import numpy as np\nimport pandas as pd\npd.DataFrame(np.arange(120).reshape(2, 60))",
    "import matplotlib.pyplot as plt\nfrom tqdm import auto\nprint(auto.tqdm.__name__)\n"
    "plt.plot([1, 3, 2])",
    "import sklearn.linear_model as linear, warnings\n"
    "print(linear.LinearRegression().fit([[0], [1]], [0, 1]).coef_)\n"
    "warnings.warn('careful')\nlinear.LogisticRegression()",
    "import pyarrow.parquet, logging, sys\nlogging.getLogger('x').warning('logged')\n"
    "print([path for path in sys.path if 'chain' not in path], sys.argv, get_ipython().__class__)",
)


def test_outputs_and_lock_are_the_same_bytes_with_and_without(chain: Chain, tmp_path: Path) -> None:
    chain.stages(*LIBRARIES)
    plain = chain.copied_to(tmp_path / "chain-plain")
    for change in ("nothing", "a parameter", "a failure", "its repair"):
        code = 0
        for project, preload in ((chain, "debug"), (plain, "0")):
            if change == "a parameter":
                project.replace("params.yaml", "seed: 7", "seed: 8")
            if change == "a failure":
                project.replace("notebooks/s1.ipynb", "[1, 3, 2]", "[1, 3, 1/0]")
                code = 255
            if change == "its repair":
                project.replace("notebooks/s1.ipynb", "1/0", "1")
            printed = project.repro(preload=preload, code=code)
            assert "preload: the server" not in printed
        assert chain.bytes() == plain.bytes(), change


def test_each_stage_is_a_fork_of_one_server_which_ends_with_its_dvc(chain: Chain) -> None:
    chain.stages(PARENT, PARENT, "import os\nprint(os.getpgid(0) == os.getpgid(os.getppid()))")
    chain.repro()
    assert chain.printed("s0") == chain.printed("s1") == f"{SERVER}\n"
    assert chain.printed("s2") == "True\n"
    assert psutil.wait_procs(servers(chain.root), timeout=BOUND_S)[1] == []
    chain.repro("--force", preload="0")
    assert SERVER not in chain.printed("s1")


def test_the_projects_own_modules_are_fresh_in_each_stage(chain: Chain) -> None:
    chain.write("src/mini/made.py", "VALUE = 1\n")
    shows = "from mini import made\nprint(made.VALUE)"
    chain.stages(f"{shows}\nopen('src/mini/made.py', 'w').write('VALUE = 2 \\n')", shows)
    chain.repro()
    assert (chain.printed("s0"), chain.printed("s1")) == ("1\n", "2\n")


def test_randomness_is_new_in_each_stage(chain: Chain) -> None:
    draws = (
        "import numpy as np, random, uuid\nprint(random.random(), np.random.rand(), uuid.uuid4())"
    )
    chain.stages(draws, draws, draws)
    chain.repro()
    drawn = [chain.printed(f"s{index}").split() for index in range(3)]
    for numbers in zip(*drawn, strict=True):
        assert len(set(numbers)) == 3


def test_a_stage_with_other_threads_has_a_server_of_its_own(chain: Chain) -> None:
    chain.replace("params.yaml", "threads: 1", "threads: 2")
    shows = (
        "import numpy, threadpoolctl\nprint(threadpoolctl.threadpool_info()[0]['num_threads'])\n"
        + PARENT
    )
    chain.stages(shows, shows, shows, params={"s1": "compute.threads"})
    assert "preload:" not in chain.repro()
    printed = [chain.printed(f"s{index}").split() for index in range(3)]
    assert printed == [["1", SERVER], ["2", SERVER], ["1", SERVER]]


def test_a_stage_with_an_environment_of_its_own_gets_it(chain: Chain) -> None:
    chain.stages(*["import subprocess\nprint(subprocess.getoutput('echo $OMP_PLACES'))"] * 2)
    chain.replace("dvc.yaml", "cmd: headrace run s1", "cmd: OMP_PLACES=cores headrace run s1")
    chain.repro()
    assert (chain.printed("s0"), chain.printed("s1")) == ("\n", "cores\n")


def test_a_stage_is_charged_for_its_own_time_alone(chain: Chain) -> None:
    chain.stages("import pandas, sklearn.ensemble", "1")
    chain.repro()
    first, second = (
        json.loads((chain.root / f"metrics/cost/s{index}.json").read_text()) for index in range(2)
    )
    assert first["imports_s"] == second["imports_s"] == 0
    chain.repro("--force", preload="0")
    alone = json.loads((chain.root / "metrics/cost/s0.json").read_text())
    assert first["cpu_s"] < alone["cpu_s"] / 2


@pytest.fixture
def noisy(tmp_path: Path) -> Path:
    """An environment with packages whose import has effects, on top of this one's."""
    env = tmp_path / "env"
    bake.run(tmp_path, "uv", "venv", "--quiet", "--python", sys.executable, str(env))
    site = env / f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    (site / "base.pth").write_text(f"{sysconfig.get_path('purelib')}\n{Path('src').resolve()}\n")
    effects = {
        "talks": "print('hello')",
        "warns": "import warnings\nwarnings.warn('beware')",
        "threads": "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()",
        "takes": "from made import VALUE",
        "breaks": "raise ValueError('no')",
        "quiet": "VALUE = 3",
    }
    for name, source in effects.items():
        (site / name).mkdir()
        (site / name / "__init__.py").write_text(source)
    script = env / "bin/headrace"
    script.write_text(
        f"#!{env}/bin/python\nfrom headrace.__main__ import main\nraise SystemExit(main())\n"
    )
    script.chmod(0o755)
    return env


def test_a_package_whose_import_has_an_effect_is_left_to_the_stages(
    chain: Chain, noisy: Path
) -> None:
    chain.write("src/made.py", "VALUE = 5\n")
    effects = ("talks", "warns", "threads", "takes")
    sources = [f"import quiet, {name}\nprint(quiet.VALUE)" for name in effects]
    breaks = "try:\n    import breaks\nexcept ValueError as error: print(error)\n"
    chain.stages(*sources, breaks, f"{breaks}import threading\nprint(threading.active_count())")
    path = f"{noisy / 'bin'}{os.pathsep}{bake.environment()['PATH']}"
    printed = chain.repro(PATH=path)
    assert "preload: left to the stages: talks: printed b'hello" in printed
    assert "quiet: " not in printed
    runs = chain.bytes()
    assert b"hello\\n" in runs["runs/s0.ipynb"]
    assert b"beware" in runs["runs/s1.ipynb"]
    assert chain.printed("s5").endswith("no\n1\n")
    chain.repro("--force", preload="0", PATH=path)
    assert chain.bytes() == runs


WAITS = """\
import os, time
with open('pids.new', 'w') as file: print(os.getpid(), os.getppid(), file=file)
os.replace('pids.new', 'pids')
while os.path.exists('wait'): time.sleep(0.02)
print('whole')"""


@pytest.fixture
def waiting(chain: Chain) -> Chain:
    """A chain whose first stage waits until the file `wait` is gone."""
    chain.stages(WAITS, PARENT)
    chain.write("wait", "")
    return chain


def _client(dvc: subprocess.Popen[str]) -> psutil.Process:
    """Return the `headrace run` below a dvc."""
    below = psutil.Process(dvc.pid).children(recursive=True)
    return next(process for process in below if "run" in process.cmdline()[-2:])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_stage_ends_with_the_command_that_waits_for_it(
    waiting: Chain, number: signal.Signals
) -> None:
    dvc = begin(waiting, "dvc", "repro")
    pids = noted(waiting)
    os.kill(_client(dvc).pid, number)
    printed, _ = dvc.communicate(timeout=BOUND_S)
    assert dvc.returncode != 0
    assert have_ended(*pids)
    assert not (waiting.root / "runs/s0.ipynb").exists()
    if number != signal.SIGKILL:
        assert f"Stage s0 was interrupted ({number.name}) in cell 2" in printed


def test_a_killed_server_costs_nothing_but_time(waiting: Chain) -> None:
    dvc = begin(waiting, "dvc", "repro")
    for server in servers(waiting.root):
        if server.cmdline()[2] == SERVER and server.pid not in noted(waiting):
            server.kill()
    (waiting.root / "wait").unlink()
    printed, _ = dvc.communicate(timeout=BOUND_S)
    assert dvc.returncode == 0, printed
    assert waiting.printed("s0") == "whole\n"
    assert waiting.printed("s1") == f"{SERVER}\n"  # of a new one


def test_nothing_is_left_of_a_killed_dvc(waiting: Chain) -> None:
    dvc = begin(waiting, "dvc", "repro")
    pids = [server.pid for server in servers(waiting.root)]
    assert len(pids) == 3  # server, supervisor, stage
    dvc.kill()
    dvc.communicate(timeout=BOUND_S)
    assert have_ended(*pids)


@pytest.mark.parametrize("whose", ["user", "session"])
def test_only_this_users_processes_of_this_session_are_answered(
    whose: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert preload_client.is_own(ours)
        if whose == "user":
            monkeypatch.setattr(os, "getuid", lambda: -1)
        else:
            monkeypatch.setattr(os, "getsid", lambda process: process)
        assert not preload_client.is_own(ours)


def test_the_second_server_does_not_hold_the_first_one_s_socket(chain: Chain) -> None:
    chain.replace("params.yaml", "threads: 1", "threads: 2")
    chain.stages("import numpy", WAITS, "print('whole')", params={"s1": "compute.threads"})
    chain.write("wait", "")
    dvc = begin(chain, "dvc", "repro")
    for server in servers(chain.root):
        if server.pid not in noted(chain):
            server.kill()
    (chain.root / "wait").unlink()
    printed, _ = dvc.communicate(timeout=BOUND_S)
    assert dvc.returncode == 0, printed
    assert chain.printed("s2") == "whole\n"


def test_the_server_holds_no_lock_of_the_command_that_started_it(chain: Chain) -> None:
    chain.stages("1", "2")
    text = (chain.root / "dvc.yaml").read_text()
    for name in ("s0", "s1"):
        command = f"(flock 9 && headrace run {name}) 9>.headrace.lock"
        text = text.replace(f"cmd: headrace run {name}", f"cmd: {command}")
    chain.write("dvc.yaml", text)
    assert "preload:" not in chain.repro()


def test_ctrl_c_while_the_server_imports_ends_the_stage_with_a_message(
    chain: Chain, noisy: Path
) -> None:
    site = next((noisy / "lib").glob("*/site-packages"))
    (site / "quiet/__init__.py").write_text(
        "import os, time\nopen('pids', 'w').close()\n"
        "while os.path.exists('wait'): time.sleep(0.02)\n"
    )
    chain.stages("import quiet")
    chain.write("wait", "")
    dvc = begin(
        chain, "dvc", "repro", PATH=f"{noisy / 'bin'}{os.pathsep}{bake.environment()['PATH']}"
    )
    os.killpg(dvc.pid, signal.SIGINT)
    printed, _ = dvc.communicate(timeout=BOUND_S)
    assert "Stage s0 was interrupted before its first cell." in printed
    assert "Traceback" not in printed


def test_a_stage_that_sets_variables_before_it_imports_runs_without(chain: Chain) -> None:
    chain.stages("import os\nos.environ['TQDM_DISABLE'] = '1'\nimport pandas", "1")
    assert "preload: it names os.environ" in chain.repro()


@pytest.mark.parametrize("preload", ["debug", "0"])
def test_a_stage_that_leaves_before_its_end_has_not_succeeded(chain: Chain, preload: str) -> None:
    chain.stages("1", "import atexit, os\n_ = atexit.register(os._exit, 0)")
    printed = chain.repro(preload=preload, code=255)
    assert "Stage s1 died after cell 2 of notebooks/s1.ipynb: it ended with exit code 0" in printed
    assert "s1:" not in (chain.root / "dvc.lock").read_text()


def test_a_stage_in_a_folder_of_its_own_has_that_folder_s_settings(chain: Chain) -> None:
    chain.stages("1", "import matplotlib\nprint(matplotlib.rcParams['lines.linewidth'], _dh[0])")
    chain.write("sub/matplotlibrc", "lines.linewidth: 9\n")
    chain.replace("dvc.yaml", "cmd: headrace run s1\n", "cmd: headrace run s1\n    wdir: sub\n")
    text = (chain.root / "dvc.yaml").read_text()
    head, _, tail = text.partition("    wdir: sub\n")
    for path in ("notebooks/s1.ipynb", "runs/s0.ipynb", "runs/s1.ipynb"):
        tail = tail.replace(f"- {path}", f"- ../{path}")
    tail = tail.replace("- seed", "- ../params.yaml: [seed]")
    chain.write("dvc.yaml", f"{head}    wdir: sub\n{tail}")
    chain.repro()
    runs = chain.bytes()
    chain.repro("--force", preload="0")
    assert chain.bytes() == runs
