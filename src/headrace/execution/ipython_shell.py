"""IPython's kernel shell without a kernel process: the same class, magics, displays and errors."""

import atexit
import builtins
import getpass
import logging
import os
import pdb
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import ModuleType
from typing import Any, NoReturn

import comm
from ipykernel.compiler import XCachingCompiler, get_tmp_hash_seed, murmur2_x86
from ipykernel.kernelbase import Kernel
from ipykernel.zmqshell import ZMQInteractiveShell
from IPython.core import debugger
from traitlets import Unicode
from traitlets.config import Config, Configurable

from headrace.core.attributes import replaced
from headrace.execution import process_end
from headrace.execution.environment import INLINE
from headrace.execution.output_recorder import Recorder

BACKEND = "matplotlib_inline.backend_inline"


class Compiler(XCachingCompiler):
    """Names a cell's code as a kernel does, but for the process id: a warning shows the name."""

    def get_code_name(self, raw_code: str, code: str, number: int) -> str:
        """Return the name that tracebacks and warnings give to a cell's code."""
        return f"/tmp/ipykernel_0/{murmur2_x86(raw_code, get_tmp_hash_seed())}.py"


class IPythonKernel(Kernel):
    """What `get_ipython().kernel` is: it knows session and request, and has no socket.

    ipykernel's own class of this name opens a debugger and takes longer to import than a cell.
    """

    __module__ = "ipykernel.ipkernel"

    shell: Any = None

    @property
    def comm_manager(self) -> Any:
        """The channels of widgets; libraries register theirs here."""
        return comm.get_comm_manager()


class IPKernelApp(Configurable):
    """A kernel's application, which `%config` lists."""

    connection_file = Unicode("").tag(config=True)


@contextmanager
def start_shell(recorder: Recorder) -> Iterator[ZMQInteractiveShell]:
    """Provide a shell whose outputs go to the recorder; afterwards all is as it was."""
    with ExitStack() as undo:
        undo.callback(_restoring_builtins())
        undo.callback(_restoring_environment())
        os.environ["MPLBACKEND"] = INLINE
        undo.callback(sys.modules.__setitem__, "__main__", sys.modules["__main__"])
        kernel = _prepared.pop() if _prepared else _new_kernel()
        kernel.session = recorder
        if kernel.shell:  # it was made ahead, in a process with other streams
            kernel.shell.save_sys_module_state()
            _redirect_handlers()
        undo.callback(IPythonKernel.clear_instance)
        for owner, name, value in _replacements(kernel):
            undo.enter_context(replaced(owner, name, value))
        shell = kernel.shell or _new_shell(kernel)
        sys.modules["__main__"] = shell.user_module
        process_end.clear_at_end(shell.user_ns)
        undo.callback(ZMQInteractiveShell.clear_instance)
        undo.callback(shell.restore_sys_module_state)
        _connect(shell, recorder)
        yield shell


def prepare() -> None:
    """Make the next shell ahead: some libraries look for a notebook when they are imported."""
    kernel = _new_kernel()
    with replaced(sys, "path", _path()), replaced(sys, "argv", [""]):
        _new_shell(kernel)
    kernel.shell.restore_sys_module_state()
    _prepared.append(kernel)


@contextmanager
def as_in_cell() -> Iterator[None]:
    """Let what is imported find the shell that was made ahead, as in a cell of it."""
    kernel = _prepared[-1]
    main = sys.modules["__main__"]
    with ExitStack() as undo:
        for owner, name, value in _replacements(kernel):
            undo.enter_context(replaced(owner, name, value))
        undo.enter_context(kernel.shell.builtin_trap)
        undo.callback(sys.modules.__setitem__, "__main__", main)
        sys.modules["__main__"] = kernel.shell.user_module
        yield


_prepared: list[Any] = []


def _redirect_handlers() -> None:
    """Let the log handlers that imports have made ahead write to the cells, as others do."""
    streams = {sys.__stdout__: sys.stdout, sys.__stderr__: sys.stderr}
    for reference in logging._handlerList:  # type: ignore[attr-defined]
        handler = reference()
        if isinstance(handler, logging.StreamHandler) and handler.stream in streams:
            handler.stream = streams[handler.stream]


def _replacements(kernel: Any) -> list[tuple[object, str, object]]:
    """Return what a cell finds in Python's modules as in a kernel: object, attribute, value."""
    return [
        (sys, "path", _path()),
        (sys, "argv", [""]),
        (logging.root, "handlers", []),
        (logging.root, "level", logging.WARNING),
        (comm, "create_comm", _create_comm),
        (sys, "breakpointhook", _pass_breakpoint),
        (pdb, "Pdb", debugger.InterruptiblePdb),
        (pdb, "set_trace", debugger.set_trace),
        (builtins, "input", kernel.raw_input),
        (getpass, "getpass", kernel.getpass),
    ]


def forget_long_texts(shell: Any, count: int, limit: int) -> None:
    """Let go of what IPython keeps of a cell's streams, for `%notebook`, beyond a length."""
    for output in shell.history_manager.outputs.get(count, ()):
        texts = output.bundle.get("stream", [])
        if sum(map(len, texts)) > limit:
            texts.clear()


def _new_kernel() -> Any:
    IPythonKernel.clear_instance()
    return IPythonKernel.instance()


def _new_shell(kernel: Any) -> Any:
    """Return a shell of ipykernel's own class: libraries ask for its name to know a notebook."""
    ZMQInteractiveShell.clear_instance()
    module = ModuleType("__main__", "The notebook's own module.")
    shell: Any = ZMQInteractiveShell.instance(
        config=_config(),
        user_module=module,
        user_ns=module.__dict__,
        compiler_class=Compiler,
        kernel=kernel,
    )
    shell.enable_gui = lambda gui=None: setattr(shell, "active_eventloop", gui)  # no window opens
    shell.ask_exit = _refuse_exit
    atexit.unregister(shell.atexit_operations)
    atexit.register(_end, shell)
    shell.configurables.append(IPKernelApp())
    kernel.shell = shell
    return shell


def _end(shell: Any) -> None:
    with suppress(FileNotFoundError):  # it asks for the working directory; a cell may remove that
        shell.atexit_operations()


def _refuse_exit() -> NoReturn:
    """Stop the cell: `exit()` ends a stage before its time, as `sys.exit()` does."""
    raise SystemExit("exit() in a cell")


def _pass_breakpoint(*_: Any, **__: Any) -> None:
    """Go on: nobody is there to look. A kernel to which no debugger is attached goes on as well."""


def _connect(shell: Any, recorder: Recorder) -> None:
    """Let what the shell shows go to the recorder, and load the magic that every kernel has."""
    shell.history_manager.outputs.clear()  # IPython has one of these for all shells of a process
    for part in (shell.displayhook, shell.display_pub):
        part.session = recorder
        part.topic = b""
    shell.extension_manager.load_extension("storemagic")
    backend = sys.modules.get(BACKEND)
    if backend is not None:  # the study's own modules drew before there was a shell to draw for
        backend._enable_matplotlib_integration()


def _create_comm(*arguments: Any, **options: Any) -> Any:
    """Open a widget's channel, whose messages go to the recorder as a kernel's go to its client."""
    from ipykernel.comm.comm import BaseComm  # seldom needed

    return BaseComm(*arguments, **options)


def _config() -> Config:
    """Return the settings that a notebook client gives a kernel: no history on disk."""
    config = Config()
    config.HistoryManager.hist_file = ":memory:"  # in memory IPython needs no thread to save it
    config.IPKernelApp.headrace = True  # libraries look for this name to know a notebook
    return config


def _restoring_builtins() -> Callable[[], None]:
    """Return a function that undoes what cells did to Python's built-in names.

    A cell may replace `open` or `len`; the run is written after it, with Python's own.
    """
    names = vars(builtins)
    before = dict(names)

    def restore() -> None:
        names.update(before)

    return restore


def _restoring_environment() -> Callable[[], None]:
    """Return a function that undoes what cells did to the environment's variables."""
    before = dict(os.environ)

    def restore() -> None:
        os.environ.clear()
        os.environ.update(before)

    return restore


def _path() -> list[str]:
    """Return the import path with the working directory where a kernel has it, after Python's own.

    So a file in it, say a random.py, replaces no module of Python's.
    """
    path = [entry for entry in sys.path if entry]
    packages = (i for i, entry in enumerate(path) if entry.endswith("-packages"))
    path.insert(next(packages, len(path)), "")
    return path
