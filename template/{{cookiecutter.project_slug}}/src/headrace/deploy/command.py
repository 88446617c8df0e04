"""The commands `headrace image` and `headrace wheelhouse`, which write into deploy/."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from headrace.bundle import read
from headrace.errors import HeadraceError
from headrace.project import Project
from headrace.serve import source

APP, HOUSE = "deploy/app", "deploy/wheelhouse"
NEEDED = ("requirements.txt", "card.html", "card.md")


def image(found: Project, args: argparse.Namespace) -> None:
    """Take a bundle apart into deploy/app, after it was loaded as a server loads it.

    Errors:
        DataError: the bundle is refused.
    """
    path, label = source.path(found, args.source)
    read.load(path)
    _write(path, found.root / APP)
    print(f"{APP} holds {label}. Next: podman build --tag model deploy")


def wheelhouse(found: Project, args: argparse.Namespace) -> None:
    """Write deploy/app, and the packages that it needs for this Python and kind of machine.

    Errors:
        DataError: the bundle is refused.
        HeadraceError: the packages cannot be fetched.
    """
    image(found, args)
    folder = found.root / HOUSE
    _fetch(found.root / APP / "requirements.txt", folder)
    print(
        f"{HOUSE} holds {len([*folder.iterdir()])} packages. Next, where there is no network:"
        " python -m venv env && env/bin/pip install --no-index --find-links wheelhouse"
        " --require-hashes -r app/requirements.txt"
    )


def _write(bundle: Path, target: Path) -> None:
    """Put the bundle, its requirements, card and code into a folder, whole or not at all."""
    files, _ = read.checked(bundle)
    target.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".app-") as temporary:
        made = Path(temporary) / "app"
        for name, content in files.items():
            if name in NEEDED or name.startswith("src/headrace/"):
                (made / name).parent.mkdir(parents=True, exist_ok=True)
                (made / name).write_bytes(content)
        shutil.copyfile(bundle, made / "bundle.tar")
        shutil.rmtree(target, ignore_errors=True)
        made.replace(target)


def _fetch(requirements: Path, into: Path) -> None:
    shutil.rmtree(into, ignore_errors=True)
    with tempfile.TemporaryDirectory() as temporary:
        python = Path(temporary) / "env/bin/python"
        subprocess.run([sys.executable, "-m", "venv", str(python.parents[1])], check=True)
        words = ["download", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
        words += ["--require-hashes", "--requirement", str(requirements), "--dest", str(into)]
        command = [str(python), "-m", "pip", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or ["pip said nothing"]
        raise HeadraceError(f"The packages cannot be fetched: {said[0]}. Next: try again")
