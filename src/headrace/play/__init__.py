"""`headrace live`: the months after the model was handed over, played on a copy of the study.

people, study   who acts, and the study's own commands in the copy
server          the real server, asked while it changes its model
month           one month: flights as requests, last month's truth, the monitor, who decides
command         all of them, and the audit at the end
"""

import argparse
from pathlib import Path


def add(parser: argparse.ArgumentParser) -> None:
    """Give the command its options."""
    text = "folder for the copy; it must not be there yet; default: a temporary one, which is kept"
    parser.add_argument("--into", type=Path, metavar="FOLDER", help=text)
