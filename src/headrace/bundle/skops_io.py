"""A model as a skops file in canonical form: the same fitted model gives the same bytes.

A plain skops file holds the time of writing and every object's address. Here the members of the zip
are in order and carry one fixed time, and the addresses become numbers in order of appearance.
"""

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from skops import io as skops_io

from headrace.core import atomic
from headrace.errors import DataError

SCHEMA = "schema.json"
MODULES = ("__module__", "module_path")
"""Under which keys skops names a module."""
FIXED_TIME = (1980, 1, 1, 0, 0, 0)


def write(model: object, path: Path) -> None:
    """Write a fitted scikit-learn model in canonical form, whole or not at all."""
    canonical = _canonical(skops_io.dumps(model))
    atomic.write_whole(path, lambda temporary: temporary.write_bytes(canonical))


def read(path: Path, *, trusted: Sequence[str]) -> Any:
    """Load a model; no code in its file can run.

    `trusted` lists the types that the file may hold beyond those that skops trusts by itself.

    Errors:
        DataError: the file is missing, is no model file, or holds a type that is not trusted.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path.name} is missing. Next: dvc checkout, or dvc repro") from None
    return loads(content, path.name, trusted=trusted)


def loads(
    content: bytes, name: str, *, trusted: Sequence[str], named: Callable[[str], str] = str
) -> Any:
    """Load a model from a file's bytes; `name` is what messages call it. See `read`.

    `named` gives Python's name for a module that the file names; `trusted` holds Python's names.
    """
    try:
        return skops_io.loads(_renamed(content, named), trusted=list(trusted))
    except Exception as error:  # a broken file can fail anywhere in skops or in NumPy
        raise DataError(f"{name} cannot be loaded: {error}\nNext: dvc repro") from None


def _renamed(content: bytes, named: Callable[[str], str]) -> bytes:
    """Return a model file whose types are looked for under other names, where they have others."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members[SCHEMA])
    for node in [*_objects(schema)]:
        node |= {key: named(node[key]) for key in MODULES if isinstance(node.get(key), str)}
    if schema == json.loads(members[SCHEMA]):
        return content
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, member in {**members, SCHEMA: json.dumps(schema).encode()}.items():
            archive.writestr(name, member)
    return target.getvalue()


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Walk all that a schema holds by names."""
    if isinstance(value, dict):
        yield value
    for child in value.values() if isinstance(value, dict) else value:
        if isinstance(child, dict | list):
            yield from _objects(child)


def _canonical(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members.pop(SCHEMA))
    renamed = _renumber(schema)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        _add(archive, SCHEMA, json.dumps(schema, indent=1).encode())
        for name in sorted(members, key=lambda name: _order(renamed[name])):
            _add(archive, renamed[name], members[name])
    return target.getvalue()


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, FIXED_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)


def _order(name: str) -> int:
    return int(name.partition(".")[0])


def _renumber(schema: dict[str, Any]) -> dict[str, str]:
    """Give the schema's objects numbers in order of appearance; return each file's new name."""
    numbers: dict[int, int] = {}
    names: dict[str, str] = {}
    for count, node in enumerate(_nodes(schema)):
        # Whether two equal texts or numbers are one object is the interpreter's whim, not the
        # model's: each gets its own number. What is shared on purpose stays shared.
        key = -count if node.get("is_json") else node["__id__"]
        node["__id__"] = numbers.setdefault(key, len(numbers))
        if "file" in node:
            suffix = Path(node["file"]).suffix
            names.setdefault(node["file"], f"{node['__id__']}{suffix}")
            node["file"] = names[node["file"]]
    return names


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Walk the schema's objects, in the order in which they are written."""
    if isinstance(value, dict):
        if "__id__" in value:
            yield value
        for child in list(value.values()):
            yield from _nodes(child)
    elif isinstance(value, list):
        for child in value:
            yield from _nodes(child)
