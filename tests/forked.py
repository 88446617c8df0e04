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
import struct
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from importlib import import_module
from pathlib import Path
from typing import NoReturn

PRELOADED = (
    "headrace.cli.main",
    "dvc.cli",
    "dvc.commands.status",
    "dvc.repo.reproduce",
    "fastapi",
    "matplotlib.figure",
    "nbformat",
    "pandas",
    "pandera",
    "prometheus_client",
    "pyarrow.parquet",
    "pydantic",
    "sklearn.ensemble",
    "skops.io",
    "uvicorn",
    "yaml",
)
FORKED = {
    "headrace": None,
    "dvc": frozenset(
        ("add", "cache", "checkout", "commit", "config", "init", "pull", "push", "remote", "status")
    ),
}
"""The commands that are forked, with their verbs: stages look for a real process named dvc."""
AT_START = ("PYTHONIOENCODING", "PYTHONUTF8", "PYTHONHASHSEED", "LC_ALL", "LANG")
"""What Python reads of its environment as it starts: a fork would come too late."""
REQUEST_BYTES = 200_000


class Process:
    """A command that runs as a fork, with as much of subprocess.Popen as the tests use."""

    def __init__(
        self, folder: Path, command: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        request = {"folder": str(folder), "command": command, "environment": environment}
        self._answers, theirs = socket.socketpair()
        read, write = os.pipe()
        with theirs:
            socket.send_fds(_server(), [json.dumps(request).encode()], [write, theirs.fileno()])
        os.close(write)
        self.stdout = os.fdopen(read, "r", encoding="utf-8", errors="replace")
        self.pid = struct.unpack("i", self._answers.recv(4))[0]
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, or None as long as the command runs."""
        with suppress(TimeoutError, BlockingIOError):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code, negative for a signal; raise TimeoutError after some seconds."""
        if self.returncode is None:
            self._answers.settimeout(timeout)
            (self.returncode,) = struct.unpack("i", self._answers.recv(4))
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the command has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it ended, and its exit code is on the way
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """Close what this process holds of the command."""
        self.stdout.close()
        self._answers.close()


def run(
    folder: Path, *command: str, check: bool = True, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command as `lab.bake.run` does, which this stands in for."""
    environment = dict(env or bake.environment())
    if not is_forked(command, environment):
        return _run_process(folder, *command, check=check, env=environment)
    with closing(Process(folder, command, environment)) as process:
        output = process.stdout.read()
        code = process.wait()
    if check and code != 0:
        raise RuntimeError(f"{' '.join(command)}: exit {code}\n{output}")
    return subprocess.CompletedProcess(command, code, output)


def is_forked(command: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Return whether a command is one that the server's interpreter would run."""
    name, *words = command
    if name not in FORKED:  # such as an absolute path
        return False
    script = Path(sys.executable).with_name(name)
    if shutil.which(name, path=environment.get("PATH")) != str(script):
        return False
    if any(environment.get(name) != os.environ.get(name) for name in AT_START):
        return False
    verbs = FORKED[name]
    return verbs is None or not verbs.isdisjoint(words[:1])


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
    atexit.register(_end_server, ours, process)
    return ours


def _end_server(asking: socket.socket, process: subprocess.Popen[bytes]) -> None:
    """End the server, though a child of this process may hold the socket open as well."""
    asking.shutdown(socket.SHUT_RDWR)
    asking.close()
    process.wait()


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
        for descriptor in descriptors:
            os.close(descriptor)


def _wait_for_command(request: Mapping[str, object], output: int, answer: int) -> NoReturn:
    """Fork the command itself, and answer with its process ID, then with its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        os.close(answer)
        _become_command(**request, output=output)  # type: ignore[arg-type]
    os.close(output)
    os.write(answer, struct.pack("i", child))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.write(answer, struct.pack("i", code))
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
    name, words = Path(command[0]).name, command[1:]
    script = Path(sys.executable).with_name(name)
    named = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:1] = [str(script.parent), *named]
    sys.argv = [str(script), *words]
    code = 1
    try:
        code = _main(name, words)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code or 0)


def _main(name: str, words: list[str]) -> int:
    if name == "headrace":
        return import_module("headrace.cli.main").main(words)
    if name == "dvc":
        return import_module("dvc.cli").main(words)
    sys.argv[1:] = words[2:]
    exec(words[1], {"__name__": "__main__"})  # python -c CODE
    return 0


if __name__ == "__main__":
    serve(int(sys.argv[1]))
else:
    from lab import bake

    _run_process = bake.run
