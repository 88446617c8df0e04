"""Run a stage as a fork of the server that the first stage below a `dvc repro` started.

The server, `preload`, has imported what the pipeline's notebooks import. This is all that a stage
costs beside its own work, so it imports little.
"""

import hashlib
import marshal
import os
import shlex
import signal
import socket
import struct
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from headrace.core import processes

SWITCH = "HEADRACE_PRELOAD"
"""The variable that turns preload off ("0"), or prints why a stage does without ("debug")."""
OF_ONE_STAGE = ("DVC_STAGE", "OLDPWD", "PWD", "SHLVL", "_")
"""Variables that differ from stage to stage and that nothing reads while it is imported."""
INHERITED = ("Umask", "Groups", "SigBlk", "SigIgn", "CapEff", "NoNewPrivs", "Seccomp", "Cpus_all")
"""What a process inherits, by the beginnings of lines in /proc/self/status."""
STREAMS = (0, 1, 2)
LENGTH = struct.Struct("I")
"""What stands before a request: the bytes of its `marshal`, which imports nothing. Both ends are of
one interpreter and one user."""
KILLED = 128 + signal.SIGKILL
ATTEMPTS = 8
"""Answers to take that send a stage to another server, or ask it to come again."""


def run(stage: str) -> int | None:
    """Run a stage by a server; return its exit code, or None where it has to run without one.

    That is so outside Linux, without a dvc above this process, and in a clean room, where preload
    is turned off.
    """
    if sys.platform != "linux" or os.environ.get(SWITCH) == "0":
        return None
    try:
        return _run(stage)
    except (OSError, ValueError) as error:
        return _without(f"{type(error).__name__}: {error}")


def _without(reason: str) -> int | None:
    """Say, to whoever asked for it, what goes without preload; return no exit code."""
    if os.environ.get(SWITCH) == "debug":
        print(f"  preload: {reason}", file=sys.stderr)
    return None


def _run(stage: str) -> int | None:
    dvc = processes.parent_dvc()
    if dvc is None or os.getsid(dvc) != os.getsid(0):  # an ancestor in another session adopted it
        return _without("no dvc was found above this process")
    if not _is_dvc(dvc):  # a wrapper of this stage alone, or a process that lives for days
        return _without(f"process {dvc} above this one is no dvc")
    before = {number: signal.getsignal(number) for number in processes.FORWARDED}
    for number in before:
        signal.signal(number, lambda *_: _leave())
    try:
        return _ask_until_started(_address(dvc), dvc, stage)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_dvc(process: int) -> bool:
    words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    return any(os.path.basename(word) == b"dvc" for word in words[:3])  # noqa: PTH119  # bytes


def _leave() -> None:
    """Say that nothing was begun, and exit: a fork that is made for this process ends by itself."""
    stage = os.environ["DVC_STAGE"]
    step = shlex.join(["dvc", "repro", stage])
    text = f"\nStage {stage} was interrupted before its first cell. Next: {step}\n"
    os.write(2, text.encode())
    os._exit(1)


def _ask_until_started(first: str, dvc: int, stage: str) -> int | None:
    """Ask servers until one runs the stage; return its exit code, or None where none does."""
    address = first
    value = ""
    for _ in range(ATTEMPTS):
        connection = _connect(address) or _start(address, dvc, stage)
        if connection is None:
            return _without("the server could not be started")
        _send(connection, stage)
        answer, value = _read(connection)
        if answer == "started":
            _forward_signals(connection)
            ended, code = _read(connection)
            return int(code) if ended else KILLED
        if answer == "elsewhere" and address == first:
            address = f"{first}-{value}"
        elif answer == "again":
            _without(f"left to the stages: {value}")
        else:
            break
    return _without(value or "the server ended")


def _address(dvc: int) -> str:
    """Return the name of the server's socket: of this dvc, for processes that are like this one.

    The name is abstract (see unix(7)): no file is left behind, whatever is killed.
    """
    inherited = [line for line in _lines("/proc/self/status") if line.startswith(INHERITED)]
    site = Path(__file__).parents[2]
    identity: list[object] = [
        sorted(shared_variables(os.environ).items()),
        str(Path.cwd()),
        (sys.executable, sys.prefix, tuple(sys.flags)),
        (os.getsid(0), os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0)),
        [Path(f"/proc/self/ns/{name}").stat().st_ino for name in ("pid", "mnt")],
        _lines("/proc/self/oom_score_adj"),
        (inherited, _lines("/proc/self/limits"), _lines("/proc/self/cgroup")),
        site.stat().st_mtime_ns,  # packages were installed
    ]
    digest = hashlib.sha256(repr(identity).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return f"\0headrace-{os.getuid()}-{dvc}-{processes.start_time(dvc)}-{digest}"


def shared_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment's variables without those of one stage."""
    return {name: text for name, text in variables.items() if name not in OF_ONE_STAGE}


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def _connect(address: str) -> socket.socket | None:
    """Return a connection to a server of this user's; None where there is none."""
    connection = socket.socket(socket.AF_UNIX)
    with suppress(ConnectionRefusedError):
        connection.connect(address)
        if is_own(connection):
            return connection
    connection.close()
    return None


def is_own(connection: socket.socket) -> bool:
    """Tell whether the other end is a process of this user's, in this session."""
    size = struct.calcsize("3i")
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    process, user, _ = struct.unpack("3i", packed)
    with suppress(ProcessLookupError):  # it has just ended
        # The process is 0 where it is one of another namespace.
        return bool(process) and user == os.getuid() and os.getsid(process) == os.getsid(0)
    return False


def _start(address: str, dvc: int, stage: str) -> socket.socket | None:
    """Start a server in this stage's environment, and connect to it."""
    from headrace.core import project  # only the first stage pays for these
    from headrace.errors import HeadraceError
    from headrace.execution import environment

    try:
        study = project.find_project()
        variables = environment.of_run(study, study.stage(stage), os.environ)
    except HeadraceError:  # the stage itself says it
        return None
    start_server(address, dvc, stage, variables)
    return _connect(address)


def start_server(address: str, dvc: int, stage: str, variables: Mapping[str, str]) -> None:
    """Start a server in a process group of its own, unless another process was quicker."""
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            listener.bind(address)
        except OSError:
            return
        listener.listen(socket.SOMAXCONN)
        os.set_inheritable(listener.fileno(), True)
        module = [sys.executable, "-m", "headrace.execution.preload"]
        null = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in STREAMS]
        os.posix_spawn(
            sys.executable,
            [*module, str(listener.fileno()), str(dvc), stage],
            variables,
            file_actions=null,
            setpgroup=0,  # Ctrl-C is the stage's
            setsigmask=[],
        )


def _send(connection: socket.socket, stage: str) -> None:
    """Send what the server has to run, and this process's own streams."""
    request = {
        "stage": stage,
        "folder": str(Path.cwd()),
        "group": os.getpgrp(),
        "environment": dict(os.environ),
    }
    data = marshal.dumps(request)
    socket.send_fds(connection, [LENGTH.pack(len(data))], STREAMS)
    connection.sendall(data)


def _forward_signals(connection: socket.socket) -> None:
    """Let the stage end where this process is asked to: it reports its cell."""

    def forward(number: int, _frame: Any) -> None:
        with suppress(OSError):  # it has just ended
            connection.send(bytes([number]))

    for number in processes.FORWARDED:
        signal.signal(number, forward)


def _read(connection: socket.socket) -> tuple[str, str]:
    """Return an answer's word and value; two empty ones where the connection ends."""
    line = b""
    while not line.endswith(b"\n"):
        with suppress(ConnectionResetError):
            if byte := connection.recv(1):
                line += byte
                continue
        return "", ""
    word, _, value = line.decode().strip().partition(" ")
    return word, value
