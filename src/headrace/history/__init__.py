"""`headrace history`: the value of metrics over the commits of a branch."""

import argparse
from pathlib import Path


def add(parser: argparse.ArgumentParser) -> None:
    """Give the command its options."""
    text = "such as model.roc_auc, metrics/evaluate.json:model.roc_auc, or 'model.*'"
    parser.add_argument("metrics", nargs="*", metavar="METRIC", help=text)
    text = "begin at a date, such as '2 weeks ago', or at a revision"
    parser.add_argument("--since", metavar="DATE", help=text)
    parser.add_argument("--max-count", type=int, metavar="N", help="at most so many commits")
    parser.add_argument("--all", action="store_true", help="of all branches")
    parser.add_argument("--json", action="store_true", help="print it for a program")
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="write it as a page with pictures"
    )
