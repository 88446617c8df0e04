"""`python -m headrace.score IN OUT --model BUNDLE`: score where no study is."""

import argparse
import sys
from pathlib import Path

from headrace import score
from headrace.errors import HeadraceError


def main() -> int:
    """Score the file of the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m headrace.score", description=__doc__)
    score.add(parser)
    args = parser.parse_args()
    try:
        from headrace.bundle import model_service
        from headrace.score import command

        if not args.model:
            raise HeadraceError("By which bundle? Next: --model BUNDLE")
        return command.run(model_service.loaded(Path(args.model)), args)
    except HeadraceError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    sys.exit(main())
