"""The commands `headrace image` and `headrace wheelhouse`, which write into deploy/."""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from headrace.bundle import load
from headrace.core.project import Project
from headrace.errors import DataError, HeadraceError
from headrace.serve import resolve_bundle

APP, HOUSE = "deploy/app", "deploy/wheelhouse"
NEEDED = ("requirements.txt", "card.html", "card.md")
WHEELS = "vendor/"
RECIPE = "Containerfile"
BASE = re.compile(r"^(ARG BASE=\S*/python:)[0-9.]+(-[a-z0-9-]+)?$", re.MULTILINE)
"""The line that names the Python of an image; one that names a digest is a person's, and stays."""


def image(found: Project, args: argparse.Namespace) -> None:
    """Take a bundle apart into deploy/app, after it was loaded as a server loads it.

    Errors:
        DataError: the bundle is refused, or deploy/Containerfile is missing.
    """
    path, label = resolve_bundle.path(found, args.source)
    load.load(path)
    recipe = found.root / "deploy" / RECIPE
    if not recipe.is_file():
        raise DataError(f"deploy/{RECIPE} is missing. Next: cruft update, or git checkout deploy")
    _write(path, found.root / APP, recipe.read_text("utf-8"))
    step = f"podman build --file {APP}/{RECIPE} --tag model deploy"
    print(f"{APP} holds {label}. Next: {step}")


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
        " --no-deps --require-hashes -r app/requirements.txt"
    )


def _write(bundle: Path, target: Path, recipe: str) -> None:
    """Put a bundle, what it needs and the recipe of its image into a folder, or nothing."""
    files, known = load.checked(bundle)
    target.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".app-") as temporary:
        made = Path(temporary) / "app"
        for name, content in files.items():
            if name in NEEDED or name.startswith(WHEELS):
                (made / name).parent.mkdir(parents=True, exist_ok=True)
                (made / name).write_bytes(content)
        shutil.copyfile(bundle, made / "bundle.tar")
        python = known["environment"]["python"]
        (made / RECIPE).write_text(BASE.sub(rf"\g<1>{python}\g<2>", recipe), "utf-8")
        shutil.rmtree(target, ignore_errors=True)
        made.replace(target)


def _fetch(requirements: Path, into: Path) -> None:
    shutil.rmtree(into, ignore_errors=True)
    with tempfile.TemporaryDirectory() as temporary:
        python = Path(temporary) / "env/bin/python"
        subprocess.run([sys.executable, "-m", "venv", str(python.parents[1])], check=True)
        words = ["download", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
        words += ["--no-deps", "--require-hashes", "--requirement", str(requirements)]
        words += ["--dest", str(into)]
        command = [str(python), "-m", "pip", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or ["pip said nothing"]
        raise HeadraceError(f"The packages cannot be fetched: {said[0]}. Next: try again")
