"""`python -m headrace.score IN OUT --model BUNDLE`: score a file where there is no study."""

import argparse
import sys
from pathlib import Path

from headrace.errors import HeadraceError


def main() -> int:
    """Score the file of the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m headrace.score", description=__doc__)
    parser.add_argument("rows", type=Path, metavar="IN", help="CSV or Parquet, larger than memory")
    output = "CSV or Parquet: the rows with prediction and positive; refused ones are beside it"
    parser.add_argument("scored", type=Path, metavar="OUT", help=output)
    parser.add_argument(
        "--model", type=Path, metavar="BUNDLE", help="a bundle's file", required=True
    )
    args = parser.parse_args()
    try:
        from headrace.bundle import model_service
        from headrace.score import command

        return command.score_file(model_service.load_champion(args.model), args.rows, args.scored)
    except HeadraceError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    sys.exit(main())
