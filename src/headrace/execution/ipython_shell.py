"""IPython's kernel shell without a kernel: the same magics, displays and errors."""

import builtins
import getpass
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from types import ModuleType
from typing import Any, NoReturn
from unittest import mock

from ipykernel.compiler import XCachingCompiler, get_tmp_hash_seed, murmur2_x86
from ipykernel.kernelbase import Kernel
from ipykernel.zmqshell import ZMQInteractiveShell
from traitlets.config import Config

from headrace.execution.output_recorder import Recorder

INLINE = "module://matplotlib_inline.backend_inline"


class Compiler(XCachingCompiler):
    """Names a cell's code as a kernel does, but for the process id: a warning shows the name."""

    def get_code_name(self, raw_code: str, code: str, number: int) -> str:
        """Return the name that tracebacks and warnings give to a cell's code."""
        return f"/tmp/ipykernel_0/{murmur2_x86(raw_code, get_tmp_hash_seed())}.py"


class Shell(ZMQInteractiveShell):
    """The shell that a notebook's cells run in."""

    def enable_gui(self, gui: Any = None) -> None:
        """Accept any: nobody looks at a window."""
        self.active_eventloop = gui

    def ask_exit(self) -> NoReturn:
        """Stop the cell: `exit()` ends a stage before its time, as `sys.exit()` does."""
        raise SystemExit("exit() in a cell")


@contextmanager
def started(recorder: Recorder) -> Iterator[Shell]:
    """Provide a new shell whose outputs go to the recorder; afterwards all is as it was."""
    module = ModuleType("__main__", "The notebook's own module.")
    with ExitStack() as undo:
        undo.enter_context(mock.patch.dict(os.environ, {"MPLBACKEND": INLINE}))
        undo.callback(sys.modules.__setitem__, "__main__", sys.modules["__main__"])
        undo.enter_context(mock.patch.object(sys, "path", _path()))
        undo.enter_context(mock.patch.object(sys, "argv", [""]))
        undo.enter_context(mock.patch.multiple(logging.root, handlers=[], level=logging.WARNING))
        no_stdin: Any = _NoStdin
        undo.enter_context(
            mock.patch.object(builtins, "input", partial(Kernel.raw_input, no_stdin))
        )
        undo.enter_context(mock.patch.object(getpass, "getpass", partial(Kernel.getpass, no_stdin)))
        Shell.clear_instance()
        shell = Shell.instance(
            config=_config(), user_module=module, user_ns=module.__dict__, compiler_class=Compiler
        )
        undo.callback(Shell.clear_instance)
        undo.callback(shell.restore_sys_module_state)
        _connect(shell, recorder)
        yield shell


def _connect(shell: Any, recorder: Recorder) -> None:
    """Let what the shell shows go to the recorder, and load the magic that every kernel has."""
    for part in (shell.displayhook, shell.display_pub):
        part.session = recorder
        part.topic = b""
    shell.extension_manager.load_extension("storemagic")


def _config() -> Config:
    """Return the settings of a shell that keeps no history on disk."""
    config = Config()
    config.HistoryManager.enabled = False
    config.IPKernelApp.headrace = True  # libraries look for this name to know a notebook
    return config


class _NoStdin:
    """In a kernel's place: there is nobody to answer a question."""

    _allow_stdin = False


def _path() -> list[str]:
    """Return the import path with the working directory where a kernel has it, after Python's own.

    So a file in it, say a random.py, replaces no module of Python's.
    """
    path = [entry for entry in sys.path if entry]
    packages = (i for i, entry in enumerate(path) if entry.endswith("-packages"))
    path.insert(next(packages, len(path)), "")
    return path
