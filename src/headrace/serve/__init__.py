"""Serving a bundle over HTTP. This module holds the options alone, and imports nothing heavy."""

from collections.abc import Callable
from typing import Any

import click


class ListOption(click.Option):
    """An option with `multiple` that takes all the words up to the next option."""

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Add it; click itself lets only arguments take any number of words."""
        super().add_to_parser(parser, ctx)
        option = parser._long_opt[self.opts[0]]
        process = option.process

        def process_all(word: str, state: Any) -> None:
            process(word, state)
            while state.rargs and not state.rargs[0].startswith("-"):
                process(state.rargs.pop(0), state)

        option.process = process_all


OPTIONS = [
    click.argument("source", required=False, default=""),
    click.option("--host", default="127.0.0.1", show_default=True, help="Address."),
    click.option("--port", type=int, default=8000, show_default=True, help="0: any free one."),
    click.option(
        "--tokens",
        metavar="FILE",
        default="",
        help="Hashed tokens, made by headrace token; needed on any address but loopback.",
    ),
    click.option("--insecure", is_flag=True, help="Listen on any address without tokens."),
    click.option(
        "--log",
        metavar="FOLDER",
        default="",
        help="Where predictions are logged, one file an hour.  [default: as params.yaml says]",
    ),
    click.option("--log-days", type=int, metavar="N", help="Days that the log is kept."),
    click.option("--no-log", is_flag=True, help="Log nothing."),
    click.option(
        "--log-never",
        cls=ListOption,
        multiple=True,
        metavar="INPUT...",
        help="Inputs that are never logged, beside those of params.yaml.",
    ),
]


def serve_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a server to a command; without a study `source` is a file."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function
