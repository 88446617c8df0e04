"""Where a study's bundle comes from: a file, the registry, or the artifact of dvc.yaml."""

import argparse
from pathlib import Path

from headrace import parameters
from headrace.bundle import command
from headrace.project import Project
from headrace.registry import fetch
from headrace.serve.service import Champion, loaded

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

    Errors:
        ParameterError: params.yaml breaks the typed model.
    """
    raw, _ = parameters.load(found)
    block = raw.get("serve")
    if args.log or args.no_log or not isinstance(block, dict) or not block.get("log"):
        return
    args.log = str(found.root / FOLDER)
    args.log_days = args.log_days or int(block.get("log_days", 0))
    args.log_never = args.log_never or [*block.get("log_never", [])]
