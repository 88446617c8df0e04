"""The commands of the registry."""

import argparse

from headrace.project import Project
from headrace.registry import artifact, back, promote, register


def run(project: Project, args: argparse.Namespace) -> None:
    """Run one of the commands that write a tag.

    Errors:
        HeadraceError: see the command's own module.
    """
    if args.registry == "register":
        found = artifact.chosen(project, args.artifact)
        print(*register.register(project, found, bump=args.bump, dry=args.dry_run), sep="\n")
        return
    {"promote": promote.run, "rollback": back.rollback, "demote": back.demote}[args.registry](
        project, args
    )
