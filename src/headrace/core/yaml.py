"""Read YAML as DVC does, by the rules of YAML 1.2, into JSON's types; find the lines of keys."""

import math
import re
import shlex
from collections.abc import Hashable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import yaml
from yaml.constructor import ConstructorError
from yaml.error import MarkedYAMLError, YAMLError

from headrace.errors import ProjectError, unreadable

SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast in C

Key = str | int
Kind = TypeVar("Kind", list[Any], dict[str, Any])
SCALARS = (str, bool, int, float, type(None))
DIRECTIVE = re.compile(r"^\ufeff?%YAML(?!\s+1\.2\s)", re.MULTILINE)
SEPARATOR = re.compile("[\x85\u2028\u2029]|(?!^)\ufeff")
"""Characters that end a line in YAML 1.1, as in libyaml, and not in YAML 1.2; a stray mark."""
DEEPEST = 1000
"""Levels; libyaml crashes at some ten thousand."""
DEEP = re.compile(rf"^[ \t?:-]{{{DEEPEST}}}", re.MULTILINE)
BRACKET = re.compile(r"[\[\]{}]")
TAG = "tag:yaml.org,2002:"
RESOLVERS = (
    ("bool", "tTfF", r"true|True|TRUE|false|False|FALSE"),
    (
        "float",
        "-+0123456789.",
        r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
        r"|[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    ),
    ("int", "-+0123456789", r"[-+]?(?:0b[01_]+|0o?[0-7_]+|[0-9_]+|0x[0-9a-fA-F_]+)"),
    ("merge", "<", "<<"),
    ("null", ("~", "n", "N", ""), r"~|null|Null|NULL|"),
    (
        "timestamp",
        "0123456789",
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}"
        r":[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?",
    ),
    ("value", "=", "="),
)
"""Tag, first letters and pattern of the plain scalars that are not text.

They are those of ruamel.yaml, by which DVC reads: `yes` is text, `010` is ten, `1e3` is a number.
"""


class Loader(SafeLoader):  # type: ignore[misc]  # PyYAML is untyped
    """PyYAML's loader with the rules of ruamel.yaml for scalars and for duplicate keys."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {
        letter: [
            (TAG + tag, re.compile(f"(?:{pattern})$"))
            for tag, letters, pattern in RESOLVERS
            if letter in tuple(letters)
        ]
        for letter in {letter for _, letters, _ in RESOLVERS for letter in letters}
    }

    def flatten_mapping(self, node: Any) -> None:
        """Replace `<<` by what it merges; it may stand once."""
        merges = [key for key, _ in node.value if key.tag == f"{TAG}merge"]
        if len(merges) > 1:
            raise _duplicate("<<", merges[1])
        # PyYAML may call this twice for one node; the second time no `<<` is left in it.
        node.is_merged = bool(merges) or getattr(node, "is_merged", False)
        super().flatten_mapping(node)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        """Build a mapping; a key may stand twice only beside `<<`, as in DVC."""
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep)
        if len(mapping) < len(node.value) and not node.is_merged:
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            place = next(i for i, key in enumerate(keys) if key in keys[:i])
            raise _duplicate(keys[place], node.value[place][0])
        return mapping

    def construct_int(self, node: Any) -> int:
        """Read an integer: decimal, even with a leading 0, or after `0b`, `0o` or `0x`."""
        text = self.construct_scalar(node).replace("_", "")
        sign, digits = -1 if text[0] == "-" else 1, text.lstrip("+-")
        base = {"0b": 2, "0o": 8, "0x": 16}.get(digits[:2], 10)
        return sign * int(digits if base == 10 else digits[2:], base)

    def construct_float(self, node: Any) -> float:
        """Read a number; `.inf` and `.nan` are refused afterwards, with their place."""
        text = self.construct_scalar(node).replace("_", "").lower()
        return float(text.replace(".inf", "inf").replace(".nan", "nan"))


Loader.add_constructor(f"{TAG}int", Loader.construct_int)
Loader.add_constructor(f"{TAG}float", Loader.construct_float)


def _duplicate(key: object, node: Any) -> ConstructorError:
    return ConstructorError(None, None, f"duplicate key {str(key)!r}", node.start_mark)


def read(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds one mapping.

    Errors:
        ProjectError: the file is missing, or see `parse`.
    """
    try:
        return parse(path.read_bytes(), path.name)
    except OSError as error:
        raise ProjectError(
            f"{unreadable(path.name, error)}. Next: git checkout HEAD -- {shlex.quote(path.name)}"
        ) from None


def parse(text: bytes, name: str, *, json_only: bool = True) -> dict[str, Any]:
    """Read YAML that holds one mapping; `name` is what messages call it.

    Without `json_only` values and names may be of any type, as in a dvc.yaml.

    Errors:
        ProjectError: it is not valid YAML 1.2, or holds a tag, a date, a NaN or a key that is not
            text; the place is named.
    """
    content = load(text, name)
    if not isinstance(content, dict):
        raise ProjectError(
            f"{name} must hold names and values, not {type(content).__name__}."
            " Next: write lines such as `name: value`"
        )
    try:
        if json_only:
            _refuse_other_types(content, name, "")
    except RecursionError:
        raise ProjectError(
            f"{name} is nested too deeply, or contains itself. Next: write it flatter"
        ) from None
    return content


def load(text: bytes, name: str) -> Any:
    """Read YAML, whatever it holds; `name` is what messages call it.

    Errors:
        ProjectError: it is not valid YAML 1.2; the place is named.
    """
    try:
        decoded = text.decode("utf-8")
        _refuse_odd(decoded)
        return yaml.load(decoded, Loader)
    except UnicodeDecodeError as error:
        raise ProjectError(f"{name} is not UTF-8 text: {error}. Next: save it as UTF-8") from None
    except MarkedYAMLError as error:
        problem = (error.problem or "not valid YAML").split("\n")[0]
        if problem == "found unhashable key":
            problem = "a name is a list or a mapping; it must be text"
        raise ProjectError(f"{name}, {_place(error, text)}: {problem}. Next: fix {name}") from None
    except (YAMLError, ValueError, LookupError, AttributeError, RecursionError) as error:
        step = "" if "Next: " in str(error) else f". Next: fix {name}"
        raise ProjectError(f"{name} cannot be read: {error}{step}") from None


def _place(error: MarkedYAMLError, text: bytes) -> str:
    """Return line and column of an error; of what the end of the text lacks, where that stops."""
    lines = text.decode("utf-8").rstrip().split("\n")
    mark = error.problem_mark or error.context_mark
    if mark is None or mark.line >= len(lines):
        return f"line {len(lines)}, column {len(lines[-1]) + 1}"
    return f"line {mark.line + 1}, column {mark.column + 1}"


def _refuse_odd(text: str) -> None:
    """Refuse what libyaml would read otherwise than DVC's reader does, or would crash on."""
    if DIRECTIVE.search(text):
        raise ValueError("it has a %YAML directive. Next: remove it; YAML 1.2 is read")
    if separator := SEPARATOR.search(text):
        line, code = text.count("\n", 0, separator.start()) + 1, f"{ord(separator[0]):04X}"
        raise ValueError(f'line {line} has U+{code}. Next: write "\\u{code}", in quotes')
    if DEEP.search(text) or _flow_depth(text) > DEEPEST:
        raise ValueError(f"it is nested deeper than {DEEPEST} levels")


def _flow_depth(text: str) -> int:
    """Return how deep brackets are nested at most."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return 0
    return max(accumulate(1 if bracket in "[{" else -1 for bracket in BRACKET.findall(text)))


def or_empty(value: object, kind: type[Kind]) -> Kind:
    """Return a value of this type; an empty one in the place of any other, which a file may hold.

    For readers that leave the complaint to somebody else, such as a rule of `headrace check`.
    """
    return value if isinstance(value, kind) else kind()


def lookup(content: Any, dotted: str) -> Any:
    """Return the value under a dotted name, or None where there is none."""
    for part in dotted.split("."):
        if isinstance(content, list | tuple) and part.isdecimal() and int(part) < len(content):
            content = content[int(part)]
        else:
            content = content.get(part) if isinstance(content, dict) else None
    return content


def _refuse_other_types(value: object, file: str, where: str) -> None:
    if isinstance(value, dict):
        for key, child in value.items():
            if not isinstance(key, str):
                raise ProjectError(
                    f"{file}: the name {key!r} in {where or 'it'} must be text. Next: quote it"
                )
            _refuse_other_types(child, file, f"{where}.{key}" if where else key)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            _refuse_other_types(child, file, f"{where}[{index}]")
    elif type(value) not in SCALARS:
        raise ProjectError(
            f"{file}: {where} is a {type(value).__name__} ({value}), which JSON does not know."
            ' Next: quote it to make it text: "…"'
        )
    elif isinstance(value, float) and not math.isfinite(value):
        raise ProjectError(f"{file}: {where} is {value}. Next: write a finite number")


def compose(text: str) -> Any:
    """Return the tree of nodes of a YAML text, each with its place; None where it is not YAML."""
    loader = None
    try:
        _refuse_odd(text)
        loader = Loader(text)
        return loader.get_single_node()
    except (YAMLError, ValueError, RecursionError):
        return None
    finally:
        if loader is not None:
            loader.dispose()


def children(node: Any) -> list[tuple[Key, Any, Any]]:
    """Return key, key node and value node of each entry of a mapping or a list."""
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
    """Return the line, from 1, of the longest part of a path of keys that exists; 1 for none."""
    for length in range(len(keys), 0, -1):
        key_node, _ = find_node(root, keys[:length])
        if key_node is not None:
            return int(key_node.start_mark.line) + 1
    return 1
