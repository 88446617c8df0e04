"""Whether a certificate of `headrace verify` vouches for exactly what a commit holds."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headrace.core import lockfile
from headrace.registry.evidence import lookup
from headrace.registry.snapshot import Snapshot
from headrace.verify.certificate import FOLDER


def find(root: Path, tree: str) -> dict[str, Any] | None:
    """Return the certificate of a tree; None where there is none that can be read."""
    try:
        found = json.loads((root / FOLDER / f"{tree}.json").read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def problems(certificate: object, held: Snapshot) -> Iterator[str]:
    """Say in what a certificate does not vouch for a commit."""
    if not isinstance(certificate, dict):
        yield "there is no certificate"
        return
    if certificate.get("tree") != held.tree:
        other = str(certificate.get("tree"))[:10]
        yield f"the certificate is of tree {other}, not {held.tree[:10]}"
    if certificate.get("identical") is not True:
        yield "the certificate says that not all came out again as it was"
    if environment := certificate.get("environment"):
        yield f"it was verified where {environment}"
    if certificate.get(lockfile.NAME) != held.lock:
        yield f"the certificate is of another {lockfile.NAME}"
    yield from _outputs(certificate, held)


def _outputs(certificate: dict[str, Any], held: Snapshot) -> Iterator[str]:
    """Say which outputs the certificate does not cover, or knows by other bytes."""
    stages = certificate.get("stages")
    listed = [lookup(one, "outputs") for one in stages] if isinstance(stages, list) else []
    outputs = [one for each in listed if isinstance(each, list) for one in each]
    told = {str(lookup(one, "path")): lookup(one, "md5") for one in outputs}
    missing = [path for path in held.outs if path not in told]
    others = [path for path, md5 in held.outs.items() if path in told and told[path] != md5]
    if missing:
        yield f"the certificate says nothing of {missing[0]}{_more(missing)}"
    if others:
        yield f"the certificate knows {others[0]} by another MD5{_more(others)}"


def _more(items: list[str]) -> str:
    return f" and {len(items) - 1} more" if items[1:] else ""
