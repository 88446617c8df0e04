"""The commands `headrace image` and `headrace wheelhouse`, which write into deploy/."""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from headrace.bundle import load
from headrace.core.project import Project
from headrace.errors import DataError, HeadraceError
from headrace.registry import fetch
from headrace.report.text import counted

APP, WHEELHOUSE = "deploy/app", "deploy/wheelhouse"
COPIED = ("requirements.txt", "card.html", "card.md")
WHEELS = "vendor/"
RECIPE = "Containerfile"
BASE = re.compile(r"^(ARG BASE=\S*/python:)[0-9.]+(-[a-z0-9-]+)?$", re.MULTILINE)
"""The base image's line; one with a digest was chosen by a person, and stays."""


def image(project: Project, source: str) -> None:
    """Unpack a bundle into deploy/app, after loading it as a server does.

    Errors:
        DataError: the bundle is refused, or deploy/Containerfile is missing.
    """
    path, label = fetch.bundle_file(project, source)
    load.load(path)
    recipe = project.root / "deploy" / RECIPE
    if not recipe.is_file():
        raise DataError(f"deploy/{RECIPE} is missing. Next: cruft update, or git checkout deploy")
    _write_app(path, project.root / APP, recipe.read_text("utf-8"))
    step = f"podman build --file {APP}/{RECIPE} --tag model deploy"
    print(f"{APP} holds {label}. Next: {step}")


def wheelhouse(project: Project, source: str) -> None:
    """Write deploy/app, and the packages that it needs for this Python and platform.

    Errors:
        DataError: the bundle is refused.
        HeadraceError: the packages cannot be downloaded.
    """
    image(project, source)
    folder = project.root / WHEELHOUSE
    _download(project.root / APP / "requirements.txt", folder)
    print(
        f"{WHEELHOUSE} holds {counted(len([*folder.iterdir()]), 'package')}. Next, on a machine"
        " without a network: cd deploy && python -m venv env && env/bin/pip install --no-index"
        " --find-links wheelhouse --no-deps --require-hashes -r app/requirements.txt"
    )


def _write_app(bundle: Path, target: Path, recipe: str) -> None:
    """Write a bundle, its requirements and the recipe of its image into a folder, or nothing."""
    files, manifest = load.read_files(bundle)
    target.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".app-") as temporary:
        app = Path(temporary) / "app"
        for name, content in files.items():
            if name in COPIED or name.startswith(WHEELS):
                (app / name).parent.mkdir(parents=True, exist_ok=True)
                (app / name).write_bytes(content)
        shutil.copyfile(bundle, app / "bundle.tar")
        python = manifest["environment"]["python"]
        (app / RECIPE).write_text(BASE.sub(rf"\g<1>{python}\g<2>", recipe), "utf-8")
        # No system can replace a folder that holds files: it goes first, at the last moment.
        shutil.rmtree(target, ignore_errors=True)
        app.replace(target)


def _download(requirements: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory() as temporary:
        # An environment that uv made has no pip; a new one has the pip that comes with Python.
        python = Path(temporary) / "env/bin/python"
        subprocess.run([sys.executable, "-m", "venv", str(python.parents[1])], check=True)
        command = [str(python), "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--only-binary", ":all:", "--no-deps", "--require-hashes"]
        command += ["--requirement", str(requirements), "--dest", str(folder)]
        process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        error = (process.stderr.strip().splitlines() or [f"exit code {process.returncode}"])[-1]
        raise HeadraceError(f"The packages cannot be downloaded: {error}. Next: try again")
