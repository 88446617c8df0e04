"""Give a table to DVC as an input of the study: a file, a folder, or an import from an address."""

import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

from headrace.core import git, processes
from headrace.errors import HeadraceError, ProjectError

RAW = "data/raw"


def take_in(root: Path, source: Path, before: str) -> None:
    """Copy a table into data/raw and give it to DVC, unless it was imported; remove the one before.

    Errors:
        ProjectError: another file of that name is there.
    """
    target = root / RAW / source.name
    if source.resolve() != target.resolve():
        if target.exists() and before != source.name:
            raise ProjectError(f"{RAW}/{source.name} is there already. Next: rename one of them")
        remove(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if source.is_dir() else shutil.copyfile
        copy(source, target)
    if before != source.name:
        for old in (root / RAW / before, root / f"{RAW}/{before}.dvc"):
            remove(old)
    if not _imported(target):
        git.run(root, "rm", "-r", "--cached", "--quiet", "--ignore-unmatch", "--", str(target))
        _dvc(root, "add", "--quiet", str(target))


def fetch(root: Path, address: str) -> Path:
    """Import a table from an address, which DVC remembers; return where it is."""
    name = Path(unquote(urlsplit(address).path)).name
    if not name:
        raise ProjectError(f"{address} names no file. Next: give the address of a file")
    target = root / RAW / name
    if not _imported(target):
        if target.exists():
            raise ProjectError(f"{RAW}/{name} is there already. Next: rename it")
        target.parent.mkdir(parents=True, exist_ok=True)
        _dvc(root, "import-url", "--quiet", address, str(target))
    return target


def _imported(target: Path) -> bool:
    """Tell whether DVC has a file from an address."""
    record = Path(f"{target}.dvc")
    return record.is_file() and "deps:" in record.read_text("utf-8").splitlines()


def _dvc(root: Path, *words: str) -> None:
    command = processes.dvc_command(*words)
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if result.returncode:
        raise HeadraceError(
            f"dvc {words[0]}: {result.stderr.strip()}. Next: check it, and try again"
        )


def remove(path: Path) -> None:
    """Remove a file or a folder, with its line in DVC's .gitignore, and a folder that is empty."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    ignore = path.with_name(".gitignore")
    lines = ignore.read_text("utf-8").splitlines() if ignore.is_file() else []
    if f"/{path.name}" in lines:
        lines.remove(f"/{path.name}")
        ignore.write_text("".join(f"{line}\n" for line in lines), "utf-8")
        if not lines:
            ignore.unlink()
    if path.parent.is_dir() and not any(path.parent.iterdir()):
        path.parent.rmdir()
