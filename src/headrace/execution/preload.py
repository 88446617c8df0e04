"""The preload server: it imports what the pipeline's notebooks import, and forks the stages.

`python -m headrace.execution.preload LISTENER DVC STAGE`, which `preload_client` starts in the
stage's own environment. Of installed packages it imports what the code of the stages names, never a
module of the project's: those are fresh in each stage. It ends with its dvc.

A package whose import has an effect that a fork would not have (it prints, it starts a thread, it
takes one of the project's files for a module) is left to the stages: the server begins anew, and
without it.
"""

import ast
import gc
import hashlib
import importlib
import json
import os
import re
import select
import signal
import socket
import sys
import sysconfig
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import pydantic
from nbformat import validator

import headrace
from headrace.core import imports, processes, project, requirements
from headrace.core.pipeline import Stage
from headrace.core.project import Project
from headrace.errors import HeadraceError
from headrace.execution import (
    environment,
    ipython_shell,
    preload_client,
    stage_process,
    stage_runner,  # noqa: F401  # what a stage imports is imported before the fork
    supervisor,
)
from headrace.execution.preload_client import STREAMS, shared_variables
from headrace.execution.progress import StageState
from headrace.execution.resource_usage import Meter

WAKE_S = 0.05
"""Seconds between two looks, during an import, whether the dvc has ended."""
ASKING_S = 10.0
"""Seconds that a client may take to send its request."""
MAX_SKIPPED = 4
"""Packages with an effect, from which on none is imported ahead."""
COMPANIONS = {
    "pandas": ("pyarrow", "parquet"),
    "matplotlib": ("matplotlib", "backends", "backend_agg"),
}
"""What a package imports only when it is used, as notebooks use it."""
V4_5 = (4, 5)
"""The version of the notebook format."""
MAGIC = re.compile(r"(?m)^\s*[%!?].*$|^.*\?$")
SITE = tuple({sysconfig.get_path(name) for name in ("purelib", "platlib")})

Names = tuple[str, ...]
"""The parts of a dotted name, of which the last may be no module."""


class StageBegins(BaseException):
    """Unwinds a fork that becomes a stage: its stack is then as deep as a new interpreter's."""

    def __init__(self, stage: str, state: StageState, meter: Meter) -> None:
        self.arguments = (stage, state, meter)


class Server:
    """Listens for the stages of one project, in one environment, below one dvc."""

    def __init__(self, listener: socket.socket, dvc: int, stage: str, skipped: list[str]) -> None:
        self.dvc = dvc
        self._stage = stage
        self.variables = dict(os.environ)
        self._listener = listener
        self._dvc_end = os.pidfd_open(dvc)
        self._skipped = skipped
        self._root = project.find_project().root
        self._later = self._import_ahead(stage, {})
        self._client: socket.socket | None = None
        self._output = os.memfd_create("headrace-preload")
        for number in (1, 2):
            os.dup2(self._output, number)

    def serve(self) -> None:
        """Fork a stage for each request until the dvc ends; import what comes later in between."""
        os.chdir(self._root)
        _warm_up()
        ipython_shell.prepare()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
        signal.signal(signal.SIGALRM, self._end_with_dvc)
        poll = select.poll()
        for source in (self._listener.fileno(), self._dvc_end):
            poll.register(source, select.POLLIN)
        is_done = False
        while True:
            ready = {source for source, _ in poll.poll(None if is_done else 0)}
            if self._dvc_end in ready:
                return
            if ready:
                with self._listener.accept()[0] as self._client:
                    self._answer(self._client)
            is_done = next(self._later, None) is None

    def _import_ahead(self, name: str, outer: Mapping[str, str]) -> Iterator[str]:
        """Import what a stage and those behind it need, one by one, on a second processor.

        The first server, which knows the environment of the command, starts those of stages with
        another number of threads.
        """
        study, stage = _find(name)
        if study is None or stage is None or len(os.sched_getaffinity(0)) == 1:
            return
        others = {}
        for needed in _followers(study, stage):
            variables = environment.of_run(study, needed, outer or self.variables)
            if self.is_own(variables):
                for names in _named(study, needed):
                    self._import(names)
                    yield needed.name
            else:
                others[_digest(variables)] = (needed.name, variables)
        for digest, (needed_name, variables) in others.items() if outer else ():
            address = f"{self._listener.getsockname().decode()}-{digest}"
            preload_client.start_server(address, self.dvc, needed_name, variables)
            yield needed_name

    def is_own(self, variables: Mapping[str, str]) -> bool:
        """Tell whether a stage with these variables may be a fork of this process."""
        return shared_variables(variables) == shared_variables(self.variables)

    def _answer(self, client: socket.socket) -> None:
        """Import what a stage needs, and fork its supervisor, which answers the client."""
        with suppress(OSError, ValueError), _received(client) as (request, streams):
            study, stage = _find(request["stage"])
            if study and stage:
                variables = environment.of_run(study, stage, request["environment"])
                if not self.is_own(variables):
                    client.sendall(f"elsewhere {_digest(variables)}\n".encode())
                    return
                for names in _named(study, stage):
                    self._import(names)
                self._later = self._import_ahead(stage.name, request["environment"])
            gc.freeze()  # a collection in a fork would write to the pages that all share
            if os.fork() == 0:
                self._close()
                _Supervision(self, client, request).run(streams)

    def _import(self, names: Names) -> None:
        """Import a module, unless it is left to the stages."""
        package = names[0]
        if len(self._skipped) >= MAX_SKIPPED or package in self._skipped:
            return
        if package in self._project_names() or not _is_installed(package):
            return
        before = set(sys.modules)
        signal.setitimer(signal.ITIMER_REAL, WAKE_S, WAKE_S)
        try:
            with ipython_shell.as_in_cell():
                _import_longest(names)
            problem = self._effect(before)
        except BaseException as error:  # a package may fail in any way
            problem = repr(error)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        if problem:
            self._begin_anew(package, problem)

    def _effect(self, before: set[str]) -> str:
        """Return what an import did that a fork would not have; nothing where it did nothing."""
        if os.fstat(self._output).st_size:
            return f"printed {os.pread(self._output, 200, 0)!r}"
        imported = {name.partition(".")[0] for name in sys.modules.keys() - before}
        if own := imported & self._project_names():
            return f"imported the project's own {', '.join(own)}"
        if _threads() > 1:
            # A library that ends its threads for a fork, as OpenBLAS does, has done so after one.
            if os.fork() == 0:
                os._exit(0)
            if _threads() > 1:
                return "started a thread"
        return ""

    def _project_names(self) -> set[str]:
        """Return what the project's own folders would be asked for first, by its first name."""
        paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        folders = {self._root, *map(Path, filter(None, paths))}
        return {
            entry.name.partition(".")[0]
            for folder in folders
            if folder.is_dir()
            for entry in folder.iterdir()
        }

    def _begin_anew(self, package: str, problem: str) -> NoReturn:
        """Become a new server, that imports all but a package; the listening socket stays."""
        if self._client is not None:
            with suppress(OSError):
                self._client.sendall(f"again {package}: {problem}\n".encode())
        listener, skipped = str(self._listener.fileno()), ",".join((*self._skipped, package))
        module = [sys.executable, "-m", "headrace.execution.preload"]
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        words = [*module, listener, str(self.dvc), self._stage, skipped]
        os.execve(sys.executable, words, self.variables)

    def _end_with_dvc(self, *_: object) -> None:
        if select.select([self._dvc_end], [], [], 0)[0]:
            os._exit(0)

    def _close(self) -> None:
        """Let go, in a fork, of what is the server's."""
        self._listener.close()
        for descriptor in (self._dvc_end, self._output):
            os.close(descriptor)
        for number in (signal.SIGCHLD, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        gc.enable()


class _Supervision:
    """The fork that runs a stage as `headrace run` does, and answers the command that waits."""

    def __init__(self, server: Server, client: socket.socket, request: dict[str, Any]) -> None:
        self._server = server
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
        self._client.sendall(b"started\n")
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
            return supervisor.run(study, stage, self._start, self._server.dvc)
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
        if not self._server.is_own(variables):
            return supervisor.start_interpreter(stage, state, variables)
        begun = time.monotonic()
        process = Fork(os.fork())
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
        own = {name: variables[name] for name in preload_client.OF_ONE_STAGE if name in variables}
        os.environ.clear()
        os.environ.update(shared_variables(self._inherited) | own)
        importlib.invalidate_caches()
        for output in (sys.stdout, sys.stderr):
            # A module may hold them since its import; what it writes belongs to the running cell.
            output.reconfigure(write_through=True)  # type: ignore[union-attr]
        if "numpy.random" in sys.modules:  # Python's own generator is seeded anew in each fork
            sys.modules["numpy.random"].seed()


class Fork:
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


@contextmanager
def _received(client: socket.socket) -> Iterator[tuple[dict[str, Any], list[int]]]:
    """Provide a request of this user's, and the streams that came with it, closed in the end.

    Errors:
        ValueError: it is none.
    """
    if preload_client.peer(client)[1] != os.getuid():
        raise ValueError("another user's request")
    client.settimeout(ASKING_S)
    data, streams, _, _ = socket.recv_fds(client, 1 << 16, len(STREAMS))
    try:
        while not data.endswith(b"\n"):
            more = client.recv(1 << 16)
            if not more:
                raise ValueError("half a request")
            data += more
        client.settimeout(None)
        yield json.loads(data), streams
    finally:
        for stream in streams:
            os.close(stream)


def _find(name: str) -> tuple[Project, Stage] | tuple[None, None]:
    """Return the study as it is now, and a stage; nothing where the stage itself has to say why."""
    with suppress(HeadraceError):
        study = project.find_project()
        return study, study.stage(name)
    return None, None


def _followers(study: Project, stage: Stage) -> Iterator[Stage]:
    """Yield a stage, and those behind it that read what it or another of them makes."""
    yield stage
    made = {out.path for out in stage.outs}
    for other in study.stages.values():
        if made & {dep.path for dep in other.deps}:
            made |= {out.path for out in other.outs}
            yield other


def _named(study: Project, stage: Stage) -> Iterator[Names]:
    """Yield the names that a stage's notebook imports, itself and by the project's own modules."""
    graph = imports.Graph(study.root, study.source)
    trees = []
    with suppress(HeadraceError, OSError, ValueError, KeyError, TypeError):
        cells = json.loads(study.notebook(stage).read_bytes())["cells"]
        trees = [_tree(cell) for cell in cells if cell["cell_type"] == "code"]
    for tree in trees:
        modules = [imports.tree_of(study.root / file) for file in graph.files(tree)]
        for names in (name for part in (tree, *modules) for name in imports.imported(part, ())):
            yield names
            if companion := COMPANIONS.get(names[0]):
                yield companion


def _tree(cell: Mapping[str, Any]) -> ast.Module:
    """Return a cell's syntax tree, but for IPython's own commands."""
    try:
        return ast.parse(MAGIC.sub("", "".join(cell["source"])))
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def _is_installed(package: str) -> bool:
    """Tell whether a package is one of the environment's, whose versions are locked."""
    if package in sys.modules:
        return hasattr(sys.modules[package], "__path__")
    with suppress(ImportError, ValueError):
        found = find_spec(package)
        return found is not None and str(found.origin).startswith(SITE)
    return False


def _import_longest(names: Names) -> None:
    """Import a dotted name as far as it is a module."""
    module = importlib.import_module(names[0])
    for length in range(2, len(names) + 1):
        name = ".".join(names[:length])
        if hasattr(module, names[length - 1]) or not hasattr(module, "__path__"):
            module = getattr(module, names[length - 1], module)
        elif find_spec(name):
            module = importlib.import_module(name)


def _warm_up() -> None:
    """Do what every stage does at first: compile nbformat's schema, find pydantic's plugins."""
    validator.get_validator(*V4_5)
    pydantic.create_model("Params", seed=(int, pydantic.Field(ge=0)))
    importlib.import_module("IPython.extensions.storemagic")


def _threads() -> int:
    return len([*Path("/proc/self/task").iterdir()])


def _digest(variables: Mapping[str, str]) -> str:
    text = repr(sorted(shared_variables(variables).items()))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _send_sigio(descriptor: int) -> None:
    """Let the system send SIGIO when a descriptor can be read."""
    import fcntl

    fcntl.fcntl(descriptor, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_ASYNC)


def main(listener: str, dvc: str, stage: str, skipped: str = "") -> None:
    """Serve until the dvc ends."""
    gc.disable()
    try:
        with socket.socket(fileno=int(listener)) as bound:
            Server(bound, int(dvc), stage, skipped.split(",") if skipped else []).serve()
        os._exit(0)
    except StageBegins as fork:
        arguments = fork.arguments
    stage_process.run(*arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
