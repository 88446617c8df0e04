"""The command `headrace`."""

import os
import sys
from collections.abc import Sequence

import click

import headrace
from headrace.cli import checks, docs, live, model, start, study
from headrace.cli.base import Group
from headrace.errors import HeadraceError
from headrace.execution.stage_process import INTERRUPTED, restore_hint, show


@click.group(
    "headrace",
    cls=Group,
    examples="""
    headrace run train          run one stage, as dvc repro does
    headrace check              lint the study
    headrace diff main          what changed since main, and whether it is real
    headrace diff --help        the options of a command, with examples
    """,
)
@click.version_option(headrace.__version__, message="%(prog)s %(version)s")
def headrace_command() -> None:
    """Run notebooks as DVC stages, check and compare them, serve and watch the model."""


headrace_command.add_section("Write", start.COMMANDS)
headrace_command.add_section("Run", study.COMMANDS)
headrace_command.add_section("Check and compare", checks.COMMANDS)
headrace_command.add_section("Register a model", model.REGISTRY)
headrace_command.add_section("Serve", model.SERVING)
headrace_command.add_section("Watch", live.COMMANDS)
headrace_command.add_section("Learn", [docs.docs])


EXTRAS = {
    "lab": ("jupyterlab", "jupyter_server"),
    "model": ("markdown_it", "pandera", "sklearn", "skops"),
    "monitor": ("matplotlib",),
    "serve": ("fastapi", "msgspec", "prometheus_client", "starlette", "uvicorn"),
}
"""What each extra of the distribution brings, by the names of modules."""


def missing_extra(error: ModuleNotFoundError) -> HeadraceError:
    """Return an error that says which extra to install, or raise the one that is given."""
    module = str(error.name).partition(".")[0]
    for extra, modules in EXTRAS.items():
        if module in modules:
            return HeadraceError(
                f"{module} is not installed. Next: add headrace[{extra}] to the dependencies in"
                " pyproject.toml, then make lock and make setup"
            )
    raise error


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, or 1 after a message about what the user can fix."""
    words = [*(sys.argv[1:] if arguments is None else arguments)]
    try:
        code = headrace_command.main(words, prog_name="headrace", standalone_mode=False)
        print(end="", flush=True)
        return int(code or 0)
    except click.ClickException as error:
        error.show()
        print(restore_hint(), end="", file=sys.stderr)
        return error.exit_code
    except ModuleNotFoundError as error:
        show(missing_extra(error))
        return 1
    except BrokenPipeError:  # `| head` has seen enough; nor is there anyone to tell at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except HeadraceError as error:
        show(error)
        return 1
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
