"""Keys of ssh's for signing commits and tags, made for one test."""

import shutil
import subprocess
from pathlib import Path

import pytest
from registered_study import Registered


def key(folder: Path, name: str) -> Path:
    """Make a key of ssh's for signing, for this test alone."""
    path = folder / name
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)]
    subprocess.run(words, check=True)
    return path


def trust(study: Registered, folder: Path, *keys: tuple[str, Path]) -> None:
    """Let git sign with the first key, and know all of them."""
    listed = folder / "allowed"
    lines = [f"{email} {path.with_suffix('.pub').read_text()}" for email, path in keys]
    listed.write_text("".join(lines))
    for name, value in {
        "gpg.format": "ssh",
        "user.signingKey": str(keys[0][1]),
        "gpg.ssh.allowedSignersFile": str(listed),
    }.items():
        study.git("config", name, value)


ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="there is no ssh-keygen")
