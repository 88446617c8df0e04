"""`make lock`: renew both lock files, the study's first, the root's on top of it."""

import argparse
import subprocess
import tempfile
from pathlib import Path

from lab import bake, paths

COMPILE = ("uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes")
PLAIN = ("--no-header", "--no-annotate")
"""No addresses, no paths, and nothing that depends on the name of a study."""


def main() -> None:
    """Resolve the newest versions for every Python that the template supports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="add what is new, renew nothing else")
    renew = () if parser.parse_args().keep else ("--upgrade",)
    locked = paths.study / "requirements.lock"
    with tempfile.TemporaryDirectory() as folder:
        study = bake.bake(Path(folder))
        _compile(study, "pyproject.toml", "--group", "dev", *renew, output=locked)
    _compile(
        paths.root,
        "pyproject.toml",
        str(locked),
        *renew,
        output=paths.root / "requirements.lock",
    )


def _compile(folder: Path, *words: str, output: Path) -> None:
    subprocess.run([*COMPILE, *PLAIN, *words, "--output-file", str(output)], cwd=folder, check=True)
    print(f"{output.relative_to(paths.root)}: {output.read_text().count('==')} versions")


if __name__ == "__main__":
    main()
