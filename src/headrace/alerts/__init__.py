"""Live alerts: rules on what the monitor found, incidents in git, and people who decide.

rules, reading          the block `live` of gates.yaml, and what it says of each batch
incident, runs          an incident, and from which batch to which it goes
content, folder         the file that it lies in, as JSON; the folder alerts/
update                  what new figures make of the incidents: what is to be told
telling, wording        who is told, once; the words
webhook, issues         a receiver of JSON, and GitHub's issues
issue_text              what an issue says, and what it remembers
decide, command         a person's decision, and the words of `headrace alert`
"""

import argparse


def add(alert: argparse.ArgumentParser) -> None:
    """Give `headrace alert` its words and options."""
    words = alert.add_subparsers(dest="word", metavar="WORD")
    words.add_parser("list", help="show the incidents; so does headrace alert alone")
    dismiss = words.add_parser("dismiss", help="be told no more of an incident, for a reason")
    decide = words.add_parser("decide", help="record what is done about an incident, and why")
    for one in (dismiss, decide):
        one.add_argument("id", metavar="ID", help="as headrace alert shows it")
    decide.add_argument("what", choices=("rollback", "retrain"))
    for one in (dismiss, decide):
        one.add_argument("--reason", metavar="TEXT", required=True, help="why; it is kept in git")
