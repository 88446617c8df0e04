"""`python -m headrace.serve BUNDLE`: serve without a study, with what is in the bundle."""

import os
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import click

from headrace.errors import HeadraceError
from headrace.serve import serve_options


@click.command("python -m headrace.serve")
@serve_options
def main(source: str, log_never: tuple[str, ...], **options: Any) -> None:
    """Answer over HTTP from the bundle in the file SOURCE."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        from headrace.bundle import model_service
        from headrace.serve import command

        if not source:
            raise HeadraceError("No bundle given. Next: python -m headrace.serve BUNDLE")
        args = Namespace(log_never=[*log_never], **options)
        command.run(lambda: model_service.load_champion(Path(source)), args)
    except HeadraceError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
