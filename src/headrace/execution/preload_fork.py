"""The forks of a preload server: one supervises as `headrace run` does, one is the stage."""

import fcntl
import importlib
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NoReturn

import headrace
from headrace.core import processes, project, requirements
from headrace.core.stage import Stage
from headrace.errors import HeadraceError
from headrace.execution import stage_process, supervisor
from headrace.execution.preload_client import OF_ONE_STAGE, STREAMS, shared_variables
from headrace.execution.progress import StageState
from headrace.execution.resource_usage import Meter


class StageBegins(BaseException):
    """Unwinds a fork that becomes a stage: its stack is then as deep as a new interpreter's."""

    def __init__(self, stage: str, state: StageState, meter: Meter) -> None:
        self.arguments = (stage, state, meter)


class Supervision:
    """The fork that runs a stage as `headrace run` does, and answers the command that waits."""

    def __init__(
        self,
        dvc: int,
        variables: Mapping[str, str],
        client: socket.socket,
        request: Mapping[str, Any],
    ) -> None:
        self._dvc = dvc
        self._variables = variables
        self._client = client
        self._request = request
        self._inherited = dict(os.environ)  # with what imports have changed

    def run(self, streams: list[int]) -> NoReturn:
        """Run the stage, answer with its exit code, and exit."""
        code = 1
        try:
            self._become_command(streams)
            code = self._run()
        except StageBegins:
            raise
        except KeyboardInterrupt:
            code = stage_process.INTERRUPTED
        except BaseException:
            traceback.print_exc()
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        signal.signal(signal.SIGIO, signal.SIG_IGN)  # the client leaves once it has its answer
        with suppress(OSError):
            self._client.sendall(f"ended {code}\n".encode())
        os._exit(code)

    def _become_command(self, streams: list[int]) -> None:
        """Take the client's place: its process group, streams, folder and environment."""
        try:
            os.setpgid(0, self._request["group"])
        except OSError as error:
            self._client.sendall(f"refused {error}\n".encode())
            os._exit(1)
        for stream, number in zip(streams, STREAMS, strict=True):
            os.dup2(stream, number)
            os.close(stream)
        streams.clear()
        for output in (sys.stdout, sys.stderr):
            output.reconfigure(line_buffering=output is sys.stderr or output.isatty())  # type: ignore[union-attr]
        os.chdir(self._request["folder"])
        os.environ.clear()
        os.environ.update(self._request["environment"])
        try:
            self._client.sendall(b"started\n")
        except OSError:  # it has gone
            os._exit(1)
        self._watch_client()

    def _watch_client(self) -> None:
        """End with the client, and receive the signals that it had."""
        signal.signal(signal.SIGIO, self._look)
        self._client.setblocking(False)
        _send_sigio(self._client.fileno())
        self._look()  # for what came before

    def _look(self, *_: object) -> None:
        try:
            signals = self._client.recv(64)
        except BlockingIOError:
            return
        except OSError:
            signals = b""
        if not signals:
            processes.end_children()
            os._exit(1)
        for number in signals:
            os.kill(os.getpid(), number)

    def _run(self) -> int:
        try:
            study = project.find_project()
            requirements.require_version(study.root, headrace.__version__)
            stage = study.stage(self._request["stage"])
            return supervisor.run(study, stage, self._start, self._dvc)
        except HeadraceError as error:
            stage_process.show(error)
            return 1
        except KeyboardInterrupt:
            return stage_process.INTERRUPTED
        except SystemExit as end:
            return int(end.code or 0)

    def _start(
        self, stage: Stage, state: StageState, variables: dict[str, str]
    ) -> supervisor.Process:
        """Fork the stage's process; start an interpreter where its environment is another."""
        if shared_variables(variables) != shared_variables(self._variables):
            return supervisor.start_interpreter(stage, state, variables)
        begun = time.monotonic()
        process = _Fork(os.fork())
        if process.pid == 0:
            stage_process.exit_when_interrupted()
            signal.signal(signal.SIGIO, signal.SIG_DFL)
            self._client.close()
            self._become_stage(variables)
            meter = Meter(begun)
            for part in ("interpreter", "imports"):
                meter.mark(part)
            raise StageBegins(stage.name, StageState(os.dup(state.descriptor)), meter)
        return process

    def _become_stage(self, variables: Mapping[str, str]) -> None:
        """Have the environment and the randomness of a new interpreter."""
        own = {name: variables[name] for name in OF_ONE_STAGE if name in variables}
        os.environ.clear()
        os.environ.update(shared_variables(self._inherited) | own)
        importlib.invalidate_caches()
        for output in (sys.stdout, sys.stderr):
            # A module may hold them since its import; what it writes belongs to the running cell.
            output.reconfigure(write_through=True)  # type: ignore[union-attr]
        if "numpy.random" in sys.modules:  # Python's own generator is seeded anew in each fork
            sys.modules["numpy.random"].seed()


class _Fork:
    """A child of this process, with as much of subprocess.Popen as a supervisor needs."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal; None as long as it runs."""
        if self.returncode is None:
            look = os.WEXITED | os.WNOHANG | os.WNOWAIT
            return self.wait() if os.waitid(os.P_PID, self.pid, look) else None
        return self.returncode

    def wait(self) -> int:
        """Wait for its end; return the exit code."""
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


def _send_sigio(descriptor: int) -> None:
    """Let the system send SIGIO when a descriptor can be read."""
    fcntl.fcntl(descriptor, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_ASYNC)
