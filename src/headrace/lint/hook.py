"""The pre-commit hook: each commit is checked as it will be, before git makes it."""

import os
import shlex
from pathlib import Path

from headrace.core import git
from headrace.core.project import Project
from headrace.errors import ProjectError

MARK = "# headrace's own hook"
SCRIPT = """\
#!/bin/sh
{mark}: `headrace hook` wrote it, `headrace hook --remove` takes it away.
cd {folder} || exit 1
if [ -x .venv/bin/headrace ]; then exec .venv/bin/headrace check --staged; fi
if command -v headrace >/dev/null 2>&1; then exec headrace check --staged; fi
echo "headrace is not installed: the commit is not checked. Next: make setup" >&2
exit 1
"""


def write(project: Project) -> str:
    """Have git check each commit; return what was written.

    Errors:
        ProjectError: there is no repository, or a hook of someone else's.
    """
    path, script = _path(project.root), _script(project.root)
    if path.exists() and MARK not in _text(path):
        raise ProjectError(
            f"{path} is not headrace's, and stays. Next: add this line to it:\n"
            f"  (cd {_folder(project.root)} && headrace check --staged) || exit 1"
        )
    if path.exists() and f"\ncd {_folder(project.root)} ||" not in _text(path):
        raise ProjectError(
            f"{path} checks another study of this repository, and stays."
            f" Next: run headrace hook --remove there, or add this line before its first `if`:\n"
            f"  (cd {_folder(project.root)} && headrace check --staged) || exit 1"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script, "utf-8")
    path.chmod(0o755)
    return f"{path}: each commit is checked from now on"


def remove(project: Project) -> str:
    """Take our hook away; return what was done.

    Errors:
        ProjectError: there is no repository, or a hook of someone else's.
    """
    path = _path(project.root)
    if not path.exists():
        return "there is no hook"
    if MARK not in _text(path):
        raise ProjectError(f"{path} is not headrace's, and stays. Next: delete it by hand")
    path.unlink()
    return f"{path}: removed"


def _path(root: Path) -> Path:
    """Return where git looks for the hook that it runs before a commit."""
    if not git.is_repository(root):
        raise ProjectError(f"{root} is in no git repository. Next: git init -b main")
    hooks = git.run(root, "rev-parse", "--git-path", "hooks").rstrip("\n")
    return Path(os.path.normpath(root / hooks)) / "pre-commit"


def _script(root: Path) -> str:
    return SCRIPT.format(mark=MARK, folder=_folder(root))


def _folder(root: Path) -> str:
    """Return the study's folder from the top of the repository on, as a shell reads it."""
    inside = git.run(root, "rev-parse", "--show-prefix").rstrip("\n")
    return shlex.quote(f"./{inside}")


def _text(path: Path) -> str:
    return path.read_text("utf-8", "replace")
