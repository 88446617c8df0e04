"""`headrace ci`: the steps that CI runs, at home as there; nothing is imported that is not needed.

`headrace.ci.comment` runs where nothing is installed but Python.
"""

import argparse
import os


def add(parser: argparse.ArgumentParser) -> None:
    """Give the command its options."""
    text = "what to compare with; default: $HEADRACE_BASE, or as headrace diff does"
    base = os.environ.get("HEADRACE_BASE", "")
    parser.add_argument("--base", metavar="REVISION", default=base, help=text)
