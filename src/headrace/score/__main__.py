"""`python -m headrace.score IN OUT --model BUNDLE`: score a file where there is no study."""

import sys
from pathlib import Path

import click

from headrace.errors import HeadraceError

FILE = click.Path(path_type=Path)


@click.command("python -m headrace.score")
@click.argument("rows", type=FILE, metavar="IN")
@click.argument("scored", type=FILE, metavar="OUT")
@click.option("--model", type=FILE, metavar="BUNDLE", required=True, help="A bundle's file.")
def main(rows: Path, scored: Path, model: Path) -> None:
    """Predict a file of rows, CSV or Parquet, which may be larger than memory.

    OUT gets the rows with prediction and positive; refused rows are written beside it.
    """
    try:
        from headrace.bundle import model_service
        from headrace.score import command

        sys.exit(command.score_file(model_service.load_champion(model), rows, scored))
    except HeadraceError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
