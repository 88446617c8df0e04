"""Read YAML as JSON's types only, with the line and column of what is wrong.

The parser is DVC's own (ruamel.yaml, YAML 1.2): what DVC hashes is what a stage gets.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from headrace.errors import ProjectError

SCALARS = (str, bool, int, float, type(None))


def read(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds one mapping.

    Errors:
        ProjectError: the file is missing, or see `parse`.
    """
    try:
        return parse(path.read_bytes(), path.name)
    except FileNotFoundError:
        raise ProjectError(f"{path.name} is missing in {path.parent}") from None
    except OSError as error:
        raise ProjectError(f"{path.name} cannot be read: {error.strerror}") from None


def parse(text: bytes, name: str) -> dict[str, Any]:
    """Read YAML that holds one mapping; `name` is what messages call it.

    Errors:
        ProjectError: it is no YAML, or holds a tag, a date, a NaN or a key that is no text; the
            place is named.
    """
    try:
        content = YAML(typ="safe", pure=True).load(text.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ProjectError(f"{name} is not UTF-8 text: {error}") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "no place given"
        problem = (error.problem or "no YAML").split("\n")[0]
        raise ProjectError(f"{name}, {place}: {problem}") from None
    except TypeError:  # a list of mappings as a name: the parser cannot look it up
        raise ProjectError(
            f"{name}: a name in it is a list or a mapping; it must be text"
        ) from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise ProjectError(f"{name} cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise ProjectError(f"{name} must hold names and values, not {type(content).__name__}")
    try:
        _refuse_other_types(content, name, "")
    except RecursionError:
        raise ProjectError(f"{name} is nested too deeply, or holds itself") from None
    return content


def lookup(content: Any, dotted: str) -> Any:
    """Return the value under a dotted name, or None where there is none."""
    for part in dotted.split("."):
        content = content.get(part) if isinstance(content, dict) else None
    return content


def _refuse_other_types(value: object, file: str, where: str) -> None:
    if isinstance(value, dict):
        for key, child in value.items():
            if not isinstance(key, str):
                raise ProjectError(
                    f"{file}: the name {key!r} in {where or 'it'} must be text; quote it"
                )
            _refuse_other_types(child, file, f"{where}.{key}" if where else key)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            _refuse_other_types(child, file, f"{where}[{index}]")
    elif type(value) not in SCALARS:
        raise ProjectError(
            f"{file}: {where} is a {type(value).__name__} ({value}), which JSON does not know; "
            'quote it to make it text: "…"'
        )
    elif isinstance(value, float) and not math.isfinite(value):
        raise ProjectError(f"{file}: {where} is {value}; write a finite number")


Key = str | int


def compose(text: str) -> Any:
    """Return the tree of a YAML text, with the place of everything; None where it is no YAML."""
    try:
        return YAML(pure=True).compose(text)
    except (YAMLError, ValueError, RecursionError):
        return None


def children(node: Any) -> list[tuple[Key, Any, Any]]:
    """Return key, the key's node and the value's node of what a mapping or a list holds."""
    value = getattr(node, "value", None)
    if not isinstance(value, list):
        return []
    if node.id == "sequence":
        return [(index, item, item) for index, item in enumerate(value)]
    return [(key.value, key, item) for key, item in value if isinstance(key.value, str)]


def find_node(node: Any, keys: Sequence[Key]) -> tuple[Any, Any]:
    """Return the nodes of the last key and of its value; None, None where a key is missing."""
    key_node = node
    for key in keys:
        pair = next(((k, v) for name, k, v in children(node) if name == key), (None, None))
        key_node, node = pair
    return key_node, node


def line_of(root: Any, keys: Sequence[Key]) -> int:
    """Return the line, from 1, of the last of the keys that is there; 1 where none is."""
    for length in range(len(keys), 0, -1):
        key_node, _ = find_node(root, keys[:length])
        if key_node is not None:
            return int(key_node.start_mark.line) + 1
    return 1
