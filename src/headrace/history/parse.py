"""What the metrics files of each commit hold: each distinct blob is read and parsed once."""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from headrace.core.git import Objects
from headrace.core.metrics import leaves
from headrace.errors import ProjectError
from headrace.history.commits import Commit

Files = Mapping[str, str]
"""Of one commit: a metrics file's path from the study on, and the hash of its blob."""


@dataclass(frozen=True)
class Content:
    """What one version of a metrics file holds, or why it cannot be told."""

    values: Mapping[str, object] = field(default_factory=dict)
    problem: str = ""


def files(
    objects: Objects,
    commits: Sequence[Commit],
    prefix: str,
    folders: Iterable[str],
    is_wanted: Callable[[str], bool],
) -> Sequence[Files]:
    """Return each commit's metrics files.

    `prefix` leads from the repository's top to the study. Folders are read rather than files, so
    that a file that only older commits have is found too; one that did not change is read as one.
    """
    listed = [*folders]
    names = [
        f"{commit.hash}:{prefix}{folder}".rstrip("/") for commit in commits for folder in listed
    ]
    known: dict[tuple[str, str], dict[str, str]] = {}
    each: list[dict[str, str]] = [{} for _ in commits]
    for place, found in enumerate(objects.read_many(names)):
        folder = listed[place % len(listed)]
        if found is not None and found.kind == "tree":
            if (folder, found.hash) not in known:
                entries = _tree(found.content, len(found.hash) // 2, folder)
                known[folder, found.hash] = {
                    path: blob for path, blob in entries.items() if is_wanted(path)
                }
            each[place // len(listed)].update(known[folder, found.hash])
    return each


def _tree(content: bytes, size: int, folder: str) -> dict[str, str]:
    """Return the plain files of a git tree, and their blobs, whose hashes have `size` bytes."""
    found, at = {}, 0
    while at < len(content):
        end = content.index(b"\0", at)
        mode, _, name = content[at:end].partition(b" ")
        at = end + 1 + size
        if mode.startswith(b"100"):
            path = name.decode("utf-8", "surrogateescape")
            found[f"{folder}/{path}" if folder else path] = content[end + 1 : at].hex()
    return found


def contents(objects: Objects, blobs: Iterable[str]) -> dict[str, Content]:
    """Return what each of the blobs holds.

    Errors:
        ProjectError: git has none of them: it has ended, or its folder is broken.
    """
    distinct = [*dict.fromkeys(blobs)]
    found = [None if one is None else one.content for one in objects.read_many(distinct)]
    if distinct and not any(one is not None for one in found):
        raise ProjectError("git cannot read the metrics files it lists. Next: git fsck")
    return {
        blob: Content(problem="is not in this clone") if text is None else parse(text)
        for blob, text in zip(distinct, found, strict=True)
    }


def parse(text: bytes) -> Content:
    """Return what a metrics file holds: dotted names and values of any kind."""
    try:
        values = json.loads(text)
        if not isinstance(values, dict):
            return Content(problem="must hold names and numbers")
        return Content(dict(leaves(values)))
    except RecursionError:
        return Content(problem="is nested too deeply")
    except ValueError as error:
        return Content(problem=f"is not JSON ({error})")


def number(value: object) -> float | None:
    """Return a value that can be drawn; None for what is no finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:
        return None


def kind(value: object) -> str:
    """Say what a value is that is no finite number."""
    names: tuple[tuple[type, str], ...] = (
        (bool, "true or false"),
        (str, "text"),
        (list, "a list"),
        (dict, "a group"),
        (int, "too large a number"),
    )
    if value is None:
        return "null"
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else "infinite"
    return next(name for known, name in names if isinstance(value, known))
