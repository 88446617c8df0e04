"""Run `headrace` and `dvc` as forks of a process that has imported what they import.

The tests run some two thousand commands, and most of what a command takes is the import of pandas
and scikit-learn. Each pytest process has one server, a clean interpreter that only imports; each
command is a fork of it, with a folder, an environment and an output of its own.
"""

import atexit
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import NoReturn

PRELOADED = (
    "headrace.cli.main",
    "dvc.cli",
    "dvc.commands.status",
    "dvc.repo.reproduce",
    "matplotlib.figure",
    "nbformat",
    "pandas",
    "pandera",
    "pyarrow.parquet",
    "pydantic",
    "sklearn.ensemble",
    "skops.io",
    "yaml",
)
FORKED = {
    "headrace": None,
    "dvc": {"add", "cache", "checkout", "commit", "config", "init", "pull", "push", "remote"}
    | {"status"},
}
"""The commands that are forked, with their verbs: stages look for a real process named dvc."""
REQUEST_BYTES = 200_000


def run(
    folder: Path, *command: str, check: bool = True, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command as `lab.bake.run` does, which this stands in for."""
    environment = dict(env or bake.environment())
    if not _is_forked(command, environment):
        return _run_process(folder, *command, check=check, env=environment)
    request = {"folder": str(folder), "command": command, "environment": environment}
    code, output = _ask(json.dumps(request).encode())
    if check and code != 0:
        raise RuntimeError(f"{' '.join(command)}: exit {code}\n{output}")
    return subprocess.CompletedProcess(command, code, output)


def _is_forked(command: tuple[str, ...], environment: Mapping[str, str]) -> bool:
    """Return whether a command is one that the server's interpreter would run."""
    name, *words = command
    if name not in FORKED:
        return False
    verbs = FORKED[name]
    own = shutil.which(name, path=environment.get("PATH")) == str(
        Path(sys.executable).with_name(name)
    )
    return own and (verbs is None or (bool(words) and words[0] in verbs))


def _ask(request: bytes) -> tuple[int, str]:
    """Have the server run a command; return its exit code and all that it printed."""
    ours, theirs = socket.socketpair()
    read, write = os.pipe()
    with ours, os.fdopen(read, "rb") as output:
        with theirs:
            socket.send_fds(_server(), [request], [write, theirs.fileno()])
        os.close(write)
        text = output.read().decode("utf-8", "replace")
        code = ours.recv(16)
    return int(code or b"1"), text.replace("\r\n", "\n")


@functools.cache
def _server() -> socket.socket:
    """Start the server of this pytest process; it ends when the socket is closed."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = subprocess.Popen(
        [sys.executable, __file__, str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
        env={name: text for name, text in bake.environment().items() if name != "PYTHONPATH"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    theirs.close()
    atexit.register(lambda: (ours.close(), process.wait(10)))
    return ours


def serve(descriptor: int) -> None:
    """Import, then fork a child for each request until nobody asks any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
    for module in PRELOADED:
        import_module(module)
    asking = socket.socket(fileno=descriptor)
    while True:
        request, descriptors, _, _ = socket.recv_fds(asking, REQUEST_BYTES, 2)
        if not request:
            return
        if os.fork() == 0:
            asking.close()
            _wait_for_command(json.loads(request), *descriptors)
        for one in descriptors:
            os.close(one)


def _wait_for_command(request: Mapping[str, object], output: int, answer: int) -> NoReturn:
    """Fork the command itself, and answer with its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        os.close(answer)
        _become_command(**request, output=output)  # type: ignore[arg-type]
    os.close(output)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.write(answer, str(code).encode())
    os._exit(0)


def _become_command(
    folder: str, command: list[str], environment: dict[str, str], output: int
) -> NoReturn:
    """Run a command in this process as if it had just been started."""
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    name, *words = command
    script = Path(sys.executable).with_name(name)
    named = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:1] = [str(script.parent), *named]
    sys.argv = [str(script), *words]
    main = import_module("headrace.cli.main" if name == "headrace" else "dvc.cli").main
    code = 1
    try:
        code = main() if name == "headrace" else main(words)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code or 0)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
else:
    from lab import bake

    _run_process = bake.run
