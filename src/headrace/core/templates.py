"""Resolve the templates of a pipeline file (`vars`, `${…}`, `foreach`, `matrix`) by DVC's parser.

dvc is imported where a file has templates, and not before: that takes as long as many a check.
"""

import io
import json
import logging
import posixpath
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from headrace.core import dvc_schema, yaml
from headrace.core.attributes import replaced
from headrace.core.stage import split_name
from headrace.errors import ProjectError

Read = Callable[[str], bytes | None]
"""Gives the content of a file by its path from the study on; None where there is no such file."""

PARSED_BY_DVC = (".json", ".toml", ".py")
PLAIN = re.compile(r"[^.\[\]]+(?:\.[^.\[\]]+|\[[^.\[\]]+\])*")
"""An expression such as `block.name` or `list[0]`."""
SETTINGS = ".dvc/config"
STRUCTURE = (
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What DVC's parser raises where a file is not as its schema wants it."""


class Resolver:
    """The definitions in the content of a pipeline file, each resolved when it is asked for."""

    def __init__(self, content: Mapping[str, Any], file: str, read: Read) -> None:
        """Read the files that the `vars` name.

        Errors:
            ProjectError: DVC cannot resolve them.
        """
        self._content, self._file, self._read = content, file, read
        with self._dvc() as parsing:
            config = {"parsing": _settings(read)}
            repo = SimpleNamespace(fs=_Files(read), config=config)
            self._resolver: Any = parsing.DataResolver(repo, posixpath.dirname(file), content)

    def names(self, group: str) -> list[str]:
        """Return the names of the stages that a definition stands for, as dvc.lock has them.

        Errors:
            ProjectError: DVC cannot resolve its `foreach` or `matrix`.
        """
        with self._dvc():
            definition = self._resolver.definitions[group]
            is_many = hasattr(definition, "get_generated_names")
            return list(definition.get_generated_names()) if is_many else [group]

    def stage(self, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return a stage's definition, and the values that it has as a member: axes, item and key.

        Errors:
            ProjectError: DVC cannot resolve it.
        """
        with self._dvc():
            (body,) = self._resolver.resolve_one(name).values()
            group, key = split_name(name)
            return body, _values(self._resolver.definitions[group], key) if key else {}

    def top_level(self, part: str) -> Any:
        """Return the `metrics`, `params` or `artifacts` that stand outside of the stages.

        Errors:
            ProjectError: DVC cannot resolve them.
        """
        with self._dvc():
            return getattr(self._resolver, f"resolve_{part}")()

    @contextmanager
    def _dvc(self) -> Iterator[Any]:
        """Give DVC's parser; what it refuses is an error that names the pipeline file."""
        parsing = _import()
        try:
            with _quick_expressions():
                yield parsing
        except parsing.DvcException as error:
            text = " ".join(str(error).split())
            problem = re.sub(rf" in '{re.escape(self._file)}'", "", _plain(text))
            raise ProjectError(f"{self._file}: {problem}. Next: fix {self._file}") from None
        except STRUCTURE as error:
            problem = f"DVC's parser says {error!r}"
            for message, keys in dvc_schema.problems(self._content)[:1]:
                problem = f"{message}: '{'.'.join(map(str, keys))}'"
            raise ProjectError(f"{self._file}: {problem}. Next: fix {self._file}") from None


def parse(text: bytes, path: str) -> dict[str, Any]:
    """Return what a file of parameters holds, by DVC's parser of JSON, TOML and Python.

    Errors:
        ProjectError: it cannot be read, or holds no names.
    """
    parsing = _import()
    from dvc.utils.serialize import PARSERS

    try:
        content: Any = PARSERS[posixpath.splitext(path)[1].lower()](text.decode("utf-8"), path)
    except (parsing.DvcException, ValueError, RecursionError) as error:
        problem = error.__cause__ or error
        raise ProjectError(f"{path} cannot be read: {problem}. Next: fix {path}") from None
    if not isinstance(content, dict):
        raise ProjectError(
            f"{path} must hold names and values, not {type(content).__name__}. Next: fix {path}"
        )
    return content


class _Files:
    """As much of a file system as DVC's parser uses; YAML reaches it as the JSON of our reader."""

    join = staticmethod(posixpath.join)
    normpath = staticmethod(posixpath.normpath)

    def __init__(self, read: Read) -> None:
        self._read = read

    def exists(self, path: str) -> bool:
        return self._read(posixpath.normpath(path)) is not None

    def isdir(self, _path: str) -> bool:
        return False

    def suffix(self, path: str) -> str:
        suffix = posixpath.splitext(path)[1].lower()
        return suffix if suffix in PARSED_BY_DVC else ".json"

    def open(self, path: str, **_options: Any) -> io.StringIO:
        text = self._read(posixpath.normpath(path)) or b""
        if posixpath.splitext(path)[1].lower() in PARSED_BY_DVC:
            return io.StringIO(text.decode("utf-8"))
        return io.StringIO(json.dumps(yaml.parse(text or b"{}", path)))


def _import() -> Any:
    """Import DVC's parser, which would replace this process's streams and print warnings."""
    streams = sys.stdout, sys.stderr
    import dvc.parsing

    sys.stdout, sys.stderr = streams
    logging.getLogger("dvc.parsing").setLevel(logging.CRITICAL)
    return dvc.parsing


@contextmanager
def _quick_expressions() -> Iterator[None]:
    """Read plain expressions without pyparsing, whose import takes as long as dvc's parser."""
    from dvc.parsing import interpolate

    parse_all = interpolate.parse_expr

    def parse_expression(text: str) -> Any:
        if PLAIN.fullmatch(text):
            return interpolate.normalize_key(text)
        return parse_all(text)

    with replaced(interpolate, "parse_expr", parse_expression):
        yield


def _values(definition: Any, key: str) -> dict[str, Any]:
    """Return a member's values: of a matrix by its axes, of a foreach as `item` and `key`."""
    value = _unwrapped(definition.normalized_iterable[key])
    if hasattr(definition, "matrix_data"):
        return dict(value)
    is_mapping = isinstance(definition.resolved_iterable, Mapping)
    return {"item": value} | ({"key": key} if is_mapping else {})


def _unwrapped(value: Any) -> Any:
    """Return a value without the nodes by which DVC knows where it is from."""
    if hasattr(value, "get_sources"):
        return value.value
    if isinstance(value, Mapping):
        return {name: _unwrapped(item) for name, item in value.items()}
    return [_unwrapped(item) for item in value] if isinstance(value, list | tuple) else value


def _plain(text: str) -> str:
    """Return text without a terminal's colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text).rstrip(".")


def _settings(read: Read) -> dict[str, str]:
    """Return how DVC writes a dictionary into a command: the section `parsing` of its settings."""
    from configparser import ConfigParser, Error

    parser = ConfigParser(interpolation=None, strict=False)
    for path in (SETTINGS, f"{SETTINGS}.local"):
        try:
            parser.read_string((read(path) or b"").decode("utf-8", "replace"))
        except Error:
            continue  # DVC itself reports it
    return dict(parser["parsing"]) if parser.has_section("parsing") else {}
