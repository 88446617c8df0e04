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
    """Load what a source names: a file, `model#prod`, `model@v1.2.0`; nothing: dvc.yaml's artifact.

    What answers is the code that lies in the bundle, whatever the study has now.

    Errors:
        DataError: the bundle is refused, or nobody at hand has its bytes.
        ProjectError: there is no such version, or no artifact.
    """
    if not source:
        return loaded(command.default(found))
    if ("#" in source or "@" in source) and not Path(source).exists():
        return loaded(*fetch.bundle(found.root, source))
    return loaded(Path(source))


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
