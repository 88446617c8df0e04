"""Write metrics as JSON of finite numbers; read them as DVC does, and walk nested ones."""

import json
import math
import posixpath
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeGuard

from headrace.core import atomic
from headrace.errors import MetricError, ProjectError

FORMATS = {".json": "JSON", ".toml": "TOML", ".py": "Python"}
"""The formats by the ends of names, as DVC has them; any other file is YAML."""


def write(values: Mapping[str, Any], path: Path) -> None:
    """Write nested metrics as JSON, whole or not at all.

    Errors:
        MetricError: a value is not a number, or NaN or infinite; nothing is written.
    """
    for name, value in leaves(values):
        if not is_numeric(value):
            raise MetricError(
                f"{path.name}: {name} is {value!r}, not a number. Next: write int or float"
            )
        if not math.isfinite(value):
            raise MetricError(
                f"{path.name}: {name} is {value}. Next: find the empty group or the division by"
                " zero that made it; a metric that cannot be compared is not written"
            )
    atomic.write_text(path, json.dumps(values, indent=2, ensure_ascii=False) + "\n")


def parse(text: bytes, path: str) -> Any:
    """Return what a metrics file holds, in the format that its name says.

    Errors:
        ValueError: it cannot be read: the end of a sentence that begins with the file's name.
    """
    name = FORMATS.get(posixpath.splitext(path)[1].lower(), "YAML")
    try:
        if name == "JSON":
            return json.loads(text)
        if name == "TOML":
            return tomllib.loads(text.decode("utf-8"))
        from headrace.core import templates, yaml  # a stage that writes metrics needs neither

        return templates.parse(text, path) if name == "Python" else yaml.load(text, path)
    except (ValueError, RecursionError, ProjectError) as error:
        problem = str(error).partition(" Next: ")[0].rstrip(".")
        raise ValueError(f"is not {name} that can be read ({problem})") from None


def leaves(
    values: Mapping[Any, Any],
    prefix: str = "",
    *,
    lists: bool = False,
    empty: bool = False,
) -> Iterator[tuple[str, Any]]:
    """Walk nested metrics or parameters: each value with its dotted name.

    With `lists`, an item of a list is a value of its own, with its index as a name: `a.3`. With
    `empty`, a mapping that holds nothing is a value.
    """
    for key, value in values.items():
        group = dict(enumerate(value)) if lists and isinstance(value, list) else value
        if isinstance(group, Mapping) and (group or not empty):
            yield from leaves(group, f"{prefix}{key}.", lists=lists, empty=empty)
        else:
            yield f"{prefix}{key}", value


def named(content: object) -> dict[Any, Any]:
    """Return the content of a metrics file as a mapping: DVC takes a list and a number, too.

    Errors:
        ValueError: it is a text, or nothing.
    """
    if isinstance(content, list):
        return dict(enumerate(content))
    if is_numeric(content):
        return {"": content}
    if not isinstance(content, dict):
        raise ValueError("must hold names and numbers")
    return content


def is_same(old: object, new: object) -> bool:
    """Tell whether two values have one type and value: NaN is NaN, 1 is neither 1.0 nor true."""
    return repr(old) == repr(new)


MAX_INTEGER = 10**300
"""Integers beyond it overflow where they meet a float."""


def is_numeric(value: object) -> TypeGuard[int | float]:
    """Tell whether a value is a number, NaN and infinity among them; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[int | float]:
    """Tell whether a value is a finite number that can be compared; true and false are none."""
    if not is_numeric(value):
        return False
    return abs(value) < MAX_INTEGER if isinstance(value, int) else math.isfinite(value)
