"""In which line of a YAML file a key stands."""

from collections.abc import Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

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
