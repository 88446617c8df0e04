"""`headrace audit`: in a study, in another folder's, or in a bare clone."""

import argparse
import io
import sys
from pathlib import Path

from headrace.core import atomic, git
from headrace.core.project import Project
from headrace.errors import HeadraceError, ProjectError
from headrace.registry import audit, terminal
from headrace.registry.audit import Audit
from headrace.report.terminal import has_colours

LINES = 40
"""Entries that a person is shown at once; a pipe or a file gets all."""


def run(found: Project | None, args: argparse.Namespace) -> int:
    """Audit, show, and return 1 where a link is broken; `found` is the study here, if any.

    Errors:
        HeadraceError: there is no repository, or the page cannot be written.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal may lack a letter
        sys.stdout.reconfigure(errors="backslashreplace")
    root, prefix = _place(found, args.repository)
    made = audit.build(root, args.artifact, prefix)
    _show(made, args)
    return int(not made.holds)


def _place(found: Project | None, asked: Path | None) -> tuple[Path, str | None]:
    """Return the folder to ask git in, and the way to the study that is meant; None: all."""
    root = asked or (found.root if found else Path.cwd())
    if not root.is_dir():
        raise ProjectError(f"{root} is no folder here. Next: git clone --bare {root}, and that")
    try:
        git.run(root, "rev-parse", "--git-dir")
        inside = git.run(root, "rev-parse", "--is-inside-work-tree").strip() == "true"
    except ProjectError:
        raise ProjectError(f"{root} is no git repository. Next: cd into one, or name one") from None
    if not inside or not (root / "dvc.yaml").is_file():
        return root, None
    return root, git.run(root, "rev-parse", "--show-prefix").rstrip("\n")


def _show(made: Audit, args: argparse.Namespace) -> None:
    if args.html:
        from headrace.registry import page

        try:
            atomic.write_text(args.html, page.render(made))
        except OSError as error:
            problem = f"{args.html} cannot be written: {error.strerror}"
            raise HeadraceError(f"{problem}. Next: --html with another file") from None
        print(args.html)
    elif args.markdown:
        from headrace.registry import markdown

        print(markdown.render(made), end="")
    elif args.json:
        from headrace.registry import as_json

        print(as_json.render(made))
    else:
        most = LINES if sys.stdout.isatty() else None
        print(terminal.render(made, colour=has_colours(), most=most))
