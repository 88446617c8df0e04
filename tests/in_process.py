"""Run `headrace` in this process, as quick as a call, for tests that need no process of its own."""

import io
import os
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path

from headrace.cli.main import main
from lab import bake


def headrace(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder and return what it printed, both streams together.

    What it imported of the study in the folder is forgotten afterwards: other tests have studies
    whose modules bear the same names.
    """
    printed, path, variables = io.StringIO(), [*sys.path], dict(os.environ)
    try:
        with chdir(folder), redirect_stdout(printed), redirect_stderr(printed):
            code = main(words)
    finally:
        sys.path[:] = path
        os.environ.clear()
        os.environ.update(variables)
        for name, module in [*sys.modules.items()]:
            if str(getattr(module, "__file__", None) or "").startswith(f"{folder.resolve()}/"):
                del sys.modules[name]
    return subprocess.CompletedProcess(words, code, printed.getvalue())


def numeric_imports(folder: Path, *words: str) -> list[str]:
    """Run a command in a new process; return its exit code and the slow libraries it imported."""
    slow = "{'numpy', 'pandas', 'dvc', 'gto', 'pydantic', 'nbformat'}"
    code = f"import sys; from headrace.cli.main import main; print(main({words!r}))"
    code += f"; print({slow} & set(sys.modules))"
    return bake.run(folder, sys.executable, "-c", code).stdout.splitlines()[-2:]
