"""Certificates of `headrace verify`, compared with what a commit holds."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headrace.core import lockfile
from headrace.registry.events import lookup
from headrace.registry.snapshot import Snapshot
from headrace.verify.certificate import FOLDER


def read_certificate(root: Path, tree: str) -> dict[str, Any] | None:
    """Return the certificate of a tree; None where there is none that can be read."""
    try:
        certificate = json.loads((root / FOLDER / f"{tree}.json").read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return certificate if isinstance(certificate, dict) else None


def certificate_problems(certificate: object, snapshot: Snapshot) -> Iterator[str]:
    """Yield why a certificate does not prove that a commit reproduces."""
    if not isinstance(certificate, dict):
        yield "there is no certificate"
        return
    if certificate.get("tree") != snapshot.tree:
        other = str(certificate.get("tree"))[:10]
        yield f"the certificate is of tree {other}, not {snapshot.tree[:10]}"
    if certificate.get("identical") is not True:
        yield "the certificate says that not every output was identical"
    if environment := certificate.get("environment"):
        yield f"it was verified where {environment}"
    if certificate.get(lockfile.NAME) != snapshot.lock:
        yield f"the certificate is of another {lockfile.NAME}"
    md5s = {str(lookup(out, "path")): lookup(out, "md5") for out in _outputs(certificate)}
    if missing := [path for path in snapshot.outs if path not in md5s]:
        yield f"the certificate does not cover {_first(missing)}"
    if changed := [path for path, md5 in snapshot.outs.items() if md5s.get(path, md5) != md5]:
        yield f"the certificate has another MD5 for {_first(changed)}"


def _outputs(certificate: dict[str, Any]) -> list[object]:
    stages = certificate.get("stages")
    lists = [lookup(stage, "outputs") for stage in stages] if isinstance(stages, list) else []
    return [output for outputs in lists if isinstance(outputs, list) for output in outputs]


def _first(paths: list[str]) -> str:
    return paths[0] + (f" and {len(paths) - 1} more" if paths[1:] else "")
