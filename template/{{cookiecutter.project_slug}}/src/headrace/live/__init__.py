"""`headrace ingest`: what came in one period becomes a batch, a file that DVC keeps.

batch     the file of a batch: its name, its columns, what tells its rows apart
tables    a file, or what the server wrote down, read as a table
truth     what turned out later, joined to a batch
declared  a batch's place in params.yaml and dvc.yaml
command   all of it in one step, or nothing of it
"""

import argparse
from pathlib import Path


def add(parser: argparse.ArgumentParser) -> None:
    """Give the command its options."""
    text = "CSV or Parquet; a folder that the server writes down into, such as data/served; or a"
    text += " name that the study's own `arrivals` knows"
    parser.add_argument("source", type=Path, metavar="FILE", help=text)
    text = "what the batch is called; default: the file's name"
    parser.add_argument("--batch", default="", metavar="NAME", help=text)
    text = "the file holds what turned out for the rows of this batch"
    parser.add_argument("--truth", default="", metavar="BATCH", help=text)
    text = "put it in the place of a batch of this name"
    parser.add_argument("--replace", action="store_true", help=text)
