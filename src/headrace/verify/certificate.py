"""The result for one git tree: `.headrace/certificates/TREE.json`."""

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import headrace
from headrace.core import atomic, cpu, lockfile, requirements
from headrace.verify.result import Outcome

FOLDER = ".headrace/certificates"
"""Git ignores it: a certificate is about a tree, and must not change it."""


def write(
    root: Path,
    tree: str,
    checkout: Path,
    outcomes: Sequence[Outcome],
    circumstances: Mapping[str, Any],
) -> Path:
    """Write the certificate of a tree, whether it passed or not, and return its path.

    `checkout` is a folder with the tree's files; `circumstances` are further entries.
    """
    content = {
        "tree": tree,
        "identical": all(outcome.passed for outcome in outcomes),
        lockfile.NAME: _sha256(checkout / lockfile.NAME),
        requirements.NAME: _sha256(checkout / requirements.NAME),
        "headrace": headrace.__version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": platform.platform(),
        "processor": cpu.kind(),
        "verified": datetime.now(UTC).isoformat(timespec="seconds"),
        **circumstances,
        "stages": [outcome.as_json() for outcome in outcomes],
    }
    path = root / FOLDER / f"{tree}.json"
    atomic.write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    return path


def _sha256(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
