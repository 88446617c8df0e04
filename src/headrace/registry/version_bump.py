"""The parts of a bundle that decide how far the next version is from the last."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace.bundle import load as bundle
from headrace.errors import DataError
from headrace.registry.evidence import lookup
from headrace.registry.tags import Version

LEVELS = ("patch", "minor", "major")
WEIGHTS = {"schema": "major", "features": "minor", "data": "minor", "parameters": "patch"}
FIRST = Version(1, 0, 0)
Parts = Mapping[str, Any]


def read(path: Path, name: str) -> dict[str, Any]:
    """Return a bundle's parts: hashes of its schema, feature code, data and parameters.

    `name` is what messages call it: in DVC's cache a file is called by its hash.

    Errors:
        DataError: it is refused.
    """
    try:
        content = bundle.read_manifest(path)
    except DataError as error:
        raise DataError(f"{name} cannot be registered: {error}") from None
    return {
        "schema": lookup(content, "files", "schema.json"),
        "features": content.get("feature_code"),
        "data": content.get("data"),
        "parameters": content.get("parameters"),
    }


def propose(last: Version | None, old: Parts | None, new: Parts) -> tuple[Version, str]:
    """Return the next version, and why: by the gravest of what changed since the last one."""
    if last is None:
        return FIRST, "the first version"
    if old is None:
        why = f"{last} holds no evidence, so nobody can tell what changed"
        return last.bump("major"), why
    changed = [part for part in WEIGHTS if old.get(part) != new.get(part)]
    grave = max((WEIGHTS[part] for part in changed), key=LEVELS.index, default="patch")
    said = " and ".join([", ".join(changed[:-1]), changed[-1]] if changed[1:] else changed)
    why = f"{said or 'the code or the environment'} changed since {last}"
    return last.bump(grave), why
