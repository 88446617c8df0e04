"""`python -m headrace.serve BUNDLE`: serve without a study, with what is in the bundle."""

import argparse
import os
import sys
from pathlib import Path

from headrace import serve
from headrace.errors import HeadraceError


def main() -> None:
    """Serve the bundle of the command line."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    parser = argparse.ArgumentParser(prog="python -m headrace.serve", description=__doc__)
    serve.add(parser)
    args = parser.parse_args()
    try:
        from headrace.bundle import model_service
        from headrace.serve import command

        if not args.source:
            raise HeadraceError("No bundle given. Next: python -m headrace.serve BUNDLE")
        command.run(lambda: model_service.loaded(Path(args.source)), args)
    except HeadraceError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
