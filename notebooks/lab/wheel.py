"""`make wheel`: build headrace, and put it where a study finds it: vendor/ and its lock."""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from lab import paths

VENDOR, LOCK = "vendor", "requirements.lock"
LOCKS = (LOCK, f"blank/{LOCK}")
"""The template has a lock for each start; a study has one."""
EPOCH = "315532800"
"""The date in a wheel, 1980-01-01: the same source gives the same bytes."""
PIN = re.compile(r"(?m)^headrace==\S+ \\\n    --hash=sha256:[0-9a-f]+$")


def main() -> None:
    """Put the working tree's wheel into the template; `--check` only compares it with that."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail where the committed one is old")
    if not parser.parse_args().check:
        print(f"{place(paths.study).relative_to(paths.root)}: {build().stat().st_size:,} bytes")
    elif reason := outdated(paths.study):
        sys.exit(f"{reason}. Next: make wheel, and commit both")


def source_files() -> list[Path]:
    """Return the files that a wheel is made of."""
    folders = (paths.root / "src/headrace", paths.root / "docs")
    inside = (path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file())
    sources = [path for path in inside if "__pycache__" not in path.parts]
    return [paths.root / "pyproject.toml", paths.root / "LICENSE", *sources]


def build() -> Path:
    """Return the wheel of the working tree, built once for each state of its files."""
    total = hashlib.sha256()
    for path in source_files():
        total.update(f"{path.relative_to(paths.root)}\0".encode() + path.read_bytes())
    folder = paths.root / "build/wheels" / total.hexdigest()[:16]
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            subprocess.run(
                [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "-d", temporary],
                cwd=paths.root,
                env=os.environ | {"SOURCE_DATE_EPOCH": EPOCH},
                check=True,
                capture_output=True,
            )
            complete = Path(shutil.copytree(temporary, f"{temporary}-whole"))
            if not folder.is_dir():
                complete.rename(folder)
    (wheel,) = folder.glob("*.whl")
    return wheel


def place(study: Path) -> Path:
    """Put the working tree's wheel into a study's vendor folder and its hash into the locks."""
    wheel, folder = build(), study / VENDOR
    folder.mkdir(exist_ok=True)
    for old in folder.glob("headrace-*.whl"):
        old.unlink()
    for lock in _locks(study):
        lock.write_text(PIN.sub(lambda _: pin(wheel), lock.read_text("utf-8")), "utf-8")
    return Path(shutil.copyfile(wheel, folder / wheel.name))


def pin(wheel: Path) -> str:
    """Return the lines of a lock that name a wheel."""
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return f"headrace=={wheel.name.split('-')[1]} \\\n    --hash=sha256:{digest}"


def outdated(study: Path) -> str:
    """Say in what a study's wheel or lock is not what the working tree builds; nothing where it is.

    Members are compared, not the archive's bytes: another zlib compresses differently.
    """
    wheel = build()
    committed = study / VENDOR / wheel.name
    if not committed.is_file():
        return f"{VENDOR}/ has no {wheel.name}"
    if _members(committed) != _members(wheel):
        return f"{VENDOR}/{wheel.name} is not what src/headrace builds"
    for lock in _locks(study):
        if pin(committed) not in lock.read_text("utf-8"):
            return f"{lock.relative_to(study)} does not have the hash of {VENDOR}/{wheel.name}"
    return ""


def _locks(study: Path) -> list[Path]:
    return [study / name for name in LOCKS if (study / name).is_file()]


def _members(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


if __name__ == "__main__":
    main()
