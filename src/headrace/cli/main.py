"""The command `headrace`."""

import os
import sys
from collections.abc import Sequence

from headrace.cli import commands, options
from headrace.core import project
from headrace.errors import HeadraceError
from headrace.execution import failure_message
from headrace.execution.stage_process import INTERRUPTED

# jsonschema, which nbformat imports, would build a grammar of international addresses first: most
# of a second, for a format that no notebook has. Where the module is None, jsonschema does without.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # as importlib documents


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, or 1 after a message about what the user can mend."""
    parser = options.parser()
    args, words = parser.parse_known_args(arguments)
    if words and args.command not in (commands.lab, commands.debug):
        parser.error(f"unrecognized arguments: {' '.join(words)}")
    args.words = words
    try:
        if args.command is commands.audit:
            code = int(commands.audit(args))
        else:
            code = int(args.command(project.find_project(), args) or 0)
        print(end="", flush=True)
        return code
    except BrokenPipeError:  # `| head` has seen enough; nor is there anyone to tell at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except HeadraceError as error:
        failure_message.show(error)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
