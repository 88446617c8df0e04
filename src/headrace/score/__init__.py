"""`headrace score`: a file of rows in, a file of predictions out, in parts that fit into memory."""

import argparse
from pathlib import Path


def add(parser: argparse.ArgumentParser) -> None:
    """Give the command its options."""
    parser.add_argument("rows", type=Path, metavar="IN", help="CSV or Parquet, larger than memory")
    text = "CSV or Parquet: the rows with prediction and positive; refused ones beside it"
    parser.add_argument("scored", type=Path, metavar="OUT", help=text)
    text = "a bundle's file, or model#prod, or model@v1.2.0; default: the artifact of dvc.yaml"
    parser.add_argument("--model", default="", metavar="SOURCE", help=text)
