"""The model registry: versions and stages in git's tags, under gto's names, with evidence.

tags, evidence, people      what a tag's name and message say, and who made it
read, standing, ledger      the tags through one process; who is in which stage; the next tag
state                       what a name such as `model#prod` stands for
artifact, parts, snapshot   which file, how far a version is from the last, what a commit holds
register, promote, back     the commands that write a tag; stages, compare, approvals, ask help them
links, chain, decisions, signatures    what an audit holds against what, link by link
facts, timeline, audit                 the life of every version
past, incidents                        what became of each incident, and who decided about it
batch, batches, reign                  the live batches, and who was in the last stage meanwhile
said, terminal, markdown, as_json, page    the forms in which an audit is shown
page_entry, page_incidents, page_batches, joined    parts of the page
"""

import argparse
from pathlib import Path


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Give the command line the registry's commands."""
    register = commands.add_parser("register", help="make HEAD the next version of the model")
    text = "raise the version that is proposed; never lower it"
    register.add_argument("--bump", choices=("major", "minor", "patch"), help=text)
    register.add_argument("--dry-run", action="store_true", help="propose only")
    promote = commands.add_parser("promote", help="give a version a stage: dev, staging, prod")
    promote.add_argument("version", metavar="VERSION", help="such as v1.2.0")
    promote.add_argument("--to", required=True, metavar="STAGE")
    text = "promote though a gate breaks; the reason is shown for ever"
    promote.add_argument("--override", metavar="REASON", help=text)
    rollback = commands.add_parser("rollback", help="put the version before into a stage again")
    rollback.add_argument("--stage", metavar="STAGE", help="default: the last one")
    demote = commands.add_parser("demote", help="take the version that is in a stage out of it")
    demote.add_argument("stage", metavar="STAGE")
    audit = commands.add_parser("audit", help="tell the life of every version, and check the chain")
    text = "a clone, bare or not; default: this one"
    audit.add_argument("repository", nargs="?", type=Path, metavar="REPOSITORY", help=text)
    form = audit.add_mutually_exclusive_group()
    form.add_argument("--markdown", action="store_true", help="print Markdown")
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--html", type=Path, metavar="FILE", help="write one self-contained page")
    for parser in (promote, rollback, demote):
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--reason", metavar="TEXT", help="why; asked for where it is not given")
    named = {"register": register, "promote": promote, "rollback": rollback, "demote": demote}
    for name, parser in {**named, "audit": audit}.items():
        text = "of dvc.yaml's artifacts, where there are several"
        parser.add_argument("--artifact", metavar="NAME", help=text)
        parser.set_defaults(registry=name)
