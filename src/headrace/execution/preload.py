"""The preload server: it imports what the pipeline's notebooks import, and forks the stages.

`python -m headrace.execution.preload LISTENER DVC STAGE`, which `preload_client` starts in the
stage's own environment. Of installed packages it imports what the code of the stages names, never a
module of the project's: those are fresh in each stage. It ends with its dvc.

A package whose import has an effect that a fork would not have (it prints, it starts a thread, it
takes one of the project's files for a module) is left to the stages: the server begins anew, and
without it.
"""

import gc
import hashlib
import marshal
import os
import select
import signal
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from headrace.core import project
from headrace.core.project import Project
from headrace.core.stage import Stage
from headrace.errors import HeadraceError
from headrace.execution import (
    environment,
    ipython_shell,
    preload_client,
    preload_imports,
    stage_process,
    stage_runner,  # noqa: F401  # what a stage imports is imported before the fork
)
from headrace.execution.preload_client import LENGTH, STREAMS, shared_variables
from headrace.execution.preload_fork import StageBegins, Supervision
from headrace.execution.preload_imports import Names

WAKE_S = 0.05
"""Seconds between two looks, during an import, whether the dvc has ended."""
ASKING_S = 10.0
"""Seconds that a client may take to send its request."""
IDLE_S = 600.0
"""Seconds without a stage after which the server ends: a worker of a queue lives for days."""
MAX_SKIPPED = 4
"""Packages with an effect, from which on none is imported ahead."""


class Server:
    """Listens for the stages of one project, in one environment, below one dvc."""

    def __init__(self, listener: socket.socket, dvc: int, stage: str, skipped: list[str]) -> None:
        self._dvc = dvc
        self._stage = stage
        self._variables = dict(os.environ)
        self._listener = listener
        listener.set_inheritable(False)  # whatever an import or this server starts must not hold it
        self._dvc_end = os.pidfd_open(dvc)
        self._skipped = skipped
        study = project.find_project()
        self._root = study.root
        os.chdir(study.root / study.stage(stage).wdir)  # where the stage runs, and its shell begins
        self._later = self._import_ahead(stage)
        self._client: socket.socket | None = None
        self._forks: dict[int, int] = {}
        self._output = os.memfd_create("headrace-preload")
        for number in (1, 2):
            os.dup2(self._output, number)

    def serve(self) -> None:
        """Fork a stage for each request until the dvc ends; import what comes later in between."""
        preload_imports.warm_up()
        ipython_shell.prepare()
        signal.signal(signal.SIGALRM, self._end_with_dvc)
        is_done = False
        while True:
            sources = (self._listener.fileno(), self._dvc_end, *self._forks)
            ready = select.select(sources, [], [], IDLE_S if is_done else 0)[0]
            if self._dvc_end in ready or (is_done and not ready and not self._forks):
                return
            for ended in self._forks.keys() & set(ready):
                os.waitpid(self._forks.pop(ended), 0)
                os.close(ended)
            if self._listener.fileno() in ready:
                with self._listener.accept()[0] as self._client:
                    self._answer(self._client)
                self._client = None
            is_done = next(self._later, None) is None

    def _import_ahead(self, name: str, command: Mapping[str, str] | None = None) -> Iterator[str]:
        """Import what a stage and those behind it need, one by one, on a second processor.

        Once a command has asked, and with it shown its environment, servers of stages with another
        number of threads are started as well.
        """
        if len(os.sched_getaffinity(0)) == 1:
            return
        others: dict[str, tuple[str, dict[str, str]]] = {}
        with suppress(HeadraceError):  # whoever runs the stage is told
            outer = self._variables if command is None else command
            for study, needed in preload_imports.followers(name, outer):
                variables = environment.of_run(study, needed, outer)
                if not self._is_own(variables):
                    others[_digest(variables)] = (needed.name, variables)
                    continue
                for names in preload_imports.named(study, needed):
                    self._import(names)
                    yield needed.name
        for digest, (needed_name, variables) in others.items() if command else ():
            address = f"{self._listener.getsockname().decode()}-{digest}"
            preload_client.start_server(address, self._dvc, needed_name, variables)
            yield needed_name

    def _is_own(self, variables: Mapping[str, str]) -> bool:
        """Tell whether a stage with these variables may be a fork of this process."""
        return shared_variables(variables) == shared_variables(self._variables)

    def _answer(self, client: socket.socket) -> None:
        """Import what a stage needs, and fork its supervisor, which answers the client."""
        with suppress(OSError, ValueError), _received(client) as (request, streams):
            with suppress(HeadraceError):  # the stage itself says what is wrong with it
                study = project.find_project()
                stage = study.stage(request["stage"], request["environment"])
                variables = environment.of_run(study, stage, request["environment"])
                if not self._is_own(variables):
                    client.sendall(f"elsewhere {_digest(variables)}\n".encode())
                    return
                if reason := self._refusal(study, stage):
                    client.sendall(f"refused {reason}\n".encode())
                    return
                for names in preload_imports.named(study, stage):
                    self._import(names)
                self._later = self._import_ahead(stage.name, request["environment"])
            if preload_imports.has_threads():
                client.sendall(b"refused the server has threads\n")
                return
            gc.freeze()  # a collection in a fork would write to the pages that all share
            fork = os.fork()
            if fork == 0:
                self._close()
                Supervision(self._dvc, self._variables, client, request).run(streams)
            self._forks[os.pidfd_open(fork)] = fork

    def _refusal(self, study: Project, stage: Stage) -> str:
        """Return why a stage in this environment needs an interpreter of its own; or nothing."""
        if study.root / stage.wdir != Path.cwd():
            return "it runs in another folder"
        if preload_imports.changes_environment(study, stage):
            return "it names os.environ, which a package may read as it is imported"
        return ""

    def _import(self, names: Names) -> None:
        """Import a module, unless it is left to the stages."""
        package = names[0]
        if len(self._skipped) >= MAX_SKIPPED or package in self._skipped:
            return
        if package in self._project_names() or not preload_imports.is_installed(package):
            return
        modules = set(sys.modules)
        signal.setitimer(signal.ITIMER_REAL, WAKE_S, WAKE_S)
        try:
            with ipython_shell.as_in_cell():
                inside = preload_imports.Traces.now()
                preload_imports.import_longest(names)
                problem = inside.difference()
            problem = problem or self._effect(sys.modules.keys() - modules)
        except BaseException as error:  # a package may fail in any way
            problem = repr(error)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        if problem:
            self._begin_anew(package, problem)

    def _effect(self, modules: Iterable[str]) -> str:
        """Return what an import did that a fork would not have; nothing where it did nothing."""
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        if os.fstat(self._output).st_size:
            return f"printed {os.pread(self._output, 200, 0)!r}"
        if own := {name.partition(".")[0] for name in modules} & self._project_names():
            return f"imported the project's own {', '.join(own)}"
        return "started a thread" if preload_imports.has_threads() else ""

    def _project_names(self) -> set[str]:
        """Return what the project's own folders would be asked for first, by its first name."""
        paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        folders = {self._root, Path.cwd(), *map(Path, filter(None, paths))}
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
        self._listener.set_inheritable(True)
        listener, skipped = str(self._listener.fileno()), ",".join((*self._skipped, package))
        module = [sys.executable, "-m", "headrace.execution.preload"]
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        words = [*module, listener, str(self._dvc), self._stage, skipped]
        os.execve(sys.executable, words, self._variables)

    def _end_with_dvc(self, *_: object) -> None:
        if select.select([self._dvc_end], [], [], 0)[0]:
            os._exit(0)

    def _close(self) -> None:
        """Let go, in a fork, of what is the server's."""
        self._listener.close()
        for descriptor in (self._dvc_end, self._output, *self._forks):
            os.close(descriptor)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        gc.enable()


@contextmanager
def _received(client: socket.socket) -> Iterator[tuple[dict[str, Any], list[int]]]:
    """Provide a request of this user's, and the streams that came with it, closed in the end.

    Errors:
        ValueError: it is none.
    """
    if not preload_client.is_own(client):
        raise ValueError("another user's request")
    client.settimeout(ASKING_S)
    data, streams, _, _ = socket.recv_fds(client, LENGTH.size, len(STREAMS))
    try:
        (size,) = LENGTH.unpack(data)
        with client.makefile("rb") as file:
            data = file.read(size)
        client.settimeout(None)
        yield marshal.loads(data), streams
    finally:
        for stream in streams:
            os.close(stream)


def _digest(variables: Mapping[str, str]) -> str:
    text = repr(sorted(shared_variables(variables).items()))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def main(listener: str, dvc: str, stage: str, skipped: str = "") -> None:
    """Serve until the dvc ends."""
    gc.disable()
    for descriptor in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        if descriptor not in (*STREAMS, int(listener)):
            with suppress(OSError):  # such as a lock that the command's shell holds
                os.close(descriptor)
    try:
        with socket.socket(fileno=int(listener)) as bound:
            # Again: clients see at the other end whoever did it last.
            bound.listen(socket.SOMAXCONN)
            Server(bound, int(dvc), stage, skipped.split(",") if skipped else []).serve()
        os._exit(0)
    except StageBegins as fork:
        arguments = fork.arguments
    stage_process.run(*arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
