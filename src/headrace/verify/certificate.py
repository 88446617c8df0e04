"""What was proved, and about what: `.headrace/certificates/TREE.json`."""

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import headrace
from headrace.core import atomic, cpu, lockfile
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
    """Write what was found of a tree, good or bad, and return the file's path.

    `checkout` holds the tree's files; `circumstances` what else is to be known of the run.
    """
    content = {
        "tree": tree,
        "identical": all(outcome.good for outcome in outcomes),
        lockfile.NAME: _sha256(checkout / lockfile.NAME),
        "requirements.lock": _sha256(checkout / "requirements.lock"),
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
