"""`python -m headrace.serve BUNDLE`: serve without a study, with what is in the bundle."""

import os
import sys
from pathlib import Path
from typing import Any

import click

from headrace.errors import HeadraceError
from headrace.serve import serve_options


@click.command("python -m headrace.serve")
@serve_options
def main(**options: Any) -> None:
    """Answer over HTTP from the bundle in the file SOURCE."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        from headrace.bundle import model_service
        from headrace.serve import command

        chosen = command.Options(**options)
        if not chosen.source:
            raise HeadraceError("No bundle given. Next: python -m headrace.serve BUNDLE")
        command.run(lambda: model_service.load_champion(Path(chosen.source)), chosen)
    except HeadraceError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
