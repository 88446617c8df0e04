"""The commands of the registry."""

import argparse

from headrace.core import artifact
from headrace.core.project import Project
from headrace.registry import promote, register, rollback


def run(project: Project, args: argparse.Namespace) -> None:
    """Run one of the commands that write a tag.

    Errors:
        HeadraceError: see the command's own module.
    """
    if args.registry == "register":
        found = artifact.select(project, args.artifact)
        print(*register.register(project, found, bump=args.bump, dry=args.dry_run), sep="\n")
        return
    {"promote": promote.run, "rollback": rollback.rollback, "demote": rollback.demote}[
        args.registry
    ](project, args)
