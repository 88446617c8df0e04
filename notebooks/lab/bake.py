"""Make a study from the template as it lies in the working tree, and run commands in it."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from cookiecutter.main import cookiecutter

from lab import paths, wheel

IDENTITY = ("-c", "user.name=Headrace", "-c", "user.email=headrace@example.org")
"""A fresh machine has no git identity, and a demonstration must not ask for one."""


OURS = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHONPATH", "PYTHONPYCACHEPREFIX")
"""What our own Makefile sets, and a user's shell does not."""
MACHINES = ("EMAIL", "COLUMNS", "LINES", "PYTHONUNBUFFERED")
"""What a machine or a terminal sets, and another does not."""
NOBODY = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
"""With these git takes no settings of the machine's or the person's own."""


def template_files() -> list[str]:
    """Return the template's files as git sees them, tracked or new; nothing that it ignores."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "template"]
    listed = subprocess.run(command, cwd=paths.root, check=True, capture_output=True, text=True)
    return sorted(
        name for name in listed.stdout.split("\0") if name and (paths.root / name).exists()
    )


def copy_template(into: Path) -> Path:
    """Copy the template's files, and the signpost beside it, into a folder; return the folder.

    A working tree may hold caches that git ignores; cookiecutter would copy them into a study.
    The copy has the wheel that the working tree builds, which is committed only now and then.
    """
    for name in [*template_files(), "cookiecutter.json"]:
        target = into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(paths.root / name, target)
    wheel.place(into / paths.study.relative_to(paths.root))
    return into


def bake(into: Path, **answers: str) -> Path:
    """Make a study in a folder, with these answers to the prompts; return the study's folder."""
    with tempfile.TemporaryDirectory() as folder:
        template = copy_template(Path(folder)) / "template"
        return Path(
            cookiecutter(
                str(template),
                no_input=True,
                extra_context=answers,
                output_dir=str(into),
                default_config=True,  # not what this machine's user has set up
            )
        )


def commit(study: Path, message: str = "Begin") -> None:
    """Make the study a git repository if it is none, and commit all there is."""
    if not (study / ".git").exists():
        run(study, "git", "init", "--quiet", "--initial-branch=main")
    run(study, "git", "add", "--all")
    run(study, "git", *IDENTITY, "commit", "--quiet", "--allow-empty", "--message", message)


def environment(**variables: str) -> dict[str, str]:
    """Return an environment with this interpreter's commands first and nobody's own git settings.

    Who a commit is by, whether it is signed and which hooks run would otherwise differ by machine,
    and the width of what is printed by the terminal; pytest-xdist sets one.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    clean = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("DVC_", "GIT_")) and name not in MACHINES
    }
    return {**clean, **NOBODY, "PATH": path, "DO_NOT_TRACK": "1", **variables}


def user_environment(study: Path, **variables: str) -> dict[str, str]:
    """Return the environment of a study's own user: theirs on the PATH, nothing of our Makefile."""
    env = environment(**variables)
    path = os.pathsep.join([str(study / ".venv/bin"), env["PATH"]])
    return {**{name: text for name, text in env.items() if name not in OURS}, "PATH": path}


def run(
    folder: Path, *command: str, check: bool = True, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder and return what it printed; a failure shows that as well.

    Errors:
        RuntimeError: the command did not exit with 0, and `check` is on.
    """
    result = subprocess.run(
        command,
        cwd=folder,
        env=dict(env or environment()),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if check and result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit {result.returncode}\n{result.stdout}")
    return result
