"""A model as a skops file in canonical form: the same fitted model gives the same bytes.

A plain skops file holds the time of writing and every object's address. Here the members of the zip
are in order and carry one fixed time, and the addresses become numbers in order of appearance.
"""

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from skops import io as skops_io
from skops.io.exceptions import UntrustedTypesFoundException

from headrace.core import atomic
from headrace.errors import DataError, join_names, unreadable

SCHEMA = "schema.json"
MAX_LISTED = 5
MODULE_KEYS = ("__module__", "module_path")
"""The keys under which skops names a module."""
SCIKIT_LEARN = frozenset(
    {
        "numpy.dtype",  # of SimpleImputer, KBinsDiscretizer
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.cluster._bisect_k_means._BisectingTree",
        "sklearn.cluster._kmeans._kmeans_single_lloyd",
        "sklearn.feature_selection._univariate_selection.f_classif",
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        "sklearn.gaussian_process.kernels.ConstantKernel",
        "sklearn.gaussian_process.kernels.Product",
        "sklearn.gaussian_process.kernels.RBF",
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    }
)
"""Types and functions in the files of scikit-learn's own estimators that skops does not list yet.

Each was read: it holds arrays, numbers and others of these, and runs no code of the file. Trees are
not among them: scikit-learn follows the indices in them without a look at their bounds, so a forged
file can crash a process.
"""
FIXED_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can hold."""


class UntrustedTypesError(DataError):
    """A model file holds types that nobody has listed; `types` are their names."""

    def __init__(self, name: str, types: Sequence[str]) -> None:
        self.types = types
        super().__init__(
            f"{name} holds types that are not listed as trusted: {join_names(types, MAX_LISTED)}."
            " Next: headrace trust shows what they are, and how to list them"
        )


def write(model: object, path: Path) -> None:
    """Write a fitted scikit-learn model in canonical form, whole or not at all."""
    canonical = _canonical(skops_io.dumps(model))
    atomic.write_whole(path, lambda temporary: temporary.write_bytes(canonical))


def read(path: Path, *, trusted: Sequence[str]) -> Any:
    """Load a model; no code in its file can run.

    `trusted` lists the types that it may hold beyond those of skops and of `SCIKIT_LEARN`.

    Errors:
        DataError: the file is missing or broken, or holds a type that is not trusted.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        step = "Next: dvc checkout, or dvc repro"
        raise DataError(f"{unreadable(path.name, error)}. {step}") from None
    return loads(content, path.name, trusted=trusted)


def loads(
    content: bytes, name: str, *, trusted: Sequence[str], rename: Callable[[str], str] = str
) -> Any:
    """Load a model from a file's bytes; messages call it `name`. See `read`.

    `rename` returns Python's name for a module that the file names; `trusted` has Python's names.
    """
    try:
        listed = [*SCIKIT_LEARN, *trusted]
        return skops_io.loads(_rename_modules(content, rename), trusted=listed)
    except UntrustedTypesFoundException as error:
        types = re.findall(r"'([\w.]+)'", str(error).partition("]")[0])
        raise UntrustedTypesError(name, types) from None
    except Exception as error:  # a broken file can fail anywhere in skops or in NumPy
        raise DataError(f"{name} cannot be loaded: {error}\nNext: dvc repro") from None


def _rename_modules(content: bytes, rename: Callable[[str], str]) -> bytes:
    """Return a model file in which modules have other names; unchanged where none has."""
    members = _members(content)
    schema = json.loads(members[SCHEMA])
    for node in _objects(schema):
        node |= {key: rename(node[key]) for key in MODULE_KEYS if isinstance(node.get(key), str)}
    if schema == json.loads(members[SCHEMA]):
        return content
    # Not compressed: it is read once, from memory.
    return _zip({**members, SCHEMA: json.dumps(schema).encode()}, zipfile.ZIP_STORED)


def _canonical(content: bytes) -> bytes:
    members = _members(content)
    schema = json.loads(members.pop(SCHEMA))
    new_names = _renumber(schema)
    order = sorted(members, key=lambda name: int(new_names[name].partition(".")[0]))
    renamed = {new_names[name]: members[name] for name in order}
    text = json.dumps(schema, indent=1).encode()
    return _zip({SCHEMA: text, **renamed}, zipfile.ZIP_DEFLATED)


def _members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _zip(members: Mapping[str, bytes], compression: int) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name, FIXED_TIME)
            entry.compress_type = compression
            archive.writestr(entry, content)
    return target.getvalue()


def _renumber(schema: dict[str, Any]) -> dict[str, str]:
    """Give the schema's objects numbers in order of appearance; return each file's new name."""
    numbers: dict[int, int] = {}
    names: dict[str, str] = {}
    nodes = (node for node in _objects(schema) if "__id__" in node)
    for count, node in enumerate(nodes):
        # Whether two equal texts or numbers are one object depends on the interpreter, not on the
        # model: each gets its own number. What is shared on purpose stays shared.
        key = -count if node.get("is_json") else node["__id__"]
        node["__id__"] = numbers.setdefault(key, len(numbers))
        if "file" in node:
            suffix = Path(node["file"]).suffix
            names.setdefault(node["file"], f"{node['__id__']}{suffix}")
            node["file"] = names[node["file"]]
    return names


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects of a schema, each before those in it."""
    if isinstance(value, dict):
        yield value
    for child in value.values() if isinstance(value, dict) else value:
        if isinstance(child, dict | list):
            yield from _objects(child)
