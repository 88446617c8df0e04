"""Where a study's bundle comes from: a file, the registry, or the artifact of dvc.yaml."""

import argparse
from pathlib import Path

from headrace.bundle import command
from headrace.bundle.model_service import Champion, loaded
from headrace.core import parameters
from headrace.core.project import Project
from headrace.registry import fetch

FOLDER = "data/served"
"""Where a study keeps what its server was asked; git ignores it."""


def champion(found: Project, source: str) -> Champion:
    """Load what a source names; see `path`. What answers is the code that lies in the bundle.

    Errors:
        DataError: the bundle is refused, or nobody at hand has its bytes.
        ProjectError: there is no such version, or no artifact.
    """
    return loaded(*path(found, source))


def path(found: Project, source: str) -> tuple[Path, str]:
    """Return the file of a bundle, and what it is called.

    A source is a file, or `model#prod` or `model@v1.2.0`; nothing is the artifact of dvc.yaml.

    Errors:
        DataError: nobody at hand has the bytes of that version.
        ProjectError: there is no such version, or no artifact.
    """
    if source and ("#" in source or "@" in source) and not Path(source).exists():
        return fetch.bundle(found.root, source)
    file = Path(source) if source else command.default(found)
    return file, file.name


def kept(found: Project, args: argparse.Namespace) -> None:
    """Fill in from params.yaml's `serve` what the command line leaves open of the journal.

    What is never written down there, is not in any folder; the command line can only add to it.

    Errors:
        ParameterError: params.yaml breaks the typed model.
    """
    raw, _ = parameters.load(found)
    block = raw.get("serve")
    if args.no_log or not isinstance(block, dict) or not (args.log or block.get("log")):
        return
    args.log = args.log or str(found.root / FOLDER)
    if args.log_days is None:
        args.log_days = block.get("log_days")
    args.log_never = [*dict.fromkeys([*args.log_never, *block.get("log_never", [])])]
