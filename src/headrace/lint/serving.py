"""A rule on what the server writes down: what it leaves out is called as the bundle calls it."""

import json
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from headrace.core import artifact
from headrace.core.suggest import nearest
from headrace.errors import ProjectError
from headrace.lint.context import Study
from headrace.lint.rules import Found, found, rule

FILE, KEYS = "params.yaml", ("serve", "log_never")


@rule()
def log_never(study: Study) -> Iterator[Found]:
    """The server is never to write down {name}, which is no input of {file}.{near}.

    Next: name an input of it; the server does not start otherwise
    """
    for file, known in _inputs(study).items() if _never(study) else ():
        for place, name in enumerate(_never(study)):
            if name not in known:
                at = study.at(FILE, *KEYS, place)
                yield found(at, name=name, file=file, near=nearest(name, known))


def _never(study: Study) -> list[str]:
    """Return the names in params.yaml; what is no name, the typed model tells."""
    block: Any = (study.values or {}).get(KEYS[0])
    names = block.get(KEYS[1]) if isinstance(block, dict) else None
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _inputs(study: Study) -> dict[str, list[str]]:
    """Return the inputs of the bundle that the server would serve; none where it is not there."""
    with suppress(ProjectError, OSError, ValueError, LookupError, AttributeError, TypeError):
        file = next(iter(artifact.artifacts(study.root).values()))
        return {file: [*_schema(study.root / file)["properties"]]}
    return {}


def _schema(bundle: Path) -> Any:
    try:
        with tarfile.open(bundle, "r:") as archive:
            content = archive.extractfile("schema.json")
            return json.load(content) if content else {}
    except tarfile.TarError as error:
        raise ValueError(str(error)) from None
