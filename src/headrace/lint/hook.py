"""The pre-commit hook: `headrace check --staged` on each commit, before git makes it."""

import os
import shlex
from pathlib import Path

from headrace.core import git
from headrace.core.project import Project
from headrace.errors import ProjectError

MARK = "# headrace's own hook"
"""Identifies our hook, in old studies too."""
SCRIPT = """\
#!/bin/sh
{mark}: `headrace hook` installed it, `headrace hook --remove` uninstalls it.
cd {folder} || exit 1
if [ -x .venv/bin/headrace ]; then exec .venv/bin/headrace check --staged; fi
if command -v headrace >/dev/null 2>&1; then exec headrace check --staged; fi
echo "headrace is not installed, so the commit cannot be checked. Next: make setup" >&2
exit 1
"""


def install(project: Project) -> str:
    """Install the hook; return a line for the user.

    Errors:
        ProjectError: there is no repository, or another hook is installed.
    """
    path = _path(project.root)
    # git runs a hook at the top of the repository, and the study may lie below it.
    folder = shlex.quote(f"./{git.prefix(project.root)}")
    line = f"  (cd {folder} && headrace check --staged) || exit 1"
    text = path.read_text("utf-8", "replace") if path.exists() else ""
    if path.exists() and MARK not in text:
        raise ProjectError(f"{path} is not headrace's hook. Next: add this line to it:\n{line}")
    if path.exists() and f"\ncd {folder} ||" not in text:
        raise ProjectError(
            f"{path} checks another study of this repository."
            " Next: add this line above its first line that begins with `if`, so that it checks"
            f" both; or run headrace hook --remove in the other study first:\n{line}"
        )
    path.parent.mkdir(parents=True, exist_ok=True)  # `git init --template=` makes no hooks folder
    path.write_text(SCRIPT.format(mark=MARK, folder=folder), "utf-8")
    path.chmod(0o755)
    return f"{path}: installed; git checks each commit with it"


def remove(project: Project) -> str:
    """Uninstall the hook; return a line for the user.

    Errors:
        ProjectError: there is no repository, or another hook is installed.
    """
    path = _path(project.root)
    if not path.exists():
        return "No hook is installed."
    if MARK not in path.read_text("utf-8", "replace"):
        raise ProjectError(f"{path} is not headrace's hook. Next: delete it by hand")
    path.unlink()
    return f"{path}: uninstalled"


def _path(root: Path) -> Path:
    """Return the path of git's pre-commit hook."""
    if not git.is_repository(root):
        raise ProjectError(f"{root} is in no git repository. Next: git init -b main")
    hooks = git.run(root, "rev-parse", "--git-path", "hooks").rstrip("\n")
    return Path(os.path.normpath(root / hooks)) / "pre-commit"
