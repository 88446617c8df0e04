"""`headrace ingest`: what came in one period becomes a batch, a file that DVC keeps.

batch     the file of a batch: its name, its columns, what tells its rows apart
columns   which type each of its columns has
values    a column's values read as one type
tables    a file, or what the server wrote down, read as a table
rows      the same row in two tables
truth     what turned out later, joined to a batch
again     a batch of which there is one already
order     whether batches follow each other in time
declared  a batch's file, and its place in params.yaml and dvc.yaml
alone     one command at a time
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
    text = "put it in the place of a batch of this name, whose known truth is carried over"
    parser.add_argument("--replace", action="store_true", help=text)
    text = "with --replace: let known truth go where the new batch has not the row"
    parser.add_argument("--forget-truth", action="store_true", help=text)
