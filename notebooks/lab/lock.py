"""`make lock`: renew the lock files, those of the two starts first, the root's on top of them."""

import argparse
import subprocess
import tempfile
from pathlib import Path

from lab import bake, paths, wheel

COMPILE = ("uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes")
PLAIN = ("--no-header", "--no-annotate")
"""No addresses, no paths, and nothing that depends on the name of a study."""


def main() -> None:
    """Resolve the newest versions for every Python that the template supports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="add what is new, renew nothing else")
    renew = () if parser.parse_args().keep else ("--upgrade",)
    blank, locked = (paths.study / "blank" / wheel.LOCK, paths.study / wheel.LOCK)
    with tempfile.TemporaryDirectory() as folder:
        for start, lock in (("blank", blank), ("flights", locked)):
            study = bake.bake(Path(folder), start=start, project_slug=start)
            words = ("pyproject.toml", "--group", "dev", "--emit-find-links", *renew)
            _compile(study, *words, output=wheel.LOCK)
            lock.write_text((study / wheel.LOCK).read_text("utf-8"), "utf-8")
        pinned = Path(folder) / "study.txt"  # but for headrace, which is here as its source
        lines = wheel.PIN.sub("", locked.read_text("utf-8")).splitlines()
        pinned.write_text("\n".join(lines[1:]), "utf-8")
        words = ("--all-extras", "--group", "dev", str(pinned), *renew)
        _compile(paths.root, "pyproject.toml", *words, output=wheel.LOCK)
    for path in (blank, locked, paths.root / wheel.LOCK):
        print(f"{path.relative_to(paths.root)}: {path.read_text('utf-8').count('==')} versions")


def _compile(folder: Path, *words: str, output: str) -> None:
    subprocess.run([*COMPILE, *PLAIN, *words, "--output-file", output], cwd=folder, check=True)


if __name__ == "__main__":
    main()
