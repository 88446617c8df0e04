"""What all commands share: examples in their help, the study they run in, completion of names."""

import functools
import inspect
import os
import sys
import webbrowser
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from headrace.core import git, project
from headrace.errors import HeadraceError, nearest

Callback = Callable[..., int | None]
Completion = Callable[[click.Context, click.Parameter, str], list[str]]


class Examples(click.Command):
    """Shows examples in its help, before the options."""

    def __init__(self, *args: Any, examples: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = inspect.cleandoc(examples)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, then the options."""
        if self.examples:
            with formatter.section("Examples"):
                for line in self.examples.splitlines():
                    formatter.write(f"  {line}\n")
        super().format_options(ctx, formatter)


class Command(Examples):
    """A command."""


class Group(Examples, click.Group):
    """The command line: its help lists the commands by what they are for."""

    command_class = Command

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sections: dict[str, list[str]] = {}

    def add_section(self, title: str, commands: Sequence[click.Command]) -> None:
        """Add commands under a title of the help."""
        self.sections[title] = [str(command.name) for command in commands]
        for command in commands:
            self.add_command(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is asked for; where there is none, name the nearest."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            ctx.fail(f"No such command {args[0]!r}.{nearest(args[0], self.commands)}")
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of the help."""
        return [name for names in self.sections.values() for name in names]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, section by section."""
        width = max(map(len, self.commands)) + 2
        for title, names in self.sections.items():
            with formatter.section(title):
                room = formatter.width - width - 6  # as click's own format_commands reckons it
                summaries = (self.commands[name].get_short_help_str(room) for name in names)
                padded = (name.ljust(width) for name in names)
                formatter.write_dl([*zip(padded, summaries, strict=True)])


def command(name: str, *, examples: str = "", **settings: Any) -> Callable[[Callback], Command]:
    """Return a decorator that makes a command of a function; its docstring is the help."""
    return click.command(name, cls=Command, examples=examples, **settings)


def in_study(function: Callback) -> Callback:
    """Give a command the study that it is run in, as its first argument."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> int | None:
        return function(project.find_project(), *args, **kwargs)

    return run


def page_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a command that can write its result as a page."""
    page = click.Path(path_type=Path)
    html = click.option("--html", type=page, metavar="FILE", help="Write one page.")
    text = "Open the page in a browser; without --html it is in runs/html."
    return html(click.option("--open", "open_page", is_flag=True, help=text)(function))


def report_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a command that can also print Markdown or JSON; see `report_form`."""
    markdown = click.option("--markdown", is_flag=True, help="Print Markdown.")
    json = click.option("--json", is_flag=True, help="Print JSON.")
    return markdown(json(page_options(function)))


@contextmanager
def report_form(
    root: Path,
    name: str,
    *,
    html: Path | None,
    open_page: bool,
    markdown: bool = False,
    json: bool = False,
) -> Iterator[tuple[str, Path | None]]:
    """Yield the form in which a command prints, and its page if it writes one; then open the page.

    Errors:
        UsageError: two options exclude each other.
    """
    page = root / f"runs/html/{name}.html" if open_page and html is None else html
    options = {"markdown": markdown, "json": json, "html" if html else "open": page is not None}
    selected = [option for option, is_given in options.items() if is_given]
    if len(selected) > 1:
        raise click.UsageError(f"--{selected[0]} and --{selected[1]} exclude each other.")
    yield "markdown" if markdown else "json" if json else "terminal", page
    if page and open_page:
        show_page(page)


def show_page(path: Path) -> None:
    """Open a page in the user's browser; where there is none, say where the page is."""
    if not has_screen() or not webbrowser.open(path.resolve().as_uri()):
        print(f"There is no browser here. The page is {os.path.relpath(path)}", file=sys.stderr)


def has_screen() -> bool:
    """Tell whether there is a screen that a browser could open on."""
    display = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    return display or sys.platform in ("darwin", "win32")


def completion(names: Callable[[], Iterable[str]]) -> Completion:
    """Return a shell's completion of a word by the names that a function returns."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
        with suppress(HeadraceError):  # a message would land in the line that the user types
            return [name for name in names() if name.startswith(incomplete)]
        return []

    return complete


@completion
def stage_names() -> Iterable[str]:
    """Return the names of all stages."""
    return project.find_project().all_stages


@completion
def revision_names() -> Iterable[str]:
    """Return the names of branches and tags."""
    return git.run(Path.cwd(), "for-each-ref", "--format=%(refname:short)").split()
